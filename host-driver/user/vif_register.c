/* SPDX-License-Identifier: BSD-3-Clause */
/* Registers (BAR0) and configuration space, by messages. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>

#include "svio_pci.h"
#include "svio_vif_raw.h"
#include "vif_internal.h"

int vif_reg_read(struct svio_vif *vif, uint32_t offset, uint32_t *value)
{
	int status = vfio_user_client_region_read(&vif->client, SVIO_BAR_REGS, offset, value,
						  sizeof(*value));

	if (status)
		return vif_fail(status, "register 0x%03x cannot be read: %s", offset,
				strerror(-status));
	return 0;
}

int vif_reg_write(struct svio_vif *vif, uint32_t offset, uint32_t value)
{
	int status = vfio_user_client_region_write(&vif->client, SVIO_BAR_REGS, offset, &value,
						   sizeof(value));

	if (status)
		return vif_fail(status, "register 0x%03x cannot be written: %s", offset,
				strerror(-status));
	return 0;
}

int vif_reg_write64(struct svio_vif *vif, uint32_t offset, uint64_t value)
{
	int status = vif_reg_write(vif, offset, (uint32_t)value);

	return status ? status : vif_reg_write(vif, offset + 4, (uint32_t)(value >> 32));
}

int vif_config_read(struct svio_vif *vif, uint32_t offset, void *data, uint32_t bytes)
{
	int status = vfio_user_client_region_read(&vif->client, VFIO_PCI_CONFIG_REGION_INDEX,
						  offset, data, bytes);

	if (status)
		return vif_fail(status, "configuration space 0x%02x cannot be read: %s", offset,
				strerror(-status));
	return 0;
}

int vif_config_write(struct svio_vif *vif, uint32_t offset, const void *data, uint32_t bytes)
{
	int status = vfio_user_client_region_write(&vif->client, VFIO_PCI_CONFIG_REGION_INDEX,
						   offset, data, bytes);

	if (status)
		return vif_fail(status, "configuration space 0x%02x cannot be written: %s", offset,
				strerror(-status));
	return 0;
}

int vif_bus_master_set(struct svio_vif *vif, bool on)
{
	uint16_t command;
	int status = vif_config_read(vif, PCI_COMMAND, &command, sizeof(command));

	if (status)
		return status;
	command |= PCI_COMMAND_MEMORY;
	if (on)
		command |= PCI_COMMAND_MASTER;
	else
		command &= (uint16_t)~PCI_COMMAND_MASTER;
	return vif_config_write(vif, PCI_COMMAND, &command, sizeof(command));
}

/* Where the PCI Express capability begins, 0: nowhere. */
static int find_express(struct svio_vif *vif, uint8_t *at)
{
	uint8_t entry[2]; /* id, next */
	int status = vif_config_read(vif, PCI_CAPABILITY_LIST, at, 1);

	for (int i = 0; !status && *at && i < 48; i++) {
		status = vif_config_read(vif, *at, entry, sizeof(entry));
		if (status || entry[0] == PCI_CAP_ID_EXP)
			return status;
		*at = entry[1];
	}
	return status;
}

int svio_vif_raw_function_reset(struct svio_vif *vif)
{
	uint8_t express;
	uint16_t control;
	int status = find_express(vif, &express);

	if (status)
		return status;
	if (!express)
		return vif_fail(-EOPNOTSUPP, "no PCI Express capability");
	status = vif_config_read(vif, express + PCI_EXP_DEVCTL, &control, sizeof(control));
	if (status)
		return status;
	control |= PCI_EXP_DEVCTL_BCR_FLR;
	return vif_config_write(vif, express + PCI_EXP_DEVCTL, &control, sizeof(control));
}

