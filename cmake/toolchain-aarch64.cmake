# SPDX-License-Identifier: BSD-3-Clause
# Debian's cross compiler (gcc-aarch64-linux-gnu); tests run under user-mode QEMU (qemu-user-static).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# Without this, atomics become calls into libgcc that ask the C library for the processor's features.
set(CMAKE_C_FLAGS_INIT -mno-outline-atomics)
