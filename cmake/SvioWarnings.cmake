# SPDX-License-Identifier: BSD-3-Clause
# svio-warnings: the warnings that all of our C is compiled with.
#
# Left out on purpose: -Wconversion (ring arithmetic on uint16_t would drown in casts that say
# nothing), -Wcast-qual (container_of of a const member), -Wnull-dereference (false reports when
# inlining at -O3).

add_library(svio-warnings INTERFACE)
target_compile_options(svio-warnings INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wmissing-declarations -Wpointer-arith -Wvla -Wformat=2 -Wundef -Wwrite-strings
  -Wredundant-decls -Wimplicit-fallthrough -Wnested-externs -Wlogical-not-parentheses
  $<$<BOOL:${SVIO_WERROR}>:-Werror>
  $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond>)
