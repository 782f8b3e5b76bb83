/* SPDX-License-Identifier: BSD-3-Clause */
/* Register writes in any order, with polls, resets and bus changes between them. */
#include <stdlib.h>

#include "fuzz_device.h"
#include "guest.h"
#include "svio_regs.h"

static void change_config(uint8_t how)
{
	static const uint32_t flags[] = { SVIO_HOST_VIF_BUS_MASTER, SVIO_HOST_VIF_TRUSTED,
					  SVIO_HOST_VIF_LINK_DOWN, SVIO_HOST_VIF_MAC_SET };

	fake_config(ATTACKER)->flags ^= flags[how % 4];
	fake_config(ATTACKER)->vlan = (uint16_t)(how / 4 % 8);
	svio_fw_vif_update(fake.fw, ATTACKER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = { data, size_bytes };

	fuzz_device_begin();
	while (input.left) {
		uint8_t what = (uint8_t)fuzz_take(&input, 1);
		uint32_t offset = (uint32_t)fuzz_take(&input, 2);

		if (what < 200)
			svio_fw_reg_write(fake.fw, ATTACKER, what < 150 ? offset & 0xfc : offset,
					  (uint32_t)fuzz_take(&input, 4));
		else if (what < 220)
			svio_fw_poll(fake.fw);
		else if (what < 230)
			svio_fw_vif_reset(fake.fw, ATTACKER);
		else if (what < 240)
			change_config((uint8_t)offset);
		else
			svio_host_wake_set(fake.segment, offset % SVIO_HOST_VIFS_MAX);
	}
	fuzz_device_check();
	return 0;
}
