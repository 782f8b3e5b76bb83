/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench sched: the schedulers that are compared, and what they are given.
 *
 * All have the same port, the same number of queues and the same backlog. Each
 * is a struct of functions, so that they run in turns within one program.
 */
#ifndef BENCH_SCHED_H
#define BENCH_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The port's rate. Slow enough that each scheduler is faster than the port: rte_sched reads the
 * clock, and is ahead of it then, so that it, too, works in the time of a port that is never idle.
 */
extern uint64_t sched_port_bps;
#define SCHED_PORT_GBPS     10u
#define SCHED_PORT_GBPS_MAX 100u
#define SCHED_LEAVES_MAX    4096u
#define SCHED_VIF_CLASSES   8u
#define SCHED_BURST_BYTES   133280u /* of ceilings: two of vif-sched's largest packets */
#define SCHED_BURST         32u     /* packets at once, for what works in bursts */
#define SCHED_BINDING_EACH  8u      /* the ceiling of one in so many nodes holds it back */
#define SCHED_BINDING_AT    3u

struct sched_case {
	bool deep;   /* port -> group -> VIF -> class; else leaves under the port */
	bool sparse; /* each queue has one packet at a time; else always more */
	uint32_t active;
	uint32_t cost_bytes; /* of each packet, framing included */
};

/* How many nodes of each kind a deep tree has, and whether a node's ceiling is to bind. */
uint32_t sched_case_vifs(const struct sched_case *sched_case);
uint32_t sched_case_groups(const struct sched_case *sched_case);
bool sched_case_binds(uint32_t index);

/*
 * The queues that wait to be filled again, of a backlog of one packet each: a queue comes back
 * when as many others have been served as here is room for.
 */
struct sched_delay {
	uint32_t queue[SCHED_BURST];
	uint32_t room; /* half of the queues, at most SCHED_BURST */
	uint32_t count;
	uint32_t first;
};

void sched_delay_init(struct sched_delay *delay, const struct sched_case *sched_case);

/* Put one in. True: *back is the one that comes back for it. */
static inline bool sched_delay_turn(struct sched_delay *delay, uint32_t queue, uint32_t *back)
{
	uint32_t at = (delay->first + delay->count) % SCHED_BURST;

	delay->queue[at] = queue;
	if (++delay->count <= delay->room)
		return false;
	*back = delay->queue[delay->first];
	delay->first = (delay->first + 1) % SCHED_BURST;
	delay->count--;
	return true;
}

/* Take the oldest out early. False: nothing is in there. */
static inline bool sched_delay_pop(struct sched_delay *delay, uint32_t *back)
{
	if (!delay->count)
		return false;
	*back = delay->queue[delay->first];
	delay->first = (delay->first + 1) % SCHED_BURST;
	delay->count--;
	return true;
}

struct sched_subject {
	const char *name; /* as in the JSON */
	/* Builds it with its backlog. Ends the program when it cannot. */
	void *(*open)(const struct sched_case *sched_case);
	/* Serves at least so many packets and returns how many. */
	uint64_t (*serve)(void *subject, uint64_t packets);
	/* How many queues were not served even once so far; may serve more to find out. */
	uint32_t (*starved)(void *subject);
	void (*close)(void *subject);
};

extern const struct sched_subject sched_subject_svio;   /* one packet a grant */
extern const struct sched_subject sched_subject_grants; /* whole grants */
extern const struct sched_subject sched_subject_heap;
#ifdef BENCH_RTE_SCHED
extern const struct sched_subject sched_subject_rte;
#endif

/* Whether vif-sched takes min; without it the trees have none. */
bool sched_tree_has_min(void);

/*
 * Instructions of sched_subject_svio a packet of a case, counted by valgrind's callgrind. NAN:
 * there is none.
 */
double sched_count_instructions(const struct sched_case *sched_case, uint32_t packets);

/* Memory in huge pages where there are some, all zero, never NULL. */
void *sched_memory_new(size_t bytes);
void sched_memory_free(void *memory);

#endif /* BENCH_SCHED_H */
