/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libFuzzer calls and no header of its own declares. The build includes this file into every
 * fuzz target (svio_add_fuzzer).
 */
#ifndef SVIO_FUZZ_H
#define SVIO_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* One input: data is valid for this call only. Returns 0, or -1 to keep it out of the corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Optional: called once before the first input. Returns 0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif /* SVIO_FUZZ_H */
