# Finds the LLVM and MLIR packages in the version that bn-mlir supports, or
# stops with one sentence that says what to install.

set(BN_LLVM_PREFIX "/usr/lib/llvm-${BN_LLVM_MAJOR}")
set(BN_LLVM_PACKAGES
  "libmlir-${BN_LLVM_MAJOR}-dev mlir-${BN_LLVM_MAJOR}-tools llvm-${BN_LLVM_MAJOR}-dev llvm-${BN_LLVM_MAJOR}-tools")

# No version is given: the packages' version file accepts only an equal minor
# number, so that a request for the major one is never met.
find_package(MLIR CONFIG QUIET HINTS "${BN_LLVM_PREFIX}/lib/cmake/mlir")
if(NOT MLIR_FOUND OR NOT LLVM_VERSION_MAJOR EQUAL BN_LLVM_MAJOR)
  set(found "none")
  if(MLIR_FOUND)
    set(found "${LLVM_VERSION} in ${MLIR_DIR}")
  endif()
  message(FATAL_ERROR
    "expected MLIR ${BN_LLVM_MAJOR}, got ${found}: "
    "install '${BN_LLVM_PACKAGES}' (utils/install-packages.sh does) "
    "or pass -DMLIR_DIR=<prefix>/lib/cmake/mlir")
endif()
message(STATUS "Using MLIRConfig.cmake in ${MLIR_DIR}")
message(STATUS "Using LLVMConfig.cmake in ${LLVM_DIR}")

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# What everything links: the shared libMLIR, never a second copy of it beside
# it. The wheel has a copy of its own, all of it hidden, so that it needs no LLVM
# on the user's machine and does not meet those of other packages.
option(BN_STATIC_LLVM
  "Link the archives of LLVM and MLIR in place of the shared libraries" OFF)
set(BN_UPSTREAM_LIBS MLIR LLVM)
if(BN_STATIC_LLVM)
  # The archives' CMake targets ask for the shared LLVM, so files are named.
  # Those that nothing is taken of cost nothing.
  file(GLOB archives "${LLVM_LIBRARY_DIR}/libMLIR*.a"
    "${LLVM_LIBRARY_DIR}/libLLVM*.a")
  list(FILTER archives EXCLUDE REGEX "Test|CAPI|Main\\.a$")
  if(NOT archives)
    message(FATAL_ERROR "expected the archives of MLIR and LLVM in "
      "${LLVM_LIBRARY_DIR}, got none")
  endif()
  find_package(ZLIB REQUIRED)
  find_library(BN_ZSTD NAMES libzstd.a zstd REQUIRED)
  add_compile_definitions(BN_STATIC_LLVM)
  set(BN_UPSTREAM_LIBS ${archives} ${BN_ZSTD} ZLIB::ZLIB rt m)
endif()