static int check_identity(struct svio_vif *vif)
{
	uint32_t magic;
	uint32_t version;
	int status = vif_reg_read(vif, SVIO_REG_MAGIC, &magic);

	if (!status)
		status = vif_reg_read(vif, SVIO_REG_VERSION, &version);
	if (status)
		return status;
	if (magic != SVIO_MAGIC)
		return vif_fail(-EPROTO, "this is not a VIF (magic 0x%08x)", magic);
	if (version >> 16 != SVIO_VERSION_MAJOR)
		return vif_fail(-EPROTO, "the VIF speaks version %u.%u, this library %u.x",
				version >> 16, version & 0xffff, SVIO_VERSION_MAJOR);
	return 0;
}

/* The registers that never change, fetched in one go: offsets up to TABLES. */
int vif_info_read(struct svio_vif *vif)
{
	uint32_t regs[SVIO_REG_TABLES / 4 + 1];
	uint32_t fw_version;
	struct svio_vif_info *info = &vif->info;
	int status = check_identity(vif);

	for (uint32_t i = 0; !status && i < sizeof(regs) / sizeof(regs[0]); i++)
		status = vif_reg_read(vif, i * 4, &regs[i]);
	if (!status)
		status = vif_reg_read(vif, SVIO_REG_FW_VERSION, &fw_version);
	if (status)
		return status;
	info->features_offered = regs[SVIO_REG_FEATURES_LO / 4] |
				 (uint64_t)regs[SVIO_REG_FEATURES_HI / 4] << 32;
	memcpy(info->mac, &regs[SVIO_REG_MAC_LO / 4], sizeof(info->mac));
	info->mtu_max = (uint16_t)regs[SVIO_REG_MTU_MAX / 4];
	info->txqs_max = (uint16_t)(regs[SVIO_REG_QUEUES / 4] >> 16);
	info->rxqs_max = (uint16_t)regs[SVIO_REG_QUEUES / 4];
	info->vectors = (uint16_t)regs[SVIO_REG_VECTORS / 4];
	info->segs_max = (uint16_t)regs[SVIO_REG_SEGS_MAX / 4];
	info->mac_filters = (uint16_t)(regs[SVIO_REG_TABLES / 4] >> 16);
	info->vlan_filters = (uint16_t)regs[SVIO_REG_TABLES / 4];
	info->fw_version = fw_version;
	return 0;
}

int svio_vif_status(struct svio_vif *vif, struct svio_vif_status *status)
{
	static const uint32_t offsets[] = { SVIO_REG_STATUS,        SVIO_REG_ERROR,
					    SVIO_REG_ERROR_INFO,    SVIO_REG_ERROR_ADDR_LO,
					    SVIO_REG_ERROR_ADDR_HI, SVIO_REG_LINK,
					    SVIO_REG_LINK_SPEED,    SVIO_REG_FW_GENERATION };
	uint32_t value[sizeof(offsets) / sizeof(offsets[0])];
	int error = 0;

	for (size_t i = 0; !error && i < sizeof(offsets) / sizeof(offsets[0]); i++)
		error = vif_reg_read(vif, offsets[i], &value[i]);
	if (error)
		return error;
	status->state = value[0];
	status->error = value[1];
	status->error_kind = (uint16_t)(value[2] >> 16);
	status->error_qid = (uint16_t)value[2];
	status->error_addr = value[3] | (uint64_t)value[4] << 32;
	status->link_up = value[5] & SVIO_LINK_UP;
	status->link_mbps = value[6];
	status->fw_generation = value[7];
	return 0;
}

int svio_vif_snapshot_get(struct svio_vif *vif, uint64_t counters[SVIO_COUNTER_COUNT])
{
	int status = vif_reg_write(vif, SVIO_REG_SNAPSHOT, 1);

	for (uint32_t i = 0; !status && i < SVIO_COUNTER_COUNT; i++) {
		uint32_t low;
		uint32_t high;

		status = vif_reg_read(vif, SVIO_REG_COUNTERS + i * 8, &low);
		if (!status)
			status = vif_reg_read(vif, SVIO_REG_COUNTERS + i * 8 + 4, &high);
		if (!status)
			counters[i] = low | (uint64_t)high << 32;
	}
	return status;
}
