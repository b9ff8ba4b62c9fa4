# Finds what the Python package is built with: Python's headers, NumPy's and
# nanobind. Sets BN_PYTHON_FOUND, and BN_PYTHON_MISSING where something is not
# there. The environment that utils/ makes in the build tree comes first.

if(NOT Python_EXECUTABLE AND EXISTS "${CMAKE_BINARY_DIR}/venv/bin/python")
  set(Python_EXECUTABLE "${CMAKE_BINARY_DIR}/venv/bin/python"
    CACHE FILEPATH "Interpreter that the Python package is built for")
endif()
set(BN_PYTHON_FOUND FALSE)
set(BN_PYTHON_MISSING "")
find_package(Python 3.10 QUIET
  COMPONENTS Interpreter Development.Module NumPy)
if(NOT Python_Interpreter_FOUND)
  set(BN_PYTHON_MISSING "Python 3.10 or newer")
elseif(NOT Python_Development.Module_FOUND)
  set(BN_PYTHON_MISSING "the headers of ${Python_EXECUTABLE} (python3-dev)")
elseif(NOT Python_NumPy_FOUND)
  set(BN_PYTHON_MISSING "numpy in ${Python_EXECUTABLE}")
else()
  execute_process(COMMAND "${Python_EXECUTABLE}" -m nanobind --cmake_dir
    OUTPUT_VARIABLE nanobind_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  find_package(nanobind CONFIG QUIET)
  if(nanobind_FOUND)
    set(BN_PYTHON_FOUND TRUE)
  else()
    set(BN_PYTHON_MISSING "nanobind in ${Python_EXECUTABLE}")
  endif()
endif()
