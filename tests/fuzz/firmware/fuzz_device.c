/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz_device.h"
#include "guest.h"

#include <stdlib.h>
#include <string.h>

#include "svio_regs.h"

#define HOLE       (FAKE_MEM_BYTES - FUZZ_HOLE_BYTES)
#define HOLE_BYTE  0x3c
#define RIGHTS     (SVIO_IOMMU_READ | SVIO_IOMMU_WRITE)
#define FIRST      1
#define SECOND     2
#define USED_BYTES 0x180000u /* rings and buffers; the data area is the input's */

struct guest fuzz_attacker;

static struct guest neighbour[3];
static struct guest_packet packet;

static void require(bool holds)
{
	if (!holds)
		abort();
}

uint64_t fuzz_take(struct fuzz_input *input, uint32_t bytes)
{
	uint64_t value = 0;

	fuzz_take_bytes(input, &value, bytes);
	return value;
}

void fuzz_take_bytes(struct fuzz_input *input, void *to, uint32_t bytes)
{
	uint32_t n = bytes < input->left ? bytes : (uint32_t)input->left;

	memset(to, 0, bytes);
	if (n)
		memcpy(to, input->data, n);
	input->data += n;
	input->left -= n;
}

/* Map all of the attacker's memory but the hole. */
static void make_hole(void)
{
	require(!fake_unmap(ATTACKER, FAKE_IOVA, FAKE_IOVA + FAKE_MEM_BYTES - 1));
	require(!svio_iommu_map(fake.iommu, fake.domain[ATTACKER], FAKE_IOVA, HOLE, ATTACKER + 1, 0,
				RIGHTS));
	memset(fake.mem[ATTACKER] + HOLE, HOLE_BYTE, FUZZ_HOLE_BYTES);
}

static void start_device(void)
{
	uint32_t i;

	fake_init();
	for (i = FIRST; i <= SECOND; i++) {
		fake_vif_add(i);
		guest_start_queues(&neighbour[i], i, 0, 6);
	}
	fake_vif_prepare(ATTACKER);
	make_hole();
	require(!svio_fw_vif_add(fake.fw, ATTACKER));
}

void fuzz_device_begin(void)
{
	if (!fake.fw)
		start_device();
	require(!svio_fw_vif_del(fake.fw, ATTACKER));
	fake_vif_prepare(ATTACKER);
	memset(fake.mem[ATTACKER], 0, USED_BYTES);
	memset(fake.doorbells[ATTACKER], 0, sizeof(struct svio_doorbell_bar));
	require(!svio_fw_vif_add(fake.fw, ATTACKER));
	/* Counters of a VIF begin anew with it: so must the device's, for the books. */
	memset(fake.segment->counters, 0, sizeof(fake.segment->counters));
	for (uint32_t i = FIRST; i <= SECOND; i++)
		memset(fake_slot(i)->counters, 0, sizeof(fake_slot(i)->counters));
	memset(&fuzz_attacker, 0, sizeof(fuzz_attacker));
	fuzz_attacker.vif = ATTACKER;
}

static void check_hole(void)
{
	uint32_t i;

	for (i = 0; i < FUZZ_HOLE_BYTES; i++)
		require(fake.mem[ATTACKER][HOLE + i] == HOLE_BYTE);
}

static void empty(struct guest *guest)
{
	while (guest_receive(guest, 0, &packet))
		;
	guest_post(guest, 0, UINT32_MAX);
}

/* The attacker may have sent broadcasts: what matters is that this one arrives. */
static void check_neighbours(void)
{
	uint8_t frame[100];
	bool arrived = false;

	empty(&neighbour[FIRST]);
	empty(&neighbour[SECOND]);
	guest_frame_between(frame, sizeof(frame), FIRST, SECOND, 77);
	guest_send(&neighbour[FIRST], 0, frame, sizeof(frame));
	fake_run();
	while (guest_receive(&neighbour[SECOND], 0, &packet)) {
		if (packet.bytes == sizeof(frame) && !memcmp(packet.data, frame, sizeof(frame)))
			arrived = true;
	}
	require(arrived);
	guest_post(&neighbour[SECOND], 0, UINT32_MAX);
}

void fuzz_device_check(void)
{
	fake_run();
	check_hole();
	require(fake_reg(ATTACKER, SVIO_REG_MAGIC) == SVIO_MAGIC);
	require(fake_reg(ATTACKER, SVIO_REG_STATUS) < SVIO_VIF_STATE_COUNT);
	require(!fake_reg(ATTACKER, SVIO_REG_ERROR) ||
		fake_reg(ATTACKER, SVIO_REG_STATUS) == SVIO_VIF_STATE_ERROR);
	require(fake_reg(FIRST, SVIO_REG_STATUS) == SVIO_VIF_STATE_READY);
	require(!(fake.segment->core[0].epoch & 1));
	check_neighbours();
	require(fake_books_balance());
	require(!fake_counter(FIRST, SVIO_COUNTER_queue_errors));
	require(!fake_counter(SECOND, SVIO_COUNTER_queue_errors));
}
