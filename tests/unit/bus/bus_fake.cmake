# SPDX-License-Identifier: BSD-3-Clause
# svio-bus-fake: the bus on a registry that only records, for unit, conformance and fuzz tests. Of
# the glue it has the loop and the log only.
include_guard(GLOBAL)
set(glue ${PROJECT_SOURCE_DIR}/hypervisor-glue)
add_library(svio-bus-loop STATIC ${glue}/loop.c ${glue}/log.c)
svio_configure_target(svio-bus-loop)
target_compile_definitions(svio-bus-loop PRIVATE _GNU_SOURCE)

add_library(svio-bus-fake STATIC ${PROJECT_SOURCE_DIR}/tests/unit/bus/fake_registry.c)
svio_configure_target(svio-bus-fake)
target_compile_definitions(svio-bus-fake PRIVATE _GNU_SOURCE)
target_include_directories(svio-bus-fake PUBLIC ${PROJECT_SOURCE_DIR}/tests/unit/bus)
target_link_libraries(svio-bus-fake PUBLIC svio-bus svio-bus-loop)
