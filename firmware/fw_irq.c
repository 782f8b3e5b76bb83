/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts (SPEC.md, 4.3): one for each value of arm, once the queue's
 * completion index differs from it and moderation allows.
 *
 * A queue with completions that its guest may not have seen is checked until its arm
 * shows that it has: a guest may arm late. The list has first the *hot* VIFs, which are
 * looked at in every pass: with completions of this pass, or held back by moderation.
 * The others' guests poll, or were told already: while there is work one in LATE_PASSES of
 * them is looked at in a pass, or hundreds of polling guests would cost as much as their
 * packets. A guest that arms looks at its ring once more, so it misses nothing meanwhile.
 */
#include "fw.h"

#include <string.h>

#define LATE_PASSES 8

/* Exchange a VIF with the one at this place in the list. */
static void move_to(struct svio_fw *fw, struct fw_vif *vif, uint32_t at)
{
	uint32_t other = fw->irq_list[at];

	fw->irq_list[vif->irq_at] = other;
	fw->vifs[other].irq_at = vif->irq_at;
	fw->irq_list[at] = vif->id;
	vif->irq_at = at;
}

/* A VIF is to be looked at in every pass. */
static void make_hot(struct svio_fw *fw, struct fw_vif *vif)
{
	if (!vif->irq_listed) {
		vif->irq_listed = true;
		vif->irq_at = fw->irq_count;
		fw->irq_list[fw->irq_count++] = vif->id;
	}
	if (vif->irq_at >= fw->irq_hot)
		move_to(fw, vif, fw->irq_hot++);
}

static void make_cold(struct svio_fw *fw, struct fw_vif *vif)
{
	if (vif->irq_at < fw->irq_hot)
		move_to(fw, vif, --fw->irq_hot);
}

static void unlist(struct svio_fw *fw, struct fw_vif *vif)
{
	make_cold(fw, vif);
	move_to(fw, vif, --fw->irq_count);
	vif->irq_listed = false;
}

void fw_irq_note(struct svio_fw *fw, struct fw_vif *vif, uint32_t kind, uint32_t qid)
{
	uint32_t bit = 1u << qid;

	/* Its arm is looked at when the pass ends. */
	__builtin_prefetch(&fw_doorbell(vif, kind, qid)->arm);
	vif->irq_check[kind] |= bit;
	make_hot(fw, vif);
	if (kind == SVIO_QUEUE_ADMIN)
		return;
	if (vif->irq_unreported[kind] & bit) {
		fw_count(vif, SVIO_COUNTER_irqs_suppressed, 1);
		return;
	}
	vif->irq_unreported[kind] |= bit;
	vif->sram->queue[qid][kind].unreported_ns = fw->now_ns;
}

void fw_irq_forget(struct fw_vif *vif, uint32_t kind, uint32_t qid)
{
	vif->irq_check[kind] &= ~(1u << qid);
	if (kind != SVIO_QUEUE_ADMIN)
		vif->irq_unreported[kind] &= ~(1u << qid);
}

/*
 * raised: the VIF's vectors that were raised already since completions and arms were put in
 * order (I1). Queues share them: who is told of one looks at all, and finds all completions,
 * which were there before.
 */
static void raise_vector(struct svio_fw *fw, struct fw_vif *vif, uint32_t vector, uint64_t *raised)
{
	if (vector == SVIO_VECTOR_NONE || *raised >> vector & 1)
		return;
	*raised |= 1ull << vector;
	svio_hal_raise(fw->hal, vif->id, vector);
	fw_count(vif, SVIO_COUNTER_irqs, 1);
}

/* Does moderation still hold an interrupt back? Moves the device's deadline. */
static bool must_wait(struct svio_fw *fw, struct fw_queue *queue, uint32_t arm)
{
	uint64_t due;

	if (!queue->moderation_us)
		return false;
	if (queue->moderation_frames &&
	    ((queue->index - arm) & SVIO_ARM_INDEX) >= queue->moderation_frames)
		return false;
	due = queue->unreported_ns + queue->moderation_us * 1000ull;
	if (fw->now_ns >= due)
		return false;
	if (due < fw->irq_deadline_ns)
		fw->irq_deadline_ns = due;
	return true;
}

/* True: the guest has seen all completions and need not be checked any more. */
static bool check_queue(struct svio_fw *fw, struct fw_vif *vif, uint32_t kind, uint32_t qid,
			uint64_t *raised)
{
	struct fw_queue *queue = &vif->sram->queue[qid][kind];
	uint32_t arm = fw_load(&fw_doorbell(vif, kind, qid)->arm);

	if (!(arm & SVIO_ARM_ENABLE))
		return false;
	if (!((queue->index ^ arm) & SVIO_ARM_INDEX)) {
		vif->irq_unreported[kind] &= ~(1u << qid);
		return true;
	}
	if (arm == queue->raised_arm || must_wait(fw, queue, arm))
		return false;
	raise_vector(fw, vif, queue->vector, raised);
	queue->counters[SVIO_QUEUE_COUNTER_irqs]++;
	SVIO_HAL_STEP(fw->hal);
	queue->raised_arm = arm;
	vif->irq_unreported[kind] &= ~(1u << qid);
	return false;
}

