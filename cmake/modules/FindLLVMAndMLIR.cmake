# Finds the LLVM and MLIR packages in the version that bn-mlir supports, or
# stops with one sentence that says what to install.

set(BN_LLVM_HINT "/usr/lib/llvm-${BN_LLVM_MAJOR}/lib/cmake")
set(BN_LLVM_PACKAGES
  "libmlir-${BN_LLVM_MAJOR}-dev mlir-${BN_LLVM_MAJOR}-tools llvm-${BN_LLVM_MAJOR}-dev llvm-${BN_LLVM_MAJOR}-tools")

find_package(MLIR ${BN_LLVM_MAJOR} CONFIG QUIET HINTS "${BN_LLVM_HINT}/mlir")
if(NOT MLIR_FOUND)
  message(FATAL_ERROR
    "expected MLIR ${BN_LLVM_MAJOR}, got none: install '${BN_LLVM_PACKAGES}' "
    "(utils/install-packages.sh does) or pass -DMLIR_DIR=<prefix>/lib/cmake/mlir")
endif()
message(STATUS "Using MLIRConfig.cmake in ${MLIR_DIR}")
message(STATUS "Using LLVMConfig.cmake in ${LLVM_DIR}")

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)
