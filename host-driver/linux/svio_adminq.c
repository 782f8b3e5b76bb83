// SPDX-License-Identifier: GPL-2.0-only
#include "svio_adminq.h"

#include <linux/dma-mapping.h>
#include <linux/interrupt.h>

#include "svio.h"
#include "svio_error.h"

/* Room for all events of a VIF with few queues at once; more wait in the device. */
#define RING_LG2 5
#define RING_ENTRIES BIT(RING_LG2)

/*
 * A command takes microseconds; while the host replaces the firmware it takes
 * as long as that. A lost interrupt is covered by looking at each slice's end.
 */
#define ANSWER_SLICE (HZ / 4)
#define ANSWER_TIMEOUT (10 * HZ)
#define BUSY_TRIES 10

static_assert(RING_LG2 >= SVIO_ADMIN_RING_LG2_MIN && RING_LG2 <= SVIO_ADMIN_RING_LG2_MAX);

static int status_errno(u16 status)
{
	switch (status) {
	case SVIO_ADMIN_STATUS_OK:
		return 0;
	case SVIO_ADMIN_STATUS_BAD_OPCODE:
		return -EOPNOTSUPP;
	case SVIO_ADMIN_STATUS_BAD_QUEUE:
	case SVIO_ADMIN_STATUS_MISSING:
		return -ENOENT;
	case SVIO_ADMIN_STATUS_EXISTS:
		return -EEXIST;
	case SVIO_ADMIN_STATUS_BAD_ADDRESS:
		return -EFAULT;
	case SVIO_ADMIN_STATUS_NO_SPACE:
		return -ENOSPC;
	case SVIO_ADMIN_STATUS_DENIED:
		return -EPERM;
	case SVIO_ADMIN_STATUS_BAD_STATE:
		return -EBUSY;
	case SVIO_ADMIN_STATUS_BUSY:
		return -EAGAIN;
	default:
		return -EINVAL;
	}
}

static void handle_event(struct svio *svio, const struct svio_admin_cmpl *event)
{
	static const char *const kinds[] = {
		[SVIO_QUEUE_TX] = "transmit",
		[SVIO_QUEUE_RX] = "receive",
		[SVIO_QUEUE_ADMIN] = "admin",
		[SVIO_QUEUE_MAP] = "map",
	};
	u16 queue = le16_to_cpu(event->queue);
	u16 reason = le16_to_cpu(event->status);

	switch (event->event) {
	case SVIO_EVENT_LINK:
		svio_netdev_link(svio, le32_to_cpu(event->result) & SVIO_LINK_UP,
				 le32_to_cpu(event->detail));
		break;
	case SVIO_EVENT_QUEUE_ERROR:
		dev_err_ratelimited(&svio->pdev->dev,
				    "%s queue %u stopped: %s (reason %u, address %#llx)\n",
				    kinds[(queue >> 8) % ARRAY_SIZE(kinds)], queue & 0xff,
				    svio_hw_error_text(reason), reason,
				    le64_to_cpu(event->info));
		svio_reset_schedule(svio);
		break;
	case SVIO_EVENT_VIF_ERROR:
		svio_hw_error_log(&svio->hw);
		svio_reset_schedule(svio);
		break;
	default:
		/* A newer device may have more to tell. */
		break;
	}
}

/* Take one completion, if there is one. Under cq_lock. */
static bool take_completion(struct svio *svio)
{
	struct svio_adminq *aq = &svio->adminq;
	struct svio_admin_cmpl *entry = &aq->cq[aq->next % RING_ENTRIES];
	bool phase = !((aq->next >> RING_LG2) & 1);
	struct svio_admin_cmpl copy;

	if (!!(le16_to_cpu(READ_ONCE(entry->flags)) & SVIO_ADMIN_CMPL_PHASE) != phase)
		return false;
	dma_rmb(); /* the phase before the rest */
	copy = *entry;
	aq->next++;
	if (copy.event != SVIO_EVENT_NONE) {
		handle_event(svio, &copy);
	} else if (aq->waiting && le16_to_cpu(copy.id) == aq->last_id) {
		aq->waiting = false;
		aq->reply = copy;
		complete(&aq->done);
	}
	return true;
}

