/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests and the fake firmware agree on.
 *
 * Its --wire is "fake" and then, after commas, what it does wrong:
 *   die=N@G      at the Nth message (HELLO is 1) of generation G: SIGKILL itself, unanswered
 *   late=N@G     the same, but after the answer
 *   garbage=N@G  answers with a message that is no reply
 *   swap=N@G     answers with another request's seq
 *   short=N@G    answers with 8 bytes
 *   mute=N@G     hangs instead of answering
 *   exit=C@G     answers HELLO with -EIO and ends with status C
 *   linger=1@G   answers HELLO with -EIO and does not end
 *   refuse=T     answers -EINVAL to messages of type T
 *   sleepy       sleeps when nothing is to do, and only the kick wakes it
 * @G may be left out: every generation.
 */
#ifndef FAKE_PROTOCOL_H
#define FAKE_PROTOCOL_H

#include <stdint.h>

/* What the present generation was told; at the start of its private memory in the segment. */
#define FAKE_LOG_MAX 4096

struct fake_log {
	uint32_t count;
	uint32_t mistakes; /* messages that made no sense, of all generations */
	uint32_t wakes;    /* wake bits that it took (sleepy only) */
	struct {
		uint32_t type;
		uint32_t vif;
		uint64_t arg[2];
	} entry[FAKE_LOG_MAX];
};

/* Values of SCRATCH that mean something. */
#define FAKE_HOLD_MS   0xe0d00000u /* | ms: answer, then stay inside an epoch for so long */
#define FAKE_HOLD_EVER 0xe0d0ffffu

#endif /* FAKE_PROTOCOL_H */
