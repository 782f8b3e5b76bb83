# SPDX-License-Identifier: BSD-3-Clause
# Build options and the compiler flags that follow from them.

set(SVIO_MARCH "x86-64-v2" CACHE STRING
    "Processor that x86-64 programs are built for: x86-64-v2 (portable, what DPDK asks for), native, ...")
set(SVIO_SANITIZE "" CACHE STRING "Value of -fsanitize= for everything, or empty")
set(SVIO_TEST_KINDS "unit;property;conformance;guest;rules" CACHE STRING
    "Folders of tests/ that take part")
option(SVIO_WERROR "Warnings are errors" ON)
option(SVIO_FUZZ "Instrument for libFuzzer (needs clang)" OFF)
option(SVIO_FREESTANDING "Only the device's code, with -ffreestanding, for the toolchain file's CPU" OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # DPDK's headers need gnu11; svio_add_library(... CORE) turns it off
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(CMAKE_C_FLAGS_RELEASE "-O3 -g1 -DNDEBUG")
# No NDEBUG: the sanitizer builds are the ones that should also check assertions.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")

# The same guest memory is seen as bytes, as descriptors and as packet headers.
add_compile_options(-fno-strict-aliasing -fno-common)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # PREFETCHW fetches a line that will be written without sharing it first. Not in x86-64-v2, but on
  # every processor with long mode it is there or does nothing.
  add_compile_options(-march=${SVIO_MARCH} -mprfchw)
endif()

if(SVIO_SANITIZE)
  add_compile_options(-fsanitize=${SVIO_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SVIO_SANITIZE})
  if(SVIO_SANITIZE MATCHES "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # GCC warns at each stand-alone fence, which its thread sanitizer does not model.
    # Instrumented code hides from gcc what it knows elsewhere.
    add_compile_options(-Wno-tsan -Wno-maybe-uninitialized)
  endif()
elseif(NOT SVIO_FREESTANDING)
  add_compile_options(-fstack-protector-strong)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_definitions(_FORTIFY_SOURCE=2)
  endif()
  add_link_options(-Wl,-z,relro,-z,now)
endif()

if(SVIO_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "SVIO_FUZZ needs clang: use `cmake --preset fuzz`")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
