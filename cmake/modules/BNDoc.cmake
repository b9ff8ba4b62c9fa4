# The reference pages of ops, attributes and passes: generated from TableGen,
# committed under docs/generated/, so that they can be read without a build.
#   bn-doc         writes them
#   check-bn-doc   fails when a committed page is not what TableGen says today

set(BN_DOC_DIR "${PROJECT_SOURCE_DIR}/docs/generated")
set(BN_DOC_BUILD_DIR "${PROJECT_BINARY_DIR}/docs")
file(MAKE_DIRECTORY "${BN_DOC_BUILD_DIR}")
set(BN_DOC_PAGES "")

# bn_doc(Page input.td flags...): `Page`.md from include/bn/`input`.
function(bn_doc page input)
  set(source "${BN_MAIN_INCLUDE_DIR}/bn/${input}")
  set(output "${BN_DOC_BUILD_DIR}/${page}.md")
  # Pages are few and quick: any change of a .td makes all of them anew.
  file(GLOB_RECURSE tds CONFIGURE_DEPENDS "${BN_MAIN_INCLUDE_DIR}/bn/*.td")
  set(includes ${MLIR_INCLUDE_DIRS})
  list(TRANSFORM includes PREPEND "-I")
  add_custom_command(OUTPUT "${output}"
    COMMAND ${MLIR_TABLEGEN_EXE} ${ARGN} "-I${BN_MAIN_INCLUDE_DIR}"
      ${includes} "${source}" -o "${output}"
    DEPENDS ${tds}
    COMMENT "Generating ${page}.md"
    VERBATIM)
  set(BN_DOC_PAGES ${BN_DOC_PAGES} ${page} PARENT_SCOPE)
endfunction()

# In phase order.
bn_doc(BNDialect Dialect/BN/IR/BNOps.td -gen-dialect-doc -dialect=bn)
bn_doc(BNPasses Dialect/BN/Transforms/Passes.td -gen-pass-doc)
bn_doc(BNCodegenCommonPasses Codegen/Common/Passes.td -gen-pass-doc)
bn_doc(BNConversionPasses Conversion/Passes.td -gen-pass-doc)
bn_doc(BNCodegenCPUPasses Codegen/CPU/Passes.td -gen-pass-doc)

set(outputs ${BN_DOC_PAGES})
list(TRANSFORM outputs REPLACE "(.+)" "${BN_DOC_BUILD_DIR}/\\1.md")
set(check_commands "")
foreach(page ${BN_DOC_PAGES})
  list(APPEND check_commands
    COMMAND ${CMAKE_COMMAND} -E compare_files
      "${BN_DOC_BUILD_DIR}/${page}.md" "${BN_DOC_DIR}/${page}.md")
endforeach()

add_custom_target(bn-doc
  COMMAND ${CMAKE_COMMAND} -E make_directory "${BN_DOC_DIR}"
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${outputs} "${BN_DOC_DIR}"
  DEPENDS ${outputs} VERBATIM)
add_custom_target(check-bn-doc ${check_commands} DEPENDS ${outputs}
  COMMENT "Comparing docs/generated with TableGen (on failure: ninja bn-doc)"
  VERBATIM)
