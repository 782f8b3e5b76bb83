/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands of any bytes. The first eight bytes of input choose features. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_device.h"
#include "guest.h"
#include "svio_error.h"
#include "svio_regs.h"

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* One command; opcodes are brought near the valid ones, addresses often into memory. */
static bool run_command(struct fuzz_input *input)
{
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	struct svio_admin_cmd cmd = { .opcode = (uint16_t)(how % (SVIO_ADMIN_OPCODE_COUNT + 1)) };
	uint64_t errors = fake_counter(ATTACKER, SVIO_COUNTER_admin_errors);
	struct svio_admin_cmpl cmpl;
	uint8_t used = (uint8_t)fuzz_take(input, 1) % 57;

	fuzz_take_bytes(input, cmd.bytes, used);
	if (how & 0x80) {
		cmd.queue_create.ring = fake_iova((cmd.queue_create.ring & 0x3fffc0));
		if (used > 8)
			cmd.queue_create.completion =
				fake_iova((cmd.queue_create.completion & 0x3fffc0));
	}
	if (!guest_admin(&fuzz_attacker, &cmd, &cmpl))
		return false;
	require(cmpl.status < SVIO_ADMIN_STATUS_COUNT);
	if (cmpl.status) {
		require(cmpl.detail < sizeof(cmd));
		require(fake_counter(ATTACKER, SVIO_COUNTER_admin_errors) == errors + 1);
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = { data, size_bytes };
	uint32_t flags;

	fuzz_device_begin();
	flags = (uint32_t)fuzz_take(&input, 1);
	fake_config(ATTACKER)->flags |= flags & (SVIO_HOST_VIF_TRUSTED | SVIO_HOST_VIF_MAC_SET);
	svio_fw_vif_update(fake.fw, ATTACKER);
	guest_start(&fuzz_attacker, ATTACKER, fuzz_take(&input, 8) & GUEST_ALL_FEATURES);
	/* A command may lay a ring over the admin queue: then anything may happen to this guest. */
	while (input.left && fake_reg(ATTACKER, SVIO_REG_STATUS) == SVIO_VIF_STATE_READY) {
		if (!run_command(&input))
			break;
	}
	fuzz_device_check();
	return 0;
}
