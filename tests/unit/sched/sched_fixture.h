/* SPDX-License-Identifier: BSD-3-Clause */
/* A scheduler with a made-up clock and leaves that always have packets of one size. */
#ifndef SCHED_FIXTURE_H
#define SCHED_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "svio_sched.h"
#include "svio_test.h"

#define KBPS    1000ull
#define MBPS    1000000ull
#define GBPS    1000000000ull
#define MS      1000000ull
#define SECOND  1000000000ull
#define NO_PORT 0ull

/* Any origin: not far from where 64 bits wrap. */
#define START_NS (UINT64_MAX - 40 * MS)

struct sched_fixture {
	struct svio_sched *sched;
	uint64_t now_ns;
};

static inline void sched_fixture_open(struct sched_fixture *fixture, uint32_t nodes_max,
				      uint64_t port_bps)
{
	const struct svio_sched_limits limits = { .leaves = nodes_max,
						  .vifs = nodes_max,
						  .groups = nodes_max < 8 ? nodes_max : 8 };
	size_t bytes = (svio_sched_bytes(&limits) + 63) / 64 * 64;
	void *memory = aligned_alloc(64, bytes);

	if (!memory)
		abort();
	memset(memory, 0xa5, bytes);
	fixture->now_ns = START_NS;
	fixture->sched = svio_sched_init(memory, &limits, port_bps, fixture->now_ns);
	CU_ASSERT_PTR_EQUAL_FATAL((void *)fixture->sched, memory);
}

static inline void sched_fixture_close(struct sched_fixture *fixture)
{
	free(fixture->sched);
}

static inline svio_sched_node sched_fixture_add(struct sched_fixture *fixture,
						svio_sched_node parent, enum svio_sched_kind kind,
						const struct svio_sched_params *params)
{
	svio_sched_node node = 0;

	CU_ASSERT_EQUAL_FATAL(svio_sched_add(fixture->sched, parent, kind, params, fixture->now_ns,
					     &node, NULL),
			      0);
	return node;
}

/* A leaf below the port that is active. */
static inline svio_sched_node sched_fixture_leaf(struct sched_fixture *fixture,
						 const struct svio_sched_params *params)
{
	svio_sched_node leaf = sched_fixture_add(fixture, SVIO_SCHED_PORT, SVIO_SCHED_LEAF, params);

	svio_sched_activate(fixture->sched, leaf, fixture->now_ns);
	return leaf;
}

static inline uint64_t sched_fixture_bytes(const struct sched_fixture *fixture,
					   svio_sched_node node)
{
	struct svio_sched_stats stats = { 0 };

	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture->sched, node, &stats), 0);
	return stats.bytes;
}

/* Is that when a ceiling lets go, which a timer sees a little later (svio_sched_next_ns())? */
static inline bool sched_fixture_soon(uint64_t next_ns, uint64_t exact_ns)
{
	return next_ns - exact_ns < 4096 + 64;
}

/* Take packets of packet_bytes as a grant says. Returns the bytes taken. */
static inline uint64_t sched_fixture_serve(struct sched_fixture *fixture,
					   const struct svio_sched_grant *grant,
					   uint32_t packet_bytes)
{
	uint64_t bytes = 0;
	uint32_t packets = 0;

	while (bytes < grant->bytes && packets < grant->packets) {
		bytes += packet_bytes;
		packets++;
	}
	svio_sched_charge(fixture->sched, grant->leaf, bytes, packets, true, fixture->now_ns);
	return bytes;
}

/*
 * Serve always-full leaves for duration_ns on a device that moves device_bps. When nobody may be
 * served the clock jumps to svio_sched_next_ns(). Returns the bytes served.
 */
static inline uint64_t sched_fixture_run(struct sched_fixture *fixture, uint64_t duration_ns,
					 uint64_t device_bps, uint32_t packet_bytes)
{
	uint64_t start_ns = fixture->now_ns;
	uint64_t total = 0;

	while (fixture->now_ns - start_ns < duration_ns) {
		struct svio_sched_grant grant;

		if (svio_sched_pick(fixture->sched, fixture->now_ns, &grant)) {
			uint64_t bytes = sched_fixture_serve(fixture, &grant, packet_bytes);

			total += bytes;
			fixture->now_ns += bytes * 8 * SECOND / device_bps + 1;
		} else {
			uint64_t next_ns = svio_sched_next_ns(fixture->sched, fixture->now_ns);

			CU_ASSERT_FATAL(next_ns - fixture->now_ns > 0);
			if (next_ns == SVIO_SCHED_NEVER || next_ns - start_ns >= duration_ns)
				next_ns = start_ns + duration_ns;
			fixture->now_ns = next_ns;
		}
	}
	return total;
}

#endif /* SCHED_FIXTURE_H */
