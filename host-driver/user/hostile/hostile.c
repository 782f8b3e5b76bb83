/* SPDX-License-Identifier: BSD-3-Clause */
/* See hostile.h: runs one attack and judges the answer. */
#include "hostile.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATIENCE_S 10

struct svio_tx_desc *hostile_tx_entry(struct hostile *hostile, uint32_t n)
{
	uint32_t mask = (1u << hostile->queue.tx_lg2) - 1;

	return &hostile->queue.tx_ring[(hostile->queue.tx_tail + n) & mask];
}

void hostile_tx_ring(struct hostile *hostile, uint32_t entries)
{
	svio_vif_raw_tail_store(hostile->vif, SVIO_QUEUE_TX, 0, hostile->queue.tx_tail + entries);
}

static bool queue_stopped(struct hostile *hostile, uint16_t kind, uint32_t *reason)
{
	enum svio_error error = SVIO_ERROR_NONE;

	if (svio_vif_queue_error_get(hostile->vif, kind, 0, &error, NULL))
		return false;
	*reason = error;
	return error != SVIO_ERROR_NONE;
}

static bool vif_stopped(struct hostile *hostile, uint32_t *reason)
{
	struct svio_vif_status status;

	if (svio_vif_status(hostile->vif, &status) || status.state != SVIO_VIF_STATE_ERROR)
		return false;
	*reason = status.error;
	return true;
}

/* IGNORED: the device answers a command and no queue has stopped. */
static bool still_works(struct hostile *hostile, uint32_t *reason)
{
	*reason = SVIO_ERROR_NONE;
	return svio_vif_admin(hostile->vif, &(struct svio_admin_cmd){ .opcode = SVIO_ADMIN_NOP },
			      NULL) == 0 &&
	       !queue_stopped(hostile, SVIO_QUEUE_TX, reason) &&
	       !queue_stopped(hostile, SVIO_QUEUE_RX, reason);
}

static bool is_answered(struct hostile *hostile, const struct hostile_attack *attack,
			uint32_t *reason)
{
	switch (attack->answer) {
	case HOSTILE_STOPS_TX:
		return queue_stopped(hostile, SVIO_QUEUE_TX, reason);
	case HOSTILE_STOPS_RX:
		return queue_stopped(hostile, SVIO_QUEUE_RX, reason);
	case HOSTILE_STOPS_VIF:
		return vif_stopped(hostile, reason);
	case HOSTILE_REFUSED:
		*reason = hostile->refusal;
		return true;
	case HOSTILE_IGNORED:
		return still_works(hostile, reason);
	}
	return false;
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void describe(const struct hostile_attack *attack, struct hostile_outcome *outcome)
{
	static const char *const what[] = { [HOSTILE_STOPS_TX] = "transmit queue stopped",
					    [HOSTILE_STOPS_RX] = "receive queue stopped",
					    [HOSTILE_STOPS_VIF] = "VIF stopped",
					    [HOSTILE_REFUSED] = "refused",
					    [HOSTILE_IGNORED] = "ignored" };

	if (!outcome->answered)
		snprintf(outcome->sentence, sizeof(outcome->sentence), "no answer in %d s",
			 PATIENCE_S);
	else if (attack->answer == HOSTILE_IGNORED)
		snprintf(outcome->sentence, sizeof(outcome->sentence), "ignored");
	else
		snprintf(outcome->sentence, sizeof(outcome->sentence), "%s: %s",
			 what[attack->answer],
			 attack->answer == HOSTILE_REFUSED
				 ? svio_vif_admin_status_text(outcome->reason)
				 : svio_vif_error_text(outcome->reason));
}

static void await_answer(struct hostile *hostile, const struct hostile_attack *attack,
			 void (*prod)(void *context), void *context,
			 struct hostile_outcome *outcome)
{
	time_t deadline = now_s() + PATIENCE_S;

	do {
		if (prod)
			prod(context);
		outcome->answered = is_answered(hostile, attack, &outcome->reason);
		sched_yield();
	} while (!outcome->answered && now_s() < deadline);
	outcome->as_expected = outcome->answered && outcome->reason == attack->expected;
	describe(attack, outcome);
}

int hostile_attack_run(struct svio_vif *vif, const struct hostile_attack *attack,
		       void (*prod)(void *context), void *context, struct hostile_outcome *outcome)
{
	struct hostile hostile = { .vif = vif };
	int status = svio_vif_reset(vif);
	int restored;

	memset(outcome, 0, sizeof(*outcome));
	if (status)
		return status;
	hostile.page = svio_vif_extra(vif);
	if (!hostile.page)
		return -EINVAL;
	hostile.page_iova = svio_vif_iova(vif, hostile.page);
	svio_vif_raw_get(vif, &hostile.raw);
	svio_vif_raw_queue_get(svio_vif_queue(vif, 0), &hostile.queue);
	memset(hostile.page, 0, HOSTILE_EXTRA_BYTES);
	status = attack->run(&hostile);
	if (!status)
		await_answer(&hostile, attack, prod, context, outcome);
	if (attack->undo)
		attack->undo(&hostile);
	restored = svio_vif_reset(vif);
	return status ? status : restored;
}
