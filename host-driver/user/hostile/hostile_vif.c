/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks by registers and by the admin queue. */
#include <errno.h>
#include <string.h>

#include "hostile.h"

#define NOWHERE 0x00007ffffffff000ull

static int write_reg(struct hostile *hostile, uint32_t offset, uint32_t value)
{
	return svio_vif_raw_reg_write(hostile->vif, offset, value);
}

static int restart_to_negotiated(struct hostile *hostile)
{
	int status = write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);

	if (!status)
		status = write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
	return status;
}

/* From NEGOTIATED: admin rings at an address, and ENABLE. */
static int enable_with(struct hostile *hostile, uint64_t sq, uint64_t cq, uint32_t config)
{
	const uint32_t writes[][2] = {
		{ SVIO_REG_ADMIN_SQ_LO, (uint32_t)sq }, { SVIO_REG_ADMIN_SQ_HI, sq >> 32 },
		{ SVIO_REG_ADMIN_CQ_LO, (uint32_t)cq }, { SVIO_REG_ADMIN_CQ_HI, cq >> 32 },
		{ SVIO_REG_ADMIN_CONFIG, config },      { SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE },
	};
	int status = 0;

	for (size_t i = 0; !status && i < sizeof(writes) / sizeof(writes[0]); i++)
		status = write_reg(hostile, writes[i][0], writes[i][1]);
	return status;
}

static int features_not_offered(struct hostile *hostile)
{
	int status = write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);

	if (!status)
		status = write_reg(hostile, SVIO_REG_DRIVER_FEATURES_HI, 0x80000000u);
	if (!status)
		status = write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
	return status;
}

static int features_without_need(struct hostile *hostile)
{
	int status = write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);

	if (!status)
		status = write_reg(hostile, SVIO_REG_DRIVER_FEATURES_LO,
				   (uint32_t)SVIO_FEATURE(TX_TSO4));
	if (!status)
		status = write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
	return status;
}

static int enable_twice(struct hostile *hostile)
{
	return write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE);
}

static int enable_without_negotiation(struct hostile *hostile)
{
	int status = write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);

	return status ? status : write_reg(hostile, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE);
}

static int enable_without_bus_master(struct hostile *hostile)
{
	int status = restart_to_negotiated(hostile);

	if (!status)
		status = svio_vif_raw_bus_master_set(hostile->vif, false);
	return status ? status
		      : enable_with(hostile, hostile->page_iova, hostile->page_iova + 4096,
				    0xffff0005);
}

static void bus_master_on(struct hostile *hostile)
{
	svio_vif_raw_bus_master_set(hostile->vif, true);
}

static int admin_rings_nowhere(struct hostile *hostile)
{
	int status = restart_to_negotiated(hostile);

	return status ? status : enable_with(hostile, NOWHERE, NOWHERE, 0xffff0005);
}

static int admin_rings_misaligned(struct hostile *hostile)
{
	int status = restart_to_negotiated(hostile);

	return status ? status
		      : enable_with(hostile, hostile->page_iova + 8, hostile->page_iova + 4096,
				    0xffff0005);
}

static int admin_rings_huge(struct hostile *hostile)
{
	int status = restart_to_negotiated(hostile);

	return status ? status
		      : enable_with(hostile, hostile->page_iova, hostile->page_iova + 4096,
				    0xffff001f);
}

static int admin_vector_absent(struct hostile *hostile)
{
	int status = restart_to_negotiated(hostile);

	return status ? status
		      : enable_with(hostile, hostile->page_iova, hostile->page_iova + 4096,
				    0x7fff0005);
}

static int admin_tail_ahead(struct hostile *hostile)
{
	svio_vif_raw_tail_store(hostile->vif, SVIO_QUEUE_ADMIN, 0, 0x12345678);
	return 0;
}

static int refused_command(struct hostile *hostile, const struct svio_admin_cmd *command)
{
	struct svio_admin_cmpl completion = { .status = SVIO_ADMIN_STATUS_COUNT };
	int status = svio_vif_admin(hostile->vif, command, &completion);

	hostile->refusal = completion.status;
	return status == -ETIMEDOUT || status == -EIO ? status : 0;
}

static int opcode_unknown(struct hostile *hostile)
{
	return refused_command(hostile, &(struct svio_admin_cmd){ .opcode = 0xbeef });
}

static int command_reserved_set(struct hostile *hostile)
{
	return refused_command(hostile,
			       &(struct svio_admin_cmd){ .opcode = SVIO_ADMIN_NOP, .reserved = 1 });
}

static int queue_id_absurd(struct hostile *hostile)
{
	struct svio_admin_cmd command = { .opcode = SVIO_ADMIN_RXQ_CREATE,
					  .queue_create = { .ring = hostile->page_iova,
							    .completion = hostile->page_iova + 4096,
							    .qid = 0xfff0,
							    .vector = SVIO_VECTOR_NONE,
							    .ring_lg2 = 4,
							    .buf_len = 2048 } };

	return refused_command(hostile, &command);
}

