/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attacks on memory, over real sockets: a hostile guest that writes its own descriptors, a
 * witness that gets what comes of them, and neighbours whose traffic must not notice.
 */
#ifndef ATTACK_BENCH_H
#define ATTACK_BENCH_H

#include "device_guest.h"

#define ATTACK_IOVA       0x7000000000ull /* maps of the attacks' own: far from the library's */
#define ATTACK_PAGE       4096ull
#define ATTACK_FRAME      128u
#define ATTACK_FAULTS_MAX 256

extern struct device_lab attack_lab;
extern struct guest hostile;
extern struct guest witness;

/* A fault as "svio faults --json" has it. */
struct attack_fault {
	char queue[16];
	char access[8];
	char reason[32];
	uint64_t address;
	uint64_t suppressed; /* left out before this one */
};

/* One device for all cases of a program; the wire is none. Status for main(). */
void attack_bench_open(void);
int attack_bench_close(int status);

/* Around each attack: the neighbours' stream starts; it lost nothing, and nobody has died. */
void attack_begin(void);
void attack_end(void);

/* The hostile VIF as after a reset; its transmit ring is the test's from then on. */
void attack_reset(void);

/* Puts a descriptor at the ring's next place; attack_ring() shows the device all of them. */
void attack_put(uint64_t addr, uint16_t len, uint16_t flags);
void attack_ring(void);

/* Puts and shows one frame that lies at addr. */
void attack_send(uint64_t addr);

/* Waits until queue 0 of a kind has stopped; why. SVIO_ERROR_NONE: it does not stop. */
enum svio_error attack_await_stop(uint16_t kind);

/* Waits until the device has taken something of what was shown. False: it does not. */
bool attack_await_begun(void);

/* Waits until the device has taken all that was shown. False: it does not. */
bool attack_await_sent(void);

/* A frame for the witness, of ATTACK_FRAME bytes, filled with a byte. */
void attack_frame(void *at, uint8_t filling);

/* A frame for the hostile VIF. */
void attack_tease(void);

/* The next frame of the hostile VIF that the witness has now: its filling, or -1: none. */
int attack_witnessed(void);

/* Memory of the test's, also mapped here; closed and unmapped by the test. */
struct attack_memory {
	int fd;
	uint8_t *data;
	uint64_t bytes;
};

struct attack_memory attack_memory_new(uint64_t bytes);
void attack_memory_free(struct attack_memory *memory);
int attack_map(const struct attack_memory *memory, uint64_t iova, bool readable, bool writable);
int attack_unmap(uint64_t iova, uint64_t bytes);

/* Faults of a VIF that are on record, the oldest first. */
uint32_t attack_faults(const char *vif, struct attack_fault *faults);

/* A counter of a VIF, from "svio stats"; -1: there is none. */
int64_t attack_counter(const char *vif, const char *name);

#endif /* ATTACK_BENCH_H */
