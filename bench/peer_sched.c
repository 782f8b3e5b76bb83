/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's rte_sched, to compare with: subports, pipes and traffic classes, each
 * with its shaper. It has ceilings and no guarantees.
 *
 *   flat   one subport, a pipe a queue
 *   deep   group: subport, VIF: pipe, class: queue
 * Queues 0-3 of a pipe are its strict classes, 4-7 the four weighted queues of
 * best effort. A figure has what a packet costs from enqueue to dequeue, mbuf
 * included, as that is the only way to use it.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_sched.h>

#include "bench.h"
#include "bench_sched.h"

#define PORT_BYTES     (sched_port_bps / 8)
#define QUEUE_ENTRIES  64
#define STRICT         4u /* classes in use besides best effort */
#define PERIOD_MS      40 /* long enough that the lowest rate has a packet in it */
#define PROFILE_COUNT  2
#define ARGUMENTS_MAX  16
#define STALLS_MAX     (1u << 20)
#define SEARCH_PACKETS (1u << 22) /* in which each queue has to be served */

struct rte_subject {
	struct rte_sched_port *port;
	struct rte_mempool *pool;
	uint32_t active;
};

static int prepare_segment(const struct rte_memseg_list *list, void *argument)
{
	(void)argument;
	if (list->base_va)
		madvise(list->base_va, list->len, MADV_HUGEPAGE);
	return 0;
}

/* DPDK without huge pages, devices, files or words, on this program's processor. */
static void start_dpdk(void)
{
	static bool started;
	static char line[160];
	char *arguments[ARGUMENTS_MAX];
	char *at = NULL;
	int count = 0;

	if (started)
		return;
	snprintf(line, sizeof(line),
		 "svio-bench --no-huge --no-shconf --no-pci --no-telemetry --log-level error "
		 "-m 256 --lcores 0@%d",
		 bench_cpu(0));
	for (char *word = strtok_r(line, " ", &at); word && count < ARGUMENTS_MAX;
	     word = strtok_r(NULL, " ", &at))
		arguments[count++] = word;
	if (rte_eal_init(count, arguments) < 0)
		errx(1, "DPDK does not start: %s", rte_strerror(rte_errno));
	rte_memseg_list_walk(prepare_segment, NULL);
	started = true;
}

/* A pipe's class that is in use has a rate; rte_sched wants none for the others. */
static void set_rates(uint64_t *rates, uint64_t strict, uint64_t best_effort)
{
	for (uint32_t i = 0; i < STRICT; i++)
		rates[i] = strict;
	rates[RTE_SCHED_TRAFFIC_CLASS_BE] = best_effort;
}

/*
 * The rate of each strict class of a pipe. Where a pipe has all classes, and the strict ones
 * always have more, or the pipe is held back, they have to leave something to the others.
 */
static uint64_t choose_strict(const struct sched_case *sched_case, uint64_t fair, uint64_t rate)
{
	if (!sched_case->deep)
		return rate;
	return sched_case->sparse ? rate / 2 / STRICT : fair / 4 / STRICT;
}

/* Profile 0: a ceiling that does not bind; 1: one that does. */
static void set_pipe_profiles(struct rte_sched_pipe_params *profiles,
			      const struct sched_case *sched_case, uint32_t pipes)
{
	for (uint32_t i = 0; i < PROFILE_COUNT; i++) {
		uint64_t fair = PORT_BYTES / pipes;
		uint64_t rate = i ? fair / 2 : fair * 4;

		if (rate > PORT_BYTES)
			rate = PORT_BYTES;
		profiles[i] = (struct rte_sched_pipe_params){ .tb_rate = rate,
							      .tb_size = SCHED_BURST_BYTES,
							      .tc_period = PERIOD_MS,
							      .tc_ov_weight = 1,
							      .wrr_weights = { 1, 2, 4, 8 } };
		set_rates(profiles[i].tc_rate, choose_strict(sched_case, fair, rate), rate);
	}
}

static void configure_subport(struct rte_subject *subject, uint32_t subport,
			      const struct sched_case *sched_case, uint32_t pipes,
			      uint32_t pipes_all)
{
	struct rte_sched_pipe_params profiles[PROFILE_COUNT];
	struct rte_sched_subport_params params = { .n_pipes_per_subport_enabled = pipes,
						   .pipe_profiles = profiles,
						   .n_pipe_profiles = PROFILE_COUNT,
						   .n_max_pipe_profiles = PROFILE_COUNT };

	set_pipe_profiles(profiles, sched_case, pipes_all);
	for (uint32_t i = 0; i < STRICT; i++)
		params.qsize[i] = QUEUE_ENTRIES;
	params.qsize[RTE_SCHED_TRAFFIC_CLASS_BE] = QUEUE_ENTRIES;
	if (rte_sched_subport_config(subject->port, subport, &params, 0))
		errx(1, "rte_sched refuses a subport of %u pipes", pipes);
	for (uint32_t i = 0; i < pipes; i++)
		if (rte_sched_pipe_config(subject->port, subport, i,
					  sched_case_binds(subport * pipes + i)))
			errx(1, "rte_sched refuses pipe %u", i);
}

