/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-hostile: opens a VIF and plays the guest that nobody wants. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

const char *argp_program_version = "svio-hostile 0.1.0";

struct arguments {
	const char *victim_path; /* the VIF that attacks */
	const char *peer_path;   /* sends to it; NULL: receive attacks are left out */
	bool quiet;
};

struct peer {
	struct svio_vif *vif;
	uint8_t target[6];
};

static const struct argp_option argp_options[] = {
	{ "peer", 'p', "SOCKET", 0,
	  "A second VIF, which sends packets to the first: needed for the attacks by receive rings",
	  0 },
	{ "quiet", 'q', NULL, 0, "Print only the attacks that were not answered as they should",
	  0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'p':
		arguments->peer_path = argument;
		return 0;
	case 'q':
		arguments->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		arguments->victim_path = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "SOCKET",
	.doc = "Attack a device through one of its VIFs: bad addresses, lying lengths, ring index "
	       "nonsense, commands that make no sense. Prints what the device answered; the exit "
	       "status is 0 when each attack was stopped with the right reason."
	       "\v"
	       "Example:\n"
	       "  svio vif add hostile; svio vif add witness\n"
	       "  svio-hostile run/hostile.sock --peer run/witness.sock",
};

/* A packet for the hostile VIF. */
static void send_packet(void *context)
{
	struct peer *peer = context;
	struct svio_vif_queue *queue = svio_vif_queue(peer->vif, 0);
	struct svio_vif_buf buf;

	if (!svio_vif_alloc_burst(queue, &buf, 1))
		return;
	memset(buf.data, 0, 64);
	memcpy(buf.data, peer->target, 6);
	memcpy(buf.data + 6, svio_vif_info(peer->vif)->mac, 6);
	buf.data[12] = 0x88;
	buf.data[13] = 0xb5;
	buf.len = 64;
	if (!svio_vif_tx_burst(queue, &buf, 1))
		svio_vif_free_burst(queue, &buf, 1);
}

/* Runs a list; returns how many attacks were not answered as they should. */
static int run_attacks(struct svio_vif *vif, const struct hostile_attack *attacks, size_t count,
		       struct peer *peer, bool quiet)
{
	int failures = 0;

	for (size_t i = 0; i < count; i++) {
		struct hostile_outcome outcome;
		int status = hostile_attack_run(vif, &attacks[i], peer ? send_packet : NULL, peer,
						&outcome);

		if (status)
			snprintf(outcome.sentence, sizeof(outcome.sentence),
				 "could not be made: %s", svio_vif_message());
		if (!outcome.as_expected)
			failures++;
		if (!quiet || !outcome.as_expected)
			printf("%-4s %-52s %s\n", outcome.as_expected ? "ok" : "BAD",
			       attacks[i].text, outcome.sentence);
		fflush(stdout);
	}
	return failures;
}

static int open_vif(const char *path, struct svio_vif **vif)
{
	struct svio_vif_options options = { .path = path,
					    .features = SVIO_VIF_FEATURES_ALL,
					    .extra_bytes = HOSTILE_EXTRA_BYTES };
	int status = svio_vif_open(&options, vif);

	if (status)
		fprintf(stderr, "svio-hostile: %s\n", svio_vif_message());
	return status;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct peer peer = { 0 };
	struct svio_vif *vif = NULL;
	size_t count = hostile_tx_attack_count + hostile_vif_attack_count;
	int failures;

	argp_parse(&parser, argc, argv, 0, NULL, &arguments);
	if (open_vif(arguments.victim_path, &vif) ||
	    (arguments.peer_path && open_vif(arguments.peer_path, &peer.vif))) {
		svio_vif_close(vif);
		return 2;
	}
	failures = run_attacks(vif, hostile_tx_attacks, hostile_tx_attack_count, NULL,
			       arguments.quiet);
	failures += run_attacks(vif, hostile_vif_attacks, hostile_vif_attack_count, NULL,
				arguments.quiet);
	if (peer.vif) {
		memcpy(peer.target, svio_vif_info(vif)->mac, 6);
		failures += run_attacks(vif, hostile_rx_attacks, hostile_rx_attack_count, &peer,
					arguments.quiet);
		count += hostile_rx_attack_count;
	}
	printf("%zu attacks, %d not answered as they should\n", count, failures);
	svio_vif_close(peer.vif);
	svio_vif_close(vif);
	return failures ? 1 : 0;
}
