# Installs headers and the CMake package, and writes the same package into the
# build tree, so that other projects can use either:
#   find_package(BN CONFIG)  with  -DBN_DIR=<prefix>/lib/cmake/bn
#                            or    -DBN_DIR=<build>/lib/cmake/bn
# Libraries and tools add themselves to the export set (see AddBN.cmake).

include(CMakePackageConfigHelpers)

set(BN_INSTALL_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/bn")
set(BN_BUILD_CMAKE_DIR "${CMAKE_BINARY_DIR}/lib/cmake/bn")
get_property(BN_LIBRARIES GLOBAL PROPERTY BN_LIBRARIES)
get_property(BN_DIALECT_LIBS GLOBAL PROPERTY BN_DIALECT_LIBS)
get_property(BN_CONVERSION_LIBS GLOBAL PROPERTY BN_CONVERSION_LIBS)
foreach(list BN_LIBRARIES BN_DIALECT_LIBS BN_CONVERSION_LIBS)
  list(TRANSFORM ${list} PREPEND "bn::")
endforeach()

# Headers, the TableGen sources that others may include, and what was generated
# from them.
install(DIRECTORY "${BN_MAIN_INCLUDE_DIR}/bn" "${BN_BINARY_INCLUDE_DIR}/bn"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING
  PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc" PATTERN "*.def"
  PATTERN CMakeFiles EXCLUDE)

write_basic_package_version_file("${BN_BUILD_CMAKE_DIR}/BNConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)

# The build tree's package.
set(BN_CONFIG_INCLUDE_DIRS "${BN_MAIN_INCLUDE_DIR};${BN_BINARY_INCLUDE_DIR}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/BNConfig.cmake.in"
  "${BN_BUILD_CMAKE_DIR}/BNConfig.cmake" @ONLY)
export(EXPORT BNTargets NAMESPACE bn::
  FILE "${BN_BUILD_CMAKE_DIR}/BNTargets.cmake")

# The install tree's package: it may be moved, so its paths are relative.
file(RELATIVE_PATH BN_PREFIX_FROM_CONFIG
  "/${BN_INSTALL_CMAKE_DIR}" "/")
set(BN_CONFIG_INCLUDE_DIRS
  "\${CMAKE_CURRENT_LIST_DIR}/${BN_PREFIX_FROM_CONFIG}${CMAKE_INSTALL_INCLUDEDIR}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/BNConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/cmake/BNConfig.cmake" @ONLY)
install(FILES
  "${CMAKE_BINARY_DIR}/cmake/BNConfig.cmake"
  "${BN_BUILD_CMAKE_DIR}/BNConfigVersion.cmake"
  DESTINATION ${BN_INSTALL_CMAKE_DIR})
install(EXPORT BNTargets NAMESPACE bn:: DESTINATION ${BN_INSTALL_CMAKE_DIR})
