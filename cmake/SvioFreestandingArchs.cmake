# SPDX-License-Identifier: BSD-3-Clause
# Builds this project once for each of SVIO_FREESTANDING_ARCHS, and runs those builds' tests from
# this build's ctest.
include(ExternalProject)

set(subtrees ${PROJECT_BINARY_DIR}/subtrees.cmake)
file(WRITE ${subtrees} "")
foreach(arch IN LISTS SVIO_FREESTANDING_ARCHS)
  ExternalProject_Add(${arch}
    SOURCE_DIR ${PROJECT_SOURCE_DIR}
    BINARY_DIR ${PROJECT_BINARY_DIR}/${arch}
    PREFIX ${PROJECT_BINARY_DIR}/external/${arch}
    CMAKE_ARGS -DCMAKE_TOOLCHAIN_FILE=${PROJECT_SOURCE_DIR}/cmake/toolchain-${arch}.cmake
               -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE} -DSVIO_FREESTANDING=ON
               -DSVIO_TEST_KINDS=unit
    BUILD_ALWAYS ON
    USES_TERMINAL_BUILD ON
    INSTALL_COMMAND "")
  file(APPEND ${subtrees} "subdirs(\"${PROJECT_BINARY_DIR}/${arch}\")\n")
endforeach()
set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${subtrees})