/* Consume what is there. @arm: and ask for an interrupt for the next. */
static void process_completions(struct svio *svio, bool arm)
{
	struct svio_adminq *aq = &svio->adminq;
	struct svio_doorbell __iomem *db = &svio->hw.bar->admin;
	bool any;

	mutex_lock(&aq->cq_lock);
	do {
		any = false;
		while (take_completion(svio))
			any = true;
		if (any)
			svio_hw_ring(&svio->hw, &db->head, aq->next);
		if (arm)
			svio_hw_arm(db, aq->next);
	} while (any);
	mutex_unlock(&aq->cq_lock);
}

static irqreturn_t admin_thread(int irq, void *data)
{
	process_completions(data, true);
	return IRQ_HANDLED;
}

/* Wait for the answer to the command that was just sent. Under lock. */
static int wait_for_answer(struct svio *svio, u16 opcode)
{
	struct svio_adminq *aq = &svio->adminq;
	unsigned long deadline = jiffies + ANSWER_TIMEOUT;
	u32 state;

	while (!wait_for_completion_timeout(&aq->done, ANSWER_SLICE)) {
		process_completions(svio, false);
		if (try_wait_for_completion(&aq->done))
			return 0;
		state = svio_hw_read(&svio->hw, SVIO_REG_STATUS);
		if (state != SVIO_VIF_STATE_READY) {
			if (state == SVIO_VIF_STATE_ERROR)
				svio_hw_error_log(&svio->hw);
			return -EIO;
		}
		if (time_after(jiffies, deadline)) {
			dev_err_ratelimited(&svio->pdev->dev, "admin command %u: no answer\n",
					    opcode);
			return -ETIMEDOUT;
		}
	}
	return 0;
}

static void send_command(struct svio *svio, struct svio_admin_cmd *cmd)
{
	struct svio_adminq *aq = &svio->adminq;

	mutex_lock(&aq->cq_lock);
	cmd->id = cpu_to_le16(++aq->last_id);
	aq->waiting = true;
	reinit_completion(&aq->done);
	mutex_unlock(&aq->cq_lock);

	aq->sq[aq->tail++ % RING_ENTRIES] = *cmd;
	svio_hw_ring(&svio->hw, &svio->hw.bar->admin.tail, aq->tail);
}

/* Under lock. */
static int exec_once(struct svio *svio, struct svio_admin_cmd *cmd, struct svio_admin_cmpl *reply)
{
	struct svio_adminq *aq = &svio->adminq;
	int err;

	if (!aq->running)
		return -ENODEV;
	send_command(svio, cmd);
	err = wait_for_answer(svio, le16_to_cpu(cmd->opcode));
	if (err) {
		/* A late answer finds nobody waiting; the rings start afresh with the reset. */
		mutex_lock(&aq->cq_lock);
		aq->waiting = false;
		mutex_unlock(&aq->cq_lock);
		aq->running = false;
		svio_reset_schedule(svio);
		return err;
	}
	if (reply)
		*reply = aq->reply;
	return status_errno(le16_to_cpu(aq->reply.status));
}

/* Under lock. */
static int exec_locked(struct svio *svio, struct svio_admin_cmd *cmd,
		       struct svio_admin_cmpl *reply)
{
	int tries, err;

	for (tries = 0; tries < BUSY_TRIES; tries++) {
		err = exec_once(svio, cmd, reply);
		if (err != -EAGAIN)
			break;
		usleep_range(1000, 2000);
	}
	return err;
}

int svio_adminq_exec(struct svio *svio, struct svio_admin_cmd *cmd, struct svio_admin_cmpl *reply)
{
	int err;

	mutex_lock(&svio->adminq.lock);
	err = exec_locked(svio, cmd, reply);
	mutex_unlock(&svio->adminq.lock);
	return err;
}

int svio_adminq_exec_buffer(struct svio *svio, struct svio_admin_cmd *cmd, const void *in,
			    void *out, u32 len, struct svio_admin_cmpl *reply)
{
	struct svio_adminq *aq = &svio->adminq;
	int err;

	if (WARN_ON_ONCE(len > SVIO_ADMINQ_BUFFER_BYTES))
		return -EINVAL;
	mutex_lock(&aq->lock);
	if (in)
		memcpy(aq->buffer, in, len);
	cmd->buffer.addr = cpu_to_le64(aq->buffer_dma);
	cmd->buffer.len = cpu_to_le32(len);
	err = exec_locked(svio, cmd, reply);
	if (!err && out)
		memcpy(out, aq->buffer, len);
	mutex_unlock(&aq->lock);
	return err;
}