static int queue_ring_nowhere(struct hostile *hostile)
{
	uint16_t next = svio_vif_info(hostile->vif)->queues;
	struct svio_admin_cmd command = { .opcode = SVIO_ADMIN_TXQ_CREATE,
					  .queue_create = { .ring = NOWHERE,
							    .completion = hostile->page_iova,
							    .qid = next,
							    .vector = SVIO_VECTOR_NONE,
							    .ring_lg2 = 4 } };

	return refused_command(hostile, &command);
}

static int stats_to_nowhere(struct hostile *hostile)
{
	struct svio_admin_cmd command = {
		.opcode = SVIO_ADMIN_STATS_GET,
		.buffer = { .addr = NOWHERE, .len = 1024, .kind = SVIO_STATS_VIF }
	};

	return refused_command(hostile, &command);
}

/* All other doorbells of the page, and registers of every offset. */
static int doorbells_of_no_queue(struct hostile *hostile)
{
	for (uint16_t i = svio_vif_info(hostile->vif)->queues; i < SVIO_QUEUES_MAX; i++) {
		svio_vif_raw_tail_store(hostile->vif, SVIO_QUEUE_TX, i, 0xdeadbeef);
		svio_vif_raw_tail_store(hostile->vif, SVIO_QUEUE_RX, i, 0xdeadbeef);
		hostile->raw.doorbells->tx[i].arm = 0xffffffff;
	}
	return 0;
}

static int registers_of_all_widths(struct hostile *hostile)
{
	static const uint8_t ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };

	/* CONTROL and WAKE are left out: those do something; 4 bytes elsewhere are lawful writes. */
	for (uint32_t offset = 0x100; offset < 0x1000 - 8; offset += 37)
		for (uint32_t bytes = 1; bytes <= 8; bytes *= 2)
			svio_vif_raw_region_write(hostile->vif, 0, offset, ones, bytes);
	return 0;
}

/* asleep is the device's: a guest that writes it only makes its own doorbells unheard. */
static int asleep_word_written(struct hostile *hostile)
{
	hostile->raw.doorbells->asleep = 0xffffffff;
	return 0;
}

#define ATTACK(function, where, what, words)                  \
	{                                                     \
#function, words, where, what, function, NULL \
	}
#define STOPPED(function, error, words) \
	ATTACK(function, HOSTILE_STOPS_VIF, SVIO_ERROR_##error, words)
#define REFUSED(function, status, words) \
	ATTACK(function, HOSTILE_REFUSED, SVIO_ADMIN_STATUS_##status, words)
#define IGNORED(function, words) ATTACK(function, HOSTILE_IGNORED, 0, words)

const struct hostile_attack hostile_vif_attacks[] = {
	STOPPED(features_not_offered, FEATURES, "a feature that was not offered"),
	STOPPED(features_without_need, FEATURES, "a feature without what it needs"),
	STOPPED(enable_twice, SEQUENCE, "ENABLE while running"),
	STOPPED(enable_without_negotiation, SEQUENCE, "ENABLE before NEGOTIATE"),
	{ "enable_without_bus_master", "ENABLE without bus mastering", HOSTILE_STOPS_VIF,
	  SVIO_ERROR_BUS_MASTER, enable_without_bus_master, bus_master_on },
	STOPPED(admin_rings_nowhere, ADMIN_RING, "admin rings that are not mapped"),
	STOPPED(admin_rings_misaligned, ADMIN_RING, "misaligned admin rings"),
	STOPPED(admin_rings_huge, ADMIN_RING, "admin rings of 2^31 entries"),
	STOPPED(admin_vector_absent, ADMIN_RING, "an admin vector that does not exist"),
	STOPPED(admin_tail_ahead, ADMIN_RING, "an admin doorbell far ahead"),
	REFUSED(opcode_unknown, BAD_OPCODE, "an unknown command"),
	REFUSED(command_reserved_set, BAD_RESERVED, "a command with a reserved field set"),
	REFUSED(queue_id_absurd, BAD_QUEUE, "queue number 65520"),
	REFUSED(queue_ring_nowhere, BAD_ADDRESS, "a queue whose ring is not mapped"),
	REFUSED(stats_to_nowhere, BAD_ADDRESS, "counters to an address that is not ours"),
	IGNORED(doorbells_of_no_queue, "doorbells of queues that do not exist"),
	IGNORED(registers_of_all_widths, "registers in odd places and widths"),
	IGNORED(asleep_word_written, "writing the device's own word of the doorbell page"),
};

const size_t hostile_vif_attack_count =
	sizeof(hostile_vif_attacks) / sizeof(hostile_vif_attacks[0]);
