# Thin wrappers that every folder of bn-mlir uses. They exist so that compile
# flags, link style (the shared libMLIR, never two copies of it), install rules
# and exports are stated once.

# libMLIR lies outside the loader's default folders; installed files need to be
# told where it was.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

separate_arguments(BN_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")

# Applies the project's compile flags to `target`.
function(bn_configure_target target)
  target_compile_features(${target} PUBLIC cxx_std_17)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wno-unused-parameter
    $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti -fno-exceptions>
    $<$<BOOL:${BN_ENABLE_WERROR}>:-Werror>)
  target_compile_definitions(${target} PRIVATE
    ${BN_LLVM_DEFINITIONS} BN_VERSION_STRING="${PROJECT_VERSION}")
  target_include_directories(${target} SYSTEM PUBLIC
    ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${BN_MAIN_INCLUDE_DIR}>
    $<BUILD_INTERFACE:${BN_BINARY_INCLUDE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# The upstream headers that most files include, parsed once: this halves the time
# of a build. Each file still includes what it uses, and builds without.
option(BN_PRECOMPILE_HEADERS "Precompile the upstream headers" ON)
set(BN_PRECOMPILED_HEADERS
  <mlir/Dialect/Affine/IR/AffineOps.h>
  <mlir/Dialect/Arith/IR/Arith.h>
  <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/Linalg/IR/Linalg.h>
  <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/Dialect/Tensor/IR/Tensor.h>
  <mlir/Pass/Pass.h>)

# The first library that asks for them makes them; the others share them.
function(bn_precompile_headers target)
  if(NOT BN_PRECOMPILE_HEADERS)
    return()
  endif()
  get_property(owner GLOBAL PROPERTY BN_PRECOMPILED_HEADERS_OWNER)
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${BN_PRECOMPILED_HEADERS})
    set_property(GLOBAL PROPERTY BN_PRECOMPILED_HEADERS_OWNER ${target})
  endif()
endfunction()

# add_bn_library(Name sources... [DEPENDS targets...] [LINK_LIBS libs...])
# A static library that is installed and exported as bn::Name. Libraries of
# lib/Dialect and lib/Conversion are also listed by kind for BNConfig.cmake.
function(add_bn_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  bn_configure_target(${name})
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS} ${BN_UPSTREAM_LIBS})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(NOT name STREQUAL "BNSupport") # knows nothing of MLIR
    bn_precompile_headers(${name})
  endif()
  install(TARGETS ${name} EXPORT BNTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  add_library(bn::${name} ALIAS ${name})
  set_property(GLOBAL APPEND PROPERTY BN_LIBRARIES ${name})
  if(CMAKE_CURRENT_SOURCE_DIR MATCHES "/lib/Dialect/")
    set_property(GLOBAL APPEND PROPERTY BN_DIALECT_LIBS ${name})
  elseif(CMAKE_CURRENT_SOURCE_DIR MATCHES "/lib/Conversion/")
    set_property(GLOBAL APPEND PROPERTY BN_CONVERSION_LIBS ${name})
  endif()
endfunction()

# add_bn_tool(name sources... [LINK_LIBS libs...])
function(add_bn_tool name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  bn_configure_target(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} ${BN_UPSTREAM_LIBS})
  install(TARGETS ${name} EXPORT BNTargets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# bn_tablegen(target input.td output1 -gen-flag1 [output2 -gen-flag2 ...])
# Each output may be followed by several flags.
function(bn_tablegen target input)
  set(LLVM_TARGET_DEFINITIONS ${input})
  set(output "")
  set(flags "")
  foreach(arg IN LISTS ARGN)
    if(arg MATCHES "^-")
      list(APPEND flags ${arg})
    else()
      if(output)
        mlir_tablegen(${output} ${flags})
      endif()
      set(output ${arg})
      set(flags "")
    endif()
  endforeach()
  mlir_tablegen(${output} ${flags})
  # mlir_tablegen collects its outputs in TABLEGEN_OUTPUT of the caller's scope.
  add_custom_target(${target} DEPENDS ${TABLEGEN_OUTPUT})
  set_property(GLOBAL APPEND PROPERTY BN_TABLEGEN_TARGETS ${target})
endfunction()
