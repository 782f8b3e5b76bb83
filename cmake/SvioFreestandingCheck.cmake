# SPDX-License-Identifier: BSD-3-Clause
# A test for each freestanding library: what it leaves undefined must be the four mem* functions,
# the HAL's own functions, another of these libraries, or the compiler's own helpers.
get_property(libraries GLOBAL PROPERTY SVIO_CORE_LIBRARIES)
if(libraries)
  list(TRANSFORM libraries REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
  set(test ${SVIO_TEST_PREFIX}.unit.freestanding_symbols)
  add_test(NAME ${test} COMMAND ${PROJECT_SOURCE_DIR}/tests/rules/check_freestanding
                                ${CMAKE_C_COMPILER} ${CMAKE_NM} ${archives})
  svio_set_test_properties(${test} unit 60)
endif()
