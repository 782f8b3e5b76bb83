# SPDX-License-Identifier: BSD-3-Clause
# Helpers that declare tests. Names in ctest are <build>.<kind>.<test>; labels are the kind and the
# folder the test lives in.
include_guard(GLOBAL)

# How this build tree is called in test names, so that one ctest run can span several trees.
if(SVIO_FREESTANDING)
  set(SVIO_TEST_PREFIX ${CMAKE_SYSTEM_PROCESSOR})
elseif(SVIO_FUZZ)
  set(SVIO_TEST_PREFIX fuzz)
elseif(SVIO_SANITIZE MATCHES "thread")
  set(SVIO_TEST_PREFIX tsan)
elseif(SVIO_SANITIZE)
  set(SVIO_TEST_PREFIX asan-ubsan)
else()
  string(TOLOWER ${CMAKE_BUILD_TYPE} SVIO_TEST_PREFIX)
endif()

set(SVIO_TEST_ENVIRONMENT
    "ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")

function(svio_set_test_properties test kind timeout)
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(labels ${kind} ${folder})
  list(REMOVE_DUPLICATES labels)
  set_tests_properties(${test} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout}
                       ENVIRONMENT "${SVIO_TEST_ENVIRONMENT}")
endfunction()

function(svio_add_cunit_test kind name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "FREESTANDING" "TIMEOUT" "LIBS;ARGS")
  if(SVIO_FREESTANDING AND NOT arg_FREESTANDING)
    return()
  endif()
  if(NOT arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${name}: no sources")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  svio_configure_target(${name})
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  target_link_libraries(${name} PRIVATE ${arg_LIBS} svio-test)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                        ${PROJECT_BINARY_DIR}/tests/bin)
  if(SVIO_FREESTANDING)
    target_link_options(${name} PRIVATE -static)
  endif()
  set(test ${SVIO_TEST_PREFIX}.${kind}.${name})
  add_test(NAME ${test} COMMAND ${name} ${arg_ARGS})
  svio_set_test_properties(${test} ${kind} ${arg_TIMEOUT})
endfunction()

# svio_add_unit_test(<name> <source>... [LIBS <target>...] [ARGS ...] [TIMEOUT <s>] [FREESTANDING])
# A CUnit program (see tests/unit/svio_test.h). FREESTANDING: also built for riscv64 and aarch64.
function(svio_add_unit_test name)
  svio_add_cunit_test(unit ${name} ${ARGN})
endfunction()

# svio_add_property_test(...): the same, for tests/property.
function(svio_add_property_test name)
  svio_add_cunit_test(property ${name} ${ARGN})
endfunction()

# svio_add_conformance_test(...): the same, for tests/conformance. May take longer.
function(svio_add_conformance_test name)
  svio_add_cunit_test(conformance ${name} TIMEOUT 300 ${ARGN})
endfunction()

# svio_add_fuzzer(<name> <source>... [LIBS <target>...])
# A libFuzzer target; only in the fuzz preset. Its committed corpus is tests/fuzz/corpus/<name>;
# ctest replays that, then explores for a few seconds.
function(svio_add_fuzzer name)
  if(NOT SVIO_FUZZ)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SECONDS" "LIBS")
  if(NOT arg_SECONDS)
    set(arg_SECONDS 5)
  endif()
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  svio_configure_target(${name})
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  # Declares the entry points, which libFuzzer's packages have no header for.
  target_compile_options(${name} PRIVATE
                         "SHELL:-include ${PROJECT_SOURCE_DIR}/tests/unit/support/svio_fuzz.h")
  target_link_libraries(${name} PRIVATE ${arg_LIBS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                        ${PROJECT_BINARY_DIR}/tests/bin)
  set(test ${SVIO_TEST_PREFIX}.fuzz.${name})
  add_test(NAME ${test} COMMAND ${PROJECT_SOURCE_DIR}/tests/fuzz/run-fuzzer $<TARGET_FILE:${name}>
                                ${corpus} ${arg_SECONDS})
  svio_set_test_properties(${test} fuzz 120)
endfunction()

# svio_add_script_test(<name> COMMAND <command>... LABEL <kind> [TIMEOUT <s>] [SERIAL | BESIDE]
#                      [PROCESSORS <n>])
# A test that is a script. SERIAL: nothing else runs meanwhile, as with all guests but those that may
# run BESIDE other tests. The command finds the build tree in
# SVIO_BUILD_DIR and the repository in SVIO_SOURCE_DIR.
function(svio_add_script_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL;BESIDE" "LABEL;TIMEOUT;PROCESSORS" "COMMAND")
  if(SVIO_FREESTANDING)
    return()
  endif()
  if(NOT arg_COMMAND OR NOT arg_LABEL)
    message(FATAL_ERROR "svio_add_script_test(${name}): COMMAND and LABEL are required")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(test ${SVIO_TEST_PREFIX}.${arg_LABEL}.${name})
  add_test(NAME ${test} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  svio_set_test_properties(${test} ${arg_LABEL} ${arg_TIMEOUT})
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT
               "SVIO_BUILD_DIR=${PROJECT_BINARY_DIR}" "SVIO_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
  if(arg_SERIAL OR (arg_LABEL STREQUAL "guest" AND NOT arg_BESIDE))
    set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
  endif()
  if(arg_PROCESSORS)
    set_tests_properties(${test} PROPERTIES PROCESSORS ${arg_PROCESSORS})
  endif()
endfunction()
