/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device with an attacker (VIF 0), driven by the fuzzer's bytes, and two
 * neighbours whose traffic must not notice.
 */
#ifndef FUZZ_DEVICE_H
#define FUZZ_DEVICE_H

#include <stddef.h>
#include <stdint.h>

struct guest; /* tests/unit/fake/guest.h */

#define ATTACKER 0

/* The attacker's last bytes of memory, which its domain does not map. */
#define FUZZ_HOLE_BYTES 65536u

extern struct guest fuzz_attacker;

/* A reader of the input that gives zeroes at its end. */
struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

uint64_t fuzz_take(struct fuzz_input *input, uint32_t bytes);
void fuzz_take_bytes(struct fuzz_input *input, void *to, uint32_t bytes);

/* The attacker as after power-on, with clean memory. The neighbours live on. */
void fuzz_device_begin(void);

/*
 * What must hold whatever the attacker did: books, guards, the hole, valid
 * registers, and a packet between the neighbours arrives. Aborts where it does not.
 */
void fuzz_device_check(void);

#endif /* FUZZ_DEVICE_H */
