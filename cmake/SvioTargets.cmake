# SPDX-License-Identifier: BSD-3-Clause
# Helpers that declare the project's libraries and programs.
include_guard(GLOBAL)

# svio_add_folders(<folder>...): add each folder that has a CMakeLists.txt.
function(svio_add_folders)
  foreach(folder IN LISTS ARGN)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
      add_subdirectory(${folder})
    endif()
  endforeach()
endfunction()

# Flags common to all our targets. Includes resolve from the top of the repository
# ("firmware/abi/..."); a library's own folder is added by svio_add_library.
function(svio_configure_target target)
  target_link_libraries(${target} PRIVATE svio-warnings)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

# svio_add_library(<name> [SHARED|OBJECT] [CORE] SOURCES <file>... [LIBS <target>...])
# A static library unless told otherwise. Its folder is a public include directory. CORE: code that
# also runs without an operating system: strict C11, no GNU or POSIX names, -ffreestanding where
# SVIO_FREESTANDING is on. The others get _GNU_SOURCE.
function(svio_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SHARED;OBJECT;CORE" "" "SOURCES;LIBS")
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "svio_add_library(${name}): no SOURCES")
  endif()
  set(type STATIC)
  if(arg_SHARED)
    set(type SHARED)
  elseif(arg_OBJECT)
    set(type OBJECT)
  endif()
  add_library(${name} ${type} ${arg_SOURCES})
  svio_configure_target(${name})
  target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${arg_LIBS})
  if(arg_CORE)
    set_target_properties(${name} PROPERTIES C_EXTENSIONS OFF)
    if(SVIO_FREESTANDING)
      target_compile_options(${name} PRIVATE -ffreestanding)
      set_property(GLOBAL APPEND PROPERTY SVIO_CORE_LIBRARIES ${name})
    endif()
  else()
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  endif()
endfunction()

# svio_add_program(<name> SOURCES <file>... [LIBS <target>...]): a program in <build>/bin.
function(svio_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "svio_add_program(${name}): no SOURCES")
  endif()
  add_executable(${name} ${arg_SOURCES})
  svio_configure_target(${name})
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  target_link_libraries(${name} PRIVATE ${arg_LIBS})
endfunction()

# svio_find_dpdk(): defines svio::dpdk from pkg-config's libdpdk. Its headers count as system
# headers; its -march is dropped so that SVIO_MARCH decides.
function(svio_find_dpdk)
  if(TARGET svio::dpdk)
    return()
  endif()
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(DPDK REQUIRED IMPORTED_TARGET GLOBAL libdpdk>=22.11)
  get_target_property(options PkgConfig::DPDK INTERFACE_COMPILE_OPTIONS)
  list(FILTER options EXCLUDE REGEX "^-march=")
  set_target_properties(PkgConfig::DPDK PROPERTIES INTERFACE_COMPILE_OPTIONS "${options}")
  add_library(svio::dpdk ALIAS PkgConfig::DPDK)
endfunction()

# svio_find_pci(): defines svio::pci (libpci of pciutils).
function(svio_find_pci)
  if(TARGET svio::pci)
    return()
  endif()
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(LIBPCI REQUIRED IMPORTED_TARGET GLOBAL libpci>=3.8)
  add_library(svio::pci ALIAS PkgConfig::LIBPCI)
endfunction()

# svio_find_json(): defines svio::json (json-c).
function(svio_find_json)
  if(TARGET svio::json)
    return()
  endif()
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(JSON_C REQUIRED IMPORTED_TARGET GLOBAL json-c)
  add_library(svio::json ALIAS PkgConfig::JSON_C)
endfunction()