static void configure_port(struct rte_subject *subject, const struct sched_case *sched_case)
{
	uint32_t subports = sched_case->deep ? sched_case_groups(sched_case) : 1;
	uint32_t pipes_all = sched_case->deep ? sched_case_vifs(sched_case) : sched_case->active;
	uint64_t rate = subports > 1 ? PORT_BYTES / subports * 2 : PORT_BYTES;
	struct rte_sched_subport_profile_params profile = { .tb_rate = rate,
							    .tb_size = SCHED_BURST_BYTES,
							    .tc_period = PERIOD_MS };
	struct rte_sched_port_params params = {
		.name = "bench",
		.rate = PORT_BYTES,
		.mtu = 1518,
		.frame_overhead = RTE_SCHED_FRAME_OVERHEAD_DEFAULT,
		.n_subports_per_port = subports,
		.subport_profiles = &profile,
		.n_subport_profiles = 1,
		.n_max_subport_profiles = 1,
		.n_pipes_per_subport = pipes_all / subports,
	};

	for (uint32_t i = 0; i < RTE_SCHED_TRAFFIC_CLASSES_PER_PIPE; i++)
		profile.tc_rate[i] = rate;
	subject->port = rte_sched_port_config(&params);
	if (!subject->port)
		errx(1, "rte_sched refuses the port");
	for (uint32_t i = 0; i < subports; i++)
		configure_subport(subject, i, sched_case, pipes_all / subports, pipes_all);
}

/* Where queue i of the case is. */
static void direct_packet(struct rte_subject *subject, const struct sched_case *sched_case,
			  struct rte_mbuf *packet, uint32_t i)
{
	uint32_t class = i % SCHED_VIF_CLASSES;
	uint32_t pipe = sched_case->deep ? i / SCHED_VIF_CLASSES : i;
	uint32_t pipes = sched_case->deep
				 ? sched_case_vifs(sched_case) / sched_case_groups(sched_case)
				 : sched_case->active;

	rte_sched_port_pkt_write(subject->port, packet, pipe / pipes, pipe % pipes,
				 class < STRICT ? class : RTE_SCHED_TRAFFIC_CLASS_BE,
				 class < STRICT ? 0 : class - STRICT, RTE_COLOR_GREEN);
}

/* A backlog that is always there: more packets in each queue than one burst can take. */
static void fill_queues(struct rte_subject *subject, const struct sched_case *sched_case)
{
	uint32_t each = sched_case->sparse ? 1 : SCHED_BURST + 1;

	subject->pool =
		rte_pktmbuf_pool_create("bench", subject->active * each, 0, 0, 0, SOCKET_ID_ANY);
	if (!subject->pool)
		errx(1, "no packets: %s", rte_strerror(rte_errno));
	for (uint32_t n = 0; n < each; n++)
		for (uint32_t i = 0; i < subject->active; i++) {
			struct rte_mbuf *packet = rte_pktmbuf_alloc(subject->pool);

			if (!packet)
				errx(1, "no packet");
			packet->pkt_len = sched_case->cost_bytes - RTE_SCHED_FRAME_OVERHEAD_DEFAULT;
			direct_packet(subject, sched_case, packet, i);
			if (rte_sched_port_enqueue(subject->port, &packet, 1) != 1)
				errx(1, "rte_sched dropped a packet");
		}
}

static void *open_rte(const struct sched_case *sched_case)
{
	struct rte_subject *subject = calloc(1, sizeof(*subject));

	if (!subject)
		err(1, "memory");
	start_dpdk();
	subject->active = sched_case->active;
	configure_port(subject, sched_case);
	fill_queues(subject, sched_case);
	return subject;
}

/* What was taken out is put back: the queue has one more again. */
__attribute__((noinline)) static uint64_t serve_rte(void *state, uint64_t packets)
{
	struct rte_subject *subject = state;
	struct rte_mbuf *burst[SCHED_BURST];
	uint64_t served = 0;
	uint32_t stalls = 0;

	while (served < packets) {
		int n = rte_sched_port_dequeue(subject->port, burst, SCHED_BURST);

		if (n <= 0) {
			if (++stalls == STALLS_MAX)
				errx(1, "rte_sched serves nobody");
			continue;
		}
		if (rte_sched_port_enqueue(subject->port, burst, (uint32_t)n) != n)
			errx(1, "rte_sched dropped a packet");
		served += (uint64_t)n;
	}
	return served;
}

static uint32_t count_starved(void *state)
{
	static bool seen[1u << 18];
	struct rte_subject *subject = state;
	uint32_t starved = subject->active;

	memset(seen, 0, sizeof(seen));
	for (uint64_t i = 0; starved && i < SEARCH_PACKETS;) {
		struct rte_mbuf *burst[SCHED_BURST];
		int n = rte_sched_port_dequeue(subject->port, burst, SCHED_BURST);

		for (int k = 0; k < n; k++) {
			bool *queue = &seen[rte_mbuf_sched_queue_get(burst[k]) % (1u << 18)];

			starved -= !*queue;
			*queue = true;
		}
		rte_sched_port_enqueue(subject->port, burst, (uint32_t)n);
		i += n > 0 ? (uint64_t)n : 1;
	}
	return starved;
}

static void close_rte(void *state)
{
	struct rte_subject *subject = state;

	rte_sched_port_free(subject->port);
	rte_mempool_free(subject->pool);
	free(subject);
}

const struct sched_subject sched_subject_rte = {
	.name = "rte_sched",
	.open = open_rte,
	.serve = serve_rte,
	.starved = count_starved,
	.close = close_rte,
};
