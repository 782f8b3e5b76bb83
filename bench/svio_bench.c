/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench: one program, one measurement a subcommand. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const struct subcommand {
	const char *name;
	const char *text;
	int (*run)(int argc, char **argv); /* text NULL: only for svio-bench itself */
} subcommands[] = {
	{ "vif",
	  "packets, latency and scale of user-space guests, beside one copy, vhost-user and memif",
	  bench_vif_main },
	{ "parts", "where the firmware's cycles go, of a packet", bench_parts_main },
	{ "wake", "how long a sleeping device takes to notice a packet", bench_wake_main },
	{ "irq", "interrupts raised by the core, and by a thread beside it; shared vectors",
	  bench_irq_main },
	{ "sched", "what the scheduler costs a packet, beside other schedulers", bench_sched_main },
	{ "iommu", "what DMA protection costs: translations, maps, unmaps, packets",
	  bench_iommu_main },
	{ "qos", "what VIFs get of a port with a rate, and what they should", bench_qos_main },
	{ "wire",
	  "packets between a user-space guest and the wire (DPDK's, the kernel's), beside testpmd",
	  bench_wire_main },
	{ "compare",
	  "VIFs beside shared-memory NICs and backend drivers: processes, virtual machines",
	  bench_compare_main },
	{ "peer", NULL, bench_peer_main },
};

static void print_help(FILE *to)
{
	fprintf(to, "Usage: svio-bench MEASUREMENT [OPTION...]\n\n"
		    "Measures the device on this machine.\n\nMeasurements:\n");
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (subcommands[i].text)
			fprintf(to, "  %-8s %s\n", subcommands[i].name, subcommands[i].text);
	fprintf(to, "\nsvio-bench MEASUREMENT --help says more.\n\n"
		    "Example:\n  svio-bench vif --peers\n"
		    "  svio-bench compare --html report.html\n");
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 1, argv + 1);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0)) {
		print_help(stdout);
		return 0;
	}
	if (argc > 1)
		fprintf(stderr, "svio-bench: no measurement '%s'\n", argv[1]);
	print_help(stderr);
	return 2;
}