static bool check_admin(struct svio_fw *fw, struct fw_vif *vif, uint64_t *raised)
{
	struct fw_admin *admin = &vif->sram->admin;
	uint32_t arm = fw_load(&vif->doorbells->admin.arm);
	uint32_t index = (uint32_t)(admin->position >> 32);

	if (!(arm & SVIO_ARM_ENABLE))
		return false;
	if (!((index ^ arm) & SVIO_ARM_INDEX))
		return true;
	if (arm == admin->raised_arm)
		return false;
	raise_vector(fw, vif, admin->vector, raised);
	SVIO_HAL_STEP(fw->hal);
	admin->raised_arm = arm;
	return false;
}

static void check_vif(struct svio_fw *fw, struct fw_vif *vif)
{
	uint64_t raised = 0;
	uint32_t kind;

	for (kind = SVIO_QUEUE_TX; kind <= SVIO_QUEUE_RX; kind++) {
		uint32_t left = vif->irq_check[kind];

		while (left) {
			uint32_t qid = (uint32_t)__builtin_ctz(left);

			left &= left - 1;
			if (check_queue(fw, vif, kind, qid, &raised))
				fw_irq_forget(vif, kind, qid);
		}
	}
	if (vif->irq_check[SVIO_QUEUE_ADMIN] && check_admin(fw, vif, &raised))
		fw_irq_forget(vif, SVIO_QUEUE_ADMIN, 0);
}

/* A listed VIF; where is its place from now on? */
static void look_at(struct svio_fw *fw, struct fw_vif *vif)
{
	uint64_t deadline_ns = fw->irq_deadline_ns;

	fw->irq_deadline_ns = UINT64_MAX;
	if (vif->slot)
		check_vif(fw, vif);
	if (!vif->slot || !(vif->irq_check[0] | vif->irq_check[1] | vif->irq_check[2]))
		unlist(fw, vif);
	else if (fw->irq_deadline_ns != UINT64_MAX)
		make_hot(fw, vif);
	else
		make_cold(fw, vif);
	if (deadline_ns < fw->irq_deadline_ns)
		fw->irq_deadline_ns = deadline_ns;
}

/* From the end, going on where the last pass stopped: who leaves is replaced by one that was seen. */
static void look_at_cold(struct svio_fw *fw, uint32_t count)
{
	while (count-- && fw->irq_count > fw->irq_hot) {
		if (fw->irq_next <= fw->irq_hot || fw->irq_next > fw->irq_count)
			fw->irq_next = fw->irq_count;
		look_at(fw, &fw->vifs[fw->irq_list[--fw->irq_next]]);
	}
}

void fw_irq_run(struct svio_fw *fw, bool all)
{
	uint32_t cold;
	uint32_t i;

	fw->irq_deadline_ns = UINT64_MAX;
	if (!fw->irq_count)
		return;
	if (all)
		fw->irq_hot = fw->irq_count;
	/*
	 * I1: completions before arms. Pairs with the driver's full barrier
	 * between its store of arm and its last look at the ring.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	cold = fw->irq_count - fw->irq_hot;
	for (i = fw->irq_hot; i-- > 0;)
		look_at(fw, &fw->vifs[fw->irq_list[i]]);
	look_at_cold(fw, (cold + LATE_PASSES - 1) / LATE_PASSES);
}

void fw_irq_recheck(struct svio_fw *fw, struct fw_vif *vif)
{
	vif->irq_check[SVIO_QUEUE_TX] |= vif->tx_running;
	vif->irq_check[SVIO_QUEUE_RX] |= vif->rx_running;
	if (vif->status == SVIO_VIF_STATE_READY)
		vif->irq_check[SVIO_QUEUE_ADMIN] |= 1;
	make_hot(fw, vif);
}

bool fw_irq_settle(struct svio_fw *fw, struct fw_vif *vif)
{
	uint64_t deadline_ns = fw->irq_deadline_ns;
	bool settled;

	fw->irq_deadline_ns = UINT64_MAX;
	check_vif(fw, vif);
	settled = fw->irq_deadline_ns == UINT64_MAX;
	if (deadline_ns < fw->irq_deadline_ns)
		fw->irq_deadline_ns = deadline_ns;
	if (settled)
		memset(vif->irq_check, 0, sizeof(vif->irq_check));
	return settled;
}

/* After a crash nobody knows which interrupts were raised: raise all that are asked for. */
void fw_irq_spurious(struct svio_fw *fw, struct fw_vif *vif)
{
	uint64_t raised = 0;
	uint32_t kind;
	uint32_t qid;

	for (kind = SVIO_QUEUE_TX; kind <= SVIO_QUEUE_RX; kind++) {
		for (qid = 0; qid < SVIO_QUEUES_MAX; qid++) {
			struct fw_queue *queue = &vif->sram->queue[qid][kind];

			if (queue->state != FW_QUEUE_RUNNING)
				continue;
			queue->raised_arm = 0;
			if (fw_load(&fw_doorbell(vif, kind, qid)->arm) & SVIO_ARM_ENABLE)
				raise_vector(fw, vif, queue->vector, &raised);
		}
	}
	vif->sram->admin.raised_arm = 0;
	if (fw_load(&vif->doorbells->admin.arm) & SVIO_ARM_ENABLE)
		raise_vector(fw, vif, vif->sram->admin.vector, &raised);
	fw_irq_recheck(fw, vif);
}