static void write_registers(struct svio *svio)
{
	struct svio_adminq *aq = &svio->adminq;
	struct svio_hw *hw = &svio->hw;

	svio_hw_write(hw, SVIO_REG_ADMIN_SQ_LO, lower_32_bits(aq->sq_dma));
	svio_hw_write(hw, SVIO_REG_ADMIN_SQ_HI, upper_32_bits(aq->sq_dma));
	svio_hw_write(hw, SVIO_REG_ADMIN_CQ_LO, lower_32_bits(aq->cq_dma));
	svio_hw_write(hw, SVIO_REG_ADMIN_CQ_HI, upper_32_bits(aq->cq_dma));
	svio_hw_write(hw, SVIO_REG_ADMIN_CONFIG, SVIO_ADMIN_VECTOR << 16 | RING_LG2);
}

int svio_adminq_start(struct svio *svio)
{
	struct svio_adminq *aq = &svio->adminq;
	struct svio_doorbell __iomem *db = &svio->hw.bar->admin;
	int err;

	mutex_lock(&aq->lock);
	mutex_lock(&aq->cq_lock);
	memset(aq->sq, 0, RING_ENTRIES * sizeof(*aq->sq));
	memset(aq->cq, 0, RING_ENTRIES * sizeof(*aq->cq));
	aq->tail = 0;
	aq->next = 0;
	aq->waiting = false;
	writel(0, &db->tail);
	writel(0, &db->head);
	write_registers(svio);
	err = svio_hw_enable(&svio->hw);
	if (!err) {
		svio_hw_arm(db, 0);
		aq->running = true;
	}
	mutex_unlock(&aq->cq_lock);
	mutex_unlock(&aq->lock);
	return err;
}

void svio_adminq_stop(struct svio *svio)
{
	struct svio_adminq *aq = &svio->adminq;

	mutex_lock(&aq->lock);
	aq->running = false;
	mutex_unlock(&aq->lock);
}

static int allocate_memory(struct svio *svio)
{
	struct svio_adminq *aq = &svio->adminq;
	const size_t sq_bytes = RING_ENTRIES * sizeof(*aq->sq);
	const size_t cq_bytes = RING_ENTRIES * sizeof(*aq->cq);

	aq->memory = dma_alloc_coherent(&svio->pdev->dev,
					sq_bytes + cq_bytes + SVIO_ADMINQ_BUFFER_BYTES,
					&aq->memory_dma, GFP_KERNEL);
	if (!aq->memory)
		return -ENOMEM;
	aq->sq = aq->memory;
	aq->sq_dma = aq->memory_dma;
	aq->cq = aq->memory + sq_bytes;
	aq->cq_dma = aq->sq_dma + sq_bytes;
	aq->buffer = aq->memory + sq_bytes + cq_bytes;
	aq->buffer_dma = aq->cq_dma + cq_bytes;
	return 0;
}

static void free_memory(struct svio *svio)
{
	struct svio_adminq *aq = &svio->adminq;

	dma_free_coherent(&svio->pdev->dev,
			  RING_ENTRIES * (sizeof(*aq->sq) + sizeof(*aq->cq)) +
				  SVIO_ADMINQ_BUFFER_BYTES,
			  aq->memory, aq->memory_dma);
}

int svio_adminq_init(struct svio *svio)
{
	struct svio_adminq *aq = &svio->adminq;
	int err;

	mutex_init(&aq->lock);
	mutex_init(&aq->cq_lock);
	init_completion(&aq->done);
	err = allocate_memory(svio);
	if (err)
		return err;
	snprintf(aq->irq_name, sizeof(aq->irq_name), "svio-admin@%s", pci_name(svio->pdev));
	aq->irq = pci_irq_vector(svio->pdev, SVIO_ADMIN_VECTOR);
	err = request_threaded_irq(aq->irq, NULL, admin_thread, IRQF_ONESHOT, aq->irq_name, svio);
	if (err)
		free_memory(svio);
	return err;
}

void svio_adminq_exit(struct svio *svio)
{
	free_irq(svio->adminq.irq, svio);
	free_memory(svio);
}
