/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What two guests do with packets in a measurement: one loop for every way
 * between them. A way brings its ports: how a burst is sent and received. Both
 * guests of a flow are on one thread and touch GUEST_TOUCHED bytes of each
 * frame, in bursts of GUEST_BURST.
 */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bench.h"

#define GUEST_BURST     32u
#define GUEST_TOUCHED   24u
#define GUEST_UNDER_WAY 512u /* frames of a flow at once, where the load does not say */
#define GUEST_TIMES_MAX (1u << 20)
#define GUEST_LATE_NS   1000u

enum guest_pattern {
	GUEST_ONE_WAY, /* from sends new frames as long as few enough are under way, to drops them */
	GUEST_BOUNCE,  /* a fixed number goes to and fro, as between two testpmd in io mode */
	GUEST_PING,    /* one frame goes to and fro: times, each half of a round trip */
	GUEST_PACED /* from sends on time, pps, whatever comes back; times from when a frame was due */
};

/* A window of packets. */
struct guest_load {
	enum guest_pattern pattern;
	uint32_t bytes;      /* of each frame, 60 at least, without its checksum */
	uint32_t under_way;  /* most frames of a flow at once; 0: GUEST_UNDER_WAY; not for PACED */
	uint64_t warm_up_ns; /* first so long, without being counted and without a pause */
	uint64_t ns;         /* then the window */
	double pps;          /* PACED: frames a second of each flow, more than 0 */
	uint64_t stamp;      /* of each frame; not of PACED */
};

/* What came of it. */
struct guest_result {
	uint64_t ns;      /* how long it was */
	uint64_t packets; /* received within it, by both guests together */
	uint64_t least;   /* received of the flow that got least */
	uint64_t sent;    /* PACED: of all flows, and so below */
	uint64_t due;     /* PACED: should have been sent */
	uint64_t late;  /* PACED: sent more than GUEST_LATE_NS after they were due, or not at all */
	uint64_t steps; /* ONE_WAY: looks at a flow ... */
	uint64_t held;  /* ... and how many found its guest waiting for the device */
	uint64_t lost;  /* did not arrive; not of PING */
	/* Within the window, of the threads that are watched: */
	struct bench_usage device;
	struct bench_usage guests;
	uint64_t stolen; /* by the host of this virtual machine, of both processors, clock ticks */
	uint64_t time_count; /* PING, PACED: so many of times are set, at most GUEST_TIMES_MAX */
};

/* Who is looked after during a window. */
struct guest_watch {
	const struct bench_waits *device; /* NULL: nobody */
	const struct bench_waits *guests;
	int device_cpu;
	int guest_cpu;
};

struct guest_port;

/* A guest's port, for the thread that runs the loop. */
struct guest_port_ops {
	/*
	 * Sends n new frames, at most GUEST_BURST; frame i begins with the port's header and stamps[i],
	 * see guest_write(). Returns how many were taken, from the first; the others never were.
	 */
	uint32_t (*send)(struct guest_port *port, const uint64_t *stamps, uint32_t n,
			 uint32_t bytes);
	/* Takes up to GUEST_BURST frames, stamps from guest_read(), and drops them; how many. Never waits. */
	uint32_t (*receive)(struct guest_port *port, uint64_t *stamps);
	/* Takes up to GUEST_BURST frames, reads them, writes them anew and sends them; how many. */
	uint32_t (*bounce)(struct guest_port *port);
};

/* First member of what a way has for it. */
struct guest_port {
	const struct guest_port_ops *ops;
	uint8_t header[GUEST_TOUCHED - sizeof(uint64_t)]; /* destination, source, type */
	uint64_t sink; /* what was read of frames, so that it is read */
};

/* From one guest to another. One port may be both. */
struct guest_flow {
	struct guest_port *from;
	struct guest_port *to;
	/* The loop's: */
	uint64_t received; /* within the run */
	uint32_t under_way;
	double due; /* of the next frame, in ticks */
};

/*
 * Runs a load over the flows; times (GUEST_TIMES_MAX, ns; NULL: none are wanted) get the times of
 * PING and PACED. Afterwards nothing is under way. 0; -EIO: a PING did not come back.
 */
int guest_run(struct guest_flow *flows, size_t count, const struct guest_load *load,
	      const struct guest_watch *watch, struct guest_result *result, uint32_t *times);

/* The header of frames from one MAC address to the other, of a type that no protocol has. */
void guest_set_header(struct guest_port *port, const uint8_t own[6], const uint8_t other[6]);

static inline void guest_write(uint8_t *frame, const struct guest_port *port, uint64_t stamp)
{
	memcpy(frame, port->header, sizeof(port->header));
	memcpy(frame + sizeof(port->header), &stamp, sizeof(stamp));
}

/* The stamp. */
static inline uint64_t guest_read(struct guest_port *port, const uint8_t *frame)
{
	uint64_t words[GUEST_TOUCHED / 8];

	memcpy(words, frame, sizeof(words));
	port->sink ^= words[0] ^ words[1];
	return words[2];
}

#endif /* BENCH_GUEST_H */
