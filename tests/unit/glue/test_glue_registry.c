// SPDX-License-Identifier: BSD-3-Clause
/* VIFs through registry.h, with a firmware that may die at any moment. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "device.h"
#include "glue_fixture.h"
#include "svio_test.h"

#define MIB 0x100000ull

static struct fixture fixture;

static void write_scratch(struct svio_vif *vif, uint32_t value, struct answers *answers)
{
	svio_vif_reg_write(vif, SVIO_REG_SCRATCH, &value, sizeof(value), count_answer, answers);
}

static uint32_t read_scratch(const struct svio_vif *vif)
{
	uint32_t value;

	svio_vif_reg_read(vif, SVIO_REG_SCRATCH, &value, sizeof(value));
	return value;
}

static void vif_add_new_is_known_to_all(void)
{
	struct svio_vif *vif;
	uint32_t magic = 0, slot = 0;

	fixture_open(&fixture, "fake", 4, true);
	vif = fixture_vif(&fixture, "web");
	CU_ASSERT_EQUAL(fixture.fronts, 1);
	CU_ASSERT_STRING_EQUAL(svio_vif_name(vif), "web");
	CU_ASSERT_EQUAL(svio_vif_vectors(vif), 9);
	CU_ASSERT(svio_vif_doorbell_fd(vif) >= 0);
	CU_ASSERT_PTR_EQUAL(svio_device_vif_next(fixture.device, &slot), vif);
	fixture_wait_idle(&fixture);
	svio_vif_reg_read(vif, SVIO_REG_MAGIC, &magic, sizeof(magic));
	CU_ASSERT_EQUAL(magic, SVIO_MAGIC);
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->config.txqs, 4);
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->config.mtu_max, 9000);
	CU_ASSERT_STRING_EQUAL(svio_vif_shared(vif)->config.name, "web");
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->config.mac[0] & 3, 2);
	fixture_close(&fixture);
}

static int try_add(const char *name, uint8_t mac_end, char *error)
{
	struct svio_vif_settings settings = { 0 };

	snprintf(settings.name, sizeof(settings.name), "%s", name);
	if (mac_end) {
		settings.mac[0] = 2;
		settings.mac[5] = mac_end;
	}
	return svio_device_vif_add(fixture.device, &settings, error);
}

static void vif_add_taken_or_full_is_refused_with_a_sentence(void)
{
	char error[256] = "";

	fixture_open(&fixture, "fake", 2, true);
	CU_ASSERT_EQUAL(try_add("a", 7, error), 0);
	CU_ASSERT_EQUAL(try_add("a", 8, error), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "VIF a exists"));
	CU_ASSERT_EQUAL(try_add("b", 7, error), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "belongs to VIF a"));
	CU_ASSERT_EQUAL(try_add("B", 0, error), -EINVAL);
	CU_ASSERT_EQUAL(try_add("b", 0, error), 0);
	CU_ASSERT_EQUAL(try_add("c", 0, error), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "2 VIFs"));
	CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "x", error), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "there is no VIF x"));
	fixture_close(&fixture);
}

static void vif_add_bus_refuses_leaves_nothing(void)
{
	char error[256] = "";
	int before;

	fixture_open(&fixture, "fake", 1, true);
	before = count_descriptors();
	fixture.bus_fails = 1;
	CU_ASSERT_EQUAL(try_add("a", 0, error), -EADDRINUSE);
	CU_ASSERT_PTR_NULL(svio_device_vif_find(fixture.device, "a"));
	CU_ASSERT_EQUAL(count_descriptors(), before);
	CU_ASSERT_EQUAL(try_add("a", 0, error), 0);
	fixture_close(&fixture);
}

static bool no_vif(void *context)
{
	return svio_device_vif_find(context, "a") == NULL;
}

static void vif_add_firmware_refuses_is_taken_back(void)
{
	char wire[32];

	snprintf(wire, sizeof(wire), "fake,refuse=%d", SVIO_HOST_VIF_ADD);
	fixture_open(&fixture, wire, 1, true);
	fixture_vif(&fixture, "a");
	fixture_wait(&fixture, no_vif, fixture.device);
	CU_ASSERT_EQUAL(fixture.fronts, 0);
	CU_ASSERT_EQUAL(log_count("the firmware refused it"), 1);
	fixture_wait_idle(&fixture);
	CU_ASSERT_PTR_NULL(fixture.device->vifs[0]);
	fixture_close(&fixture);
}

static void vif_set_changes_config_and_tells_firmware(void)
{
	struct svio_vif_settings settings;
	char error[256] = "";
	struct svio_vif *vif;

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	settings = *svio_vif_settings_get(vif);
	for (int i = 1; i <= 100; i++) {
		settings.qos.node.max_bps = (uint64_t)i * 1000000;
		CU_ASSERT_EQUAL(svio_device_vif_set(fixture.device, &settings, error), 0);
	}
	settings.link_down = true;
	CU_ASSERT_EQUAL(svio_device_vif_set(fixture.device, &settings, error), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->qos.node.max_bps, 100000000);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_VIF_UPDATE), 101);
	CU_ASSERT(svio_vif_shared(vif)->config.flags & SVIO_HOST_VIF_LINK_DOWN);
	settings.queues = 8;
	CU_ASSERT_EQUAL(svio_device_vif_set(fixture.device, &settings, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "fixed"));
	fixture_close(&fixture);
}

static bool no_updates(void *context)
{
	return ((struct svio_vif *)context)->updates == 0;
}

/* The firmware goes on with the old settings, and so what is shown are the old ones. */
static void vif_set_firmware_refuses_is_taken_back(void)
{
	struct svio_vif_settings settings;
	char wire[32], error[256] = "";
	struct svio_vif *vif;

	snprintf(wire, sizeof(wire), "fake,refuse=%d", SVIO_HOST_VIF_UPDATE);
	fixture_open(&fixture, wire, 2, true);
	vif = fixture_vif(&fixture, "a");
	settings = *svio_vif_settings_get(vif);
	settings.vlan = 7;
	CU_ASSERT_EQUAL(svio_device_vif_set(fixture.device, &settings, error), 0);
	settings.vlan = 8;
	CU_ASSERT_EQUAL(svio_device_vif_set(fixture.device, &settings, error), 0);
	fixture_wait(&fixture, no_updates, vif);
	CU_ASSERT_EQUAL(log_count("refused its new settings"), 2);
	CU_ASSERT_EQUAL(svio_vif_settings_get(vif)->vlan, 0);
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->config.vlan, 0);
	fixture_close(&fixture);
}

/* BUS_MASTER is the bus' flag: an administrator's change leaves it alone. */
static void vif_set_keeps_bus_master(void)
{
	struct svio_vif_settings settings;
	char error[256] = "";
	struct svio_vif *vif;

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	svio_vif_bus_master_set(vif, true);
	settings = *svio_vif_settings_get(vif);
	settings.trusted = true;
	CU_ASSERT_EQUAL(svio_device_vif_set(fixture.device, &settings, error), 0);
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->config.flags,
			SVIO_HOST_VIF_BUS_MASTER | SVIO_HOST_VIF_TRUSTED | SVIO_HOST_VIF_MAC_SET);
	svio_vif_bus_master_set(vif, false);
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->config.flags & SVIO_HOST_VIF_BUS_MASTER, 0);
	fixture_close(&fixture);
}

static void reg_write_only_aligned_words_reach_the_device(void)
{
	const uint64_t value = 0x1122334455667788ull;
	struct answers answers = { 0 };
	struct svio_vif *vif;
	uint64_t wide = 1;

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	svio_vif_reg_write(vif, SVIO_REG_SCRATCH, &value, 8, count_answer, &answers);
	svio_vif_reg_write(vif, SVIO_REG_SCRATCH, &value, 2, count_answer, &answers);
	svio_vif_reg_write(vif, SVIO_REG_SCRATCH + 2, &value, 4, count_answer, &answers);
	svio_vif_reg_write(vif, 0x3000, &value, 4, count_answer, &answers);
	CU_ASSERT_EQUAL(answers.count, 4); /* at once */
	CU_ASSERT_EQUAL(answers.last, 0);
	write_scratch(vif, 0xabcd, &answers);
	fixture_wait_answers(&fixture, &answers, 5);
	CU_ASSERT_EQUAL(read_scratch(vif), 0xabcd);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_REG_WRITE), 1);
	svio_vif_reg_read(vif, SVIO_REG_SCRATCH, &wide, 8);
	CU_ASSERT_EQUAL(wide, 0);
	wide = 1;
	svio_vif_reg_read(vif, 0x3ffc, &wide, 4);
	CU_ASSERT_EQUAL((uint32_t)wide, 0);
	fixture_close(&fixture);
}

static uint32_t wakes_before;

static bool was_woken(void *context)
{
	return __atomic_load_n(&fake_log_of(context)->wakes, __ATOMIC_ACQUIRE) != wakes_before;
}

/* At whatever moment of its going to sleep: no wake-up is lost. */
static void reg_write_wake_reaches_a_sleeper(void)
{
	struct answers answers = { 0 };
	struct svio_vif *vif;
	uint32_t any = 0;

	fixture_open(&fixture, "fake,sleepy", 64, true);
	for (int i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "v%d", i);
		fixture_vif(&fixture, name);
	}
	fixture_wait_idle(&fixture);
	vif = svio_device_vif_find(fixture.device, "v39");
	for (int i = 1; i <= 200; i++) {
		wakes_before = fake_log_of(&fixture)->wakes;
		svio_vif_reg_write(vif, SVIO_REG_WAKE, &any, 4, count_answer, &answers);
		CU_ASSERT_EQUAL(answers.count, i); /* at once */
		fixture_wait(&fixture, was_woken, &fixture);
	}
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_REG_WRITE), 0);
	log_clear();
	fixture_close(&fixture);
	CU_ASSERT_EQUAL(log_count(""), 0); /* a clean end is silent */
}

static void irq_set_connects_an_eventfd_and_nothing_else(void)
{
	int event = eventfd(0, EFD_NONBLOCK), pipe_fds[2], before;
	struct svio_vif *vif;
	uint64_t raised = 0;

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	CU_ASSERT_EQUAL(pipe(pipe_fds), 0);
	fixture_wait_idle(&fixture);
	before = count_descriptors();
	CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 9, event), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 0, pipe_fds[1]), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 8, event), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(read(event, &raised, sizeof(raised)), sizeof(raised));
	CU_ASSERT_EQUAL(raised, 1); /* the fake firmware raises what it gets */
	CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 8, -1), 0);
	CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 7, -1), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(count_descriptors(), before);
	fixture_close(&fixture);
	close(event);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* However often a client changes a vector, only one change is under way. */
static void irq_set_many_times_is_folded(void)
{
	int event = eventfd(0, EFD_NONBLOCK);
	struct svio_vif *vif;
	uint64_t raised = 0;

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	for (int i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 1, -1), 0);
		CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 1, event), 0);
		CU_ASSERT(svio_mailbox_pending(fixture.device->mailbox) < 5);
	}
	fixture_wait_idle(&fixture);
	CU_ASSERT(fake_count(&fixture, SVIO_HOST_IRQ_SET) < 5);
	CU_ASSERT_EQUAL(read(event, &raised, sizeof(raised)), sizeof(raised));
	fixture_close(&fixture);
	close(event);
}

/* The reply to an unmap comes when the core is out; not earlier. */
static void unmap_while_a_core_is_inside_waits(void)
{
	struct answers answers = { 0 };
	struct svio_vif *vif;
	int fd = make_memory(MIB);
	const struct svio_host_segment *segment;

	fixture_open(&fixture, "fake", 2, true);
	segment = svio_device_segment(fixture.device);
	vif = fixture_vif(&fixture, "a");
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, true), 0);
	write_scratch(vif, FAKE_HOLD_MS | 150, &answers);
	fixture_wait_answers(&fixture, &answers, 1);
	CU_ASSERT_EQUAL(segment->core[0].epoch, 1);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, MIB, false), 0);
	CU_ASSERT_EQUAL(segment->core[0].epoch, 2);
	CU_ASSERT(fixture.device->grace_max_ns > 0);
	CU_ASSERT_EQUAL(segment->unmaps, 1); /* the core was asked to leave */
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, true), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, MIB, false), 0);
	CU_ASSERT_EQUAL(segment->unmaps,
			2); /* nobody was inside, but what was translated counts no more */
	fixture_close(&fixture);
	close(fd);
}

static void bus_master_off_while_a_core_is_inside_waits(void)
{
	struct answers answers = { 0 };
	struct svio_vif *vif;

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	svio_vif_bus_master_set(vif, true);
	write_scratch(vif, FAKE_HOLD_MS | 50, &answers);
	fixture_wait_answers(&fixture, &answers, 1);
	svio_vif_bus_master_set(vif, false);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->core[0].epoch, 2);
	fixture_close(&fixture);
}

/* A section that began before the start does not mark: it is waited for. */
static void dirty_start_while_a_core_is_inside_waits(void)
{
	struct svio_iommu_dirty_range range = { 0, MIB };
	uint64_t page_bytes = 4096;
	struct answers answers = { 0 };
	struct svio_vif *vif;

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	write_scratch(vif, FAKE_HOLD_MS | 50, &answers);
	fixture_wait_answers(&fixture, &answers, 1);
	CU_ASSERT_EQUAL(svio_vif_dirty_start(vif, &range, 1, &page_bytes), 0);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->core[0].epoch, 2);
	CU_ASSERT(vif->shared->config.flags & SVIO_HOST_VIF_DIRTY_LOG);
	fixture_close(&fixture);
}

/* What was marked may not be written yet: the report waits. */
static void dirty_report_while_a_core_is_inside_waits(void)
{
	struct svio_iommu_dirty_range range = { 0, MIB };
	uint64_t page_bytes = 4096, bitmap[4];
	struct answers answers = { 0 };
	struct svio_vif *vif;

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	CU_ASSERT_EQUAL(svio_vif_dirty_start(vif, &range, 1, &page_bytes), 0);
	svio_iommu_dirty_mark(vif->dirty->log.log, 5ull * 4096, 1);
	write_scratch(vif, FAKE_HOLD_MS | 50, &answers);
	fixture_wait_answers(&fixture, &answers, 1);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->core[0].epoch, 1);
	CU_ASSERT_EQUAL(svio_vif_dirty_report(vif, 0, MIB, 4096, bitmap), 0);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->core[0].epoch, 2);
	CU_ASSERT_EQUAL(bitmap[0], 1 << 5);
	fixture_close(&fixture);
}

/* The memory of the log is zero when it begins, whoever had the slot before. */
static void dirty_log_begins_empty(void)
{
	struct svio_iommu_dirty_range range = { 0, MIB };
	uint64_t page_bytes = 4096, bitmap[4];
	struct svio_vif *vif;
	char error[256];

	fixture_open(&fixture, "fake", 1, true);
	for (int i = 0; i < 3; i++) {
		vif = fixture_vif(&fixture, "a");
		CU_ASSERT_EQUAL(svio_vif_dirty_report(vif, 0, MIB, 4096, bitmap), -EINVAL);
		CU_ASSERT_EQUAL(svio_vif_dirty_start(vif, &range, 1, &page_bytes), 0);
		CU_ASSERT_EQUAL(svio_vif_dirty_start(vif, &range, 1, &page_bytes), -EBUSY);
		CU_ASSERT_EQUAL(svio_vif_dirty_report(vif, 0, MIB, 4096, bitmap), 0);
		CU_ASSERT_EQUAL(bitmap[0] | bitmap[1] | bitmap[2] | bitmap[3], 0);
		svio_iommu_dirty_mark(vif->dirty->log.log, 0, MIB);
		if (i == 1)
			svio_vif_disconnected(vif);
		if (i == 2)
			svio_vif_dirty_stop(vif);
		CU_ASSERT_EQUAL(vif->dirty == NULL, i > 0);
		CU_ASSERT_EQUAL(!(vif->shared->config.flags & SVIO_HOST_VIF_DIRTY_LOG), i > 0);
		CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "a", error), 0);
		fixture_wait_idle(&fixture);
	}
	fixture_close(&fixture);
}

/* A start that is refused leaves nothing on. */
static void dirty_start_refused_is_off(void)
{
	struct svio_iommu_dirty_range range = { 1, MIB };
	uint64_t page_bytes = 4096;
	struct svio_vif *vif;

	fixture_open(&fixture, "fake", 1, true);
	vif = fixture_vif(&fixture, "a");
	CU_ASSERT_EQUAL(svio_vif_dirty_start(vif, &range, 1, &page_bytes), -EINVAL);
	CU_ASSERT_PTR_NULL(vif->dirty);
	CU_ASSERT_FALSE(vif->shared->config.flags & SVIO_HOST_VIF_DIRTY_LOG);
	range.iova = 0;
	CU_ASSERT_EQUAL(svio_vif_dirty_start(vif, &range, 1, &page_bytes), 0);
	fixture_close(&fixture);
}

/* One that never lets go is ended, and its successor starts with even epochs. */
static void unmap_while_a_core_hangs_ends_the_firmware(void)
{
	struct answers answers = { 0 };
	struct svio_vif *vif;
	int fd = make_memory(MIB);

	fixture_open(&fixture, "fake", 2, true);
	vif = fixture_vif(&fixture, "a");
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, true), 0);
	write_scratch(vif, FAKE_HOLD_EVER, &answers);
	fixture_wait_answers(&fixture, &answers, 1);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 0, true), 0);
	CU_ASSERT_EQUAL(log_count("does not let go"), 1);
	fixture_wait_generation(&fixture, 2);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->core[0].epoch & 1, 0);
	fixture_close(&fixture);
	close(fd);
}

static void kill_firmware(void)
{
	kill(svio_fw_process_pid(fixture.device->firmware), SIGKILL);
}

static void firmware_killed_successor_knows_everything(void)
{
	int event = eventfd(0, EFD_NONBLOCK), fd = make_memory(MIB);
	struct answers answers = { 0 };
	struct svio_vif *vif;
	uint64_t raised;

	fixture_open(&fixture, "fake", 4, true);
	vif = fixture_vif(&fixture, "a");
	fixture_vif(&fixture, "b");
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, true), 0);
	CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 3, event), 0);
	write_scratch(vif, 77, &answers);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(read(event, &raised, sizeof(raised)), sizeof(raised));
	for (uint32_t generation = 2; generation < 12; generation++) {
		kill_firmware();
		fixture_wait_generation(&fixture, generation);
		fixture_wait_idle(&fixture);
		CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_ADD), 1);
		CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_VIF_ADD), 2);
		CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_IRQ_SET), 1);
		CU_ASSERT_EQUAL(read(event, &raised, sizeof(raised)), sizeof(raised));
		CU_ASSERT_EQUAL(read_scratch(vif), 77);
	}
	CU_ASSERT_EQUAL(answers.count, 1);
	fixture_close(&fixture);
	close(event);
	close(fd);
}

static void firmware_gone_changes_are_made_later(void)
{
	struct answers answers = { 0 };
	struct svio_vif *vif;
	char error[256];
	int fd = make_memory(MIB);

	fixture_open(&fixture, "fake", 4, true);
	vif = fixture_vif(&fixture, "a");
	fixture_vif(&fixture, "old");
	fixture_wait_idle(&fixture);
	kill_firmware();
	/* The loop does not run yet: nobody has noticed. */
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, true), 0);
	CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "old", error), 0);
	fixture_vif(&fixture, "new");
	write_scratch(vif, 5, &answers);
	svio_vif_reset(vif, count_answer, &answers);
	write_scratch(vif, 6, &answers);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 0, true), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, true), 0);
	fixture_wait_answers(&fixture, &answers, 3);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(answers.last, 0);
	CU_ASSERT_EQUAL(answers.count, 3);
	CU_ASSERT_EQUAL(read_scratch(vif), 6);
	CU_ASSERT_PTR_NULL(svio_device_vif_find(fixture.device, "old"));
	CU_ASSERT_PTR_NOT_NULL(svio_device_vif_find(fixture.device, "new"));
	fixture_close(&fixture);
	close(fd);
}

/* The firmware refuses a MAC that two VIFs have: it must not hear of the old one first. */
static void firmware_gone_vif_made_anew_is_alone(void)
{
	struct svio_vif *vif;
	char error[256];

	fixture_open(&fixture, "fake", 4, true);
	fixture_vif(&fixture, "a");
	fixture_wait_idle(&fixture);
	kill_firmware();
	CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "a", error), 0);
	vif = fixture_vif(&fixture, "a");
	fixture_wait_generation(&fixture, 2);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_VIF_ADD), 1);
	CU_ASSERT_PTR_EQUAL(svio_device_vif_find(fixture.device, "a"), vif);
	fixture_close(&fixture);
}

/*
 * A story of everything. The firmware dies (or breaks) at its nth message, for
 * every n: each request is answered once, and the end is always the same.
 */
static bool tell_story(void)
{
	int event = eventfd(0, EFD_NONBLOCK), fd = make_memory(MIB);
	struct answers answers = { 0 };
	struct svio_vif *vif, *other;
	char error[256];
	bool ended;

	vif = fixture_vif(&fixture, "a");
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, true), 0);
	svio_vif_reset(vif, count_answer, &answers);
	CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 0, event), 0);
	svio_vif_bus_master_set(vif, true);
	write_scratch(vif, 1, &answers);
	fixture_wait_answers(&fixture, &answers, 2);
	other = fixture_vif(&fixture, "b");
	write_scratch(other, 3, &answers);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, MIB, false), 0);
	svio_objects_sweep(fixture.device->objects);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, MIB, MIB, fd, 0, true, true), 0);
	write_scratch(vif, 2, &answers);
	CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "b", error), 0); /* answers one */
	ended = fixture_wait_answers(&fixture, &answers, 4) && fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(answers.count, 4);
	CU_ASSERT_EQUAL(read_scratch(vif), 2);
	CU_ASSERT_EQUAL(svio_objects_count(fixture.device->objects), 1);
	CU_ASSERT_PTR_NULL(svio_device_vif_find(fixture.device, "b"));
	CU_ASSERT_EQUAL(fixture.device->vif_count, 1);
	CU_ASSERT_PTR_NULL(fixture.device->vifs[1]);
	close(event);
	close(fd);
	return ended;
}

static void sweep_story(const char *trouble)
{
	int before = count_descriptors();
	bool ended = true;

	for (int n = 1; n <= 16 && ended; n++) {
		char wire[64];

		snprintf(wire, sizeof(wire), "fake,%s=%d@1", trouble, n);
		fixture_open(&fixture, wire, 4, false);
		ended = tell_story();
		fixture_close(&fixture);
	}
	CU_ASSERT_EQUAL(count_descriptors(), before);
}

static void story_firmware_dies_at_any_message_ends_the_same(void)
{
	sweep_story("die");
}

static void story_firmware_dies_after_any_answer_ends_the_same(void)
{
	sweep_story("late");
}

static void story_firmware_answers_garbage_ends_the_same(void)
{
	sweep_story("garbage");
	sweep_story("short");
}

static void story_firmware_answers_out_of_order_ends_the_same(void)
{
	sweep_story("swap");
}

static void story_firmware_stops_answering_is_ended(void)
{
	fixture_open(&fixture, "fake,mute=4@1", 4, false);
	tell_story();
	CU_ASSERT_EQUAL(log_count("it does not answer"), 1);
	fixture_close(&fixture);
}

/* How many descriptors there are is for the test to say; the highest that is in use is one less. */
static void limit_descriptors(int more)
{
	static struct rlimit usual;
	struct rlimit limit;
	int highest = dup(0);

	close(highest);
	if (usual.rlim_max == 0)
		getrlimit(RLIMIT_NOFILE, &usual);
	limit = usual;
	if (more >= 0)
		limit.rlim_cur = (rlim_t)highest + (rlim_t)more;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* What is refused is refused, and all is well when there are descriptors again. */
static void story_descriptors_run_out_at_any_point(void)
{
	int event = eventfd(0, EFD_NONBLOCK), memory[2] = { make_memory(MIB), make_memory(MIB) };
	int refused = 0;

	for (int more = 0; more < 12; more++) {
		struct answers answers = { 0 };
		char error[256];
		int statuses[3];

		fixture_open(&fixture, "fake", 4, true);
		fixture_vif(&fixture, "a");
		fixture_wait_idle(&fixture);
		limit_descriptors(more);
		statuses[0] = try_add("b", 0, error);
		statuses[1] = svio_vif_dma_map(svio_device_vif_find(fixture.device, "a"), 0, MIB,
					       memory[0], 0, true, true);
		statuses[2] = svio_vif_irq_set(svio_device_vif_find(fixture.device, "a"), 1, event);
		for (int i = 0; i < 3; i++) {
			CU_ASSERT(statuses[i] == 0 || statuses[i] == -EMFILE);
			refused += statuses[i] != 0;
		}
		write_scratch(svio_device_vif_find(fixture.device, "a"), 3, &answers);
		kill_firmware();
		fixture_wait_generation(&fixture, 2); /* the reserve is for this */
		limit_descriptors(-1);
		fixture_wait_answers(&fixture, &answers, 1);
		CU_ASSERT_EQUAL(svio_vif_dma_map(svio_device_vif_find(fixture.device, "a"), MIB,
						 MIB, memory[1], 0, true, true),
				0);
		fixture_wait_idle(&fixture);
		CU_ASSERT_EQUAL(try_add("c", 0, error), 0);
		fixture_close(&fixture);
	}
	CU_ASSERT(refused > 3);
	close(event);
	close(memory[0]);
	close(memory[1]);
}

static void vif_del_requests_under_way_are_canceled_before_the_bus_front(void)
{
	struct answers answers = { 0 };
	char error[256];

	fixture_open(&fixture, "fake,mute=3@1", 4, true);
	write_scratch(fixture_vif(&fixture, "a"), 1, &answers);
	CU_ASSERT_EQUAL(answers.count, 0);
	CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "a", error), 0);
	CU_ASSERT_EQUAL(answers.count, 1);
	CU_ASSERT_EQUAL(answers.last, -ECANCELED);
	fixture_close(&fixture);
	CU_ASSERT_EQUAL(answers.count, 1);
}

static void vif_add_and_del_1000_times_leaks_nothing(void)
{
	char error[256];
	int before, fd = make_memory(MIB), event = eventfd(0, EFD_NONBLOCK);

	fixture_open(&fixture, "fake", 3, true);
	fixture_wait_idle(&fixture);
	before = count_descriptors();
	for (int i = 0; i < 1000; i++) {
		struct svio_vif *vif = fixture_vif(&fixture, "a");

		CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, true), 0);
		CU_ASSERT_EQUAL(svio_vif_irq_set(vif, 2, event), 0);
		CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "a", error), 0);
		if (i % 2)
			fixture_wait_idle(&fixture);
	}
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(count_descriptors(), before);
	CU_ASSERT_EQUAL(svio_objects_count(fixture.device->objects), 0);
	fixture_close(&fixture);
	close(fd);
	close(event);
}

SVIO_TEST_MAIN("glue registry", SVIO_TEST(vif_add_new_is_known_to_all),
	       SVIO_TEST(vif_add_taken_or_full_is_refused_with_a_sentence),
	       SVIO_TEST(vif_add_bus_refuses_leaves_nothing),
	       SVIO_TEST(vif_add_firmware_refuses_is_taken_back),
	       SVIO_TEST(vif_set_changes_config_and_tells_firmware),
	       SVIO_TEST(vif_set_firmware_refuses_is_taken_back),
	       SVIO_TEST(vif_set_keeps_bus_master),
	       SVIO_TEST(reg_write_only_aligned_words_reach_the_device),
	       SVIO_TEST(reg_write_wake_reaches_a_sleeper),
	       SVIO_TEST(irq_set_connects_an_eventfd_and_nothing_else),
	       SVIO_TEST(irq_set_many_times_is_folded),
	       SVIO_TEST(unmap_while_a_core_is_inside_waits),
	       SVIO_TEST(bus_master_off_while_a_core_is_inside_waits),
	       SVIO_TEST(dirty_start_while_a_core_is_inside_waits),
	       SVIO_TEST(dirty_report_while_a_core_is_inside_waits),
	       SVIO_TEST(dirty_log_begins_empty), SVIO_TEST(dirty_start_refused_is_off),
	       SVIO_TEST(unmap_while_a_core_hangs_ends_the_firmware),
	       SVIO_TEST(firmware_killed_successor_knows_everything),
	       SVIO_TEST(firmware_gone_changes_are_made_later),
	       SVIO_TEST(firmware_gone_vif_made_anew_is_alone),
	       SVIO_TEST(story_firmware_dies_at_any_message_ends_the_same),
	       SVIO_TEST(story_firmware_dies_after_any_answer_ends_the_same),
	       SVIO_TEST(story_firmware_answers_garbage_ends_the_same),
	       SVIO_TEST(story_firmware_answers_out_of_order_ends_the_same),
	       SVIO_TEST(story_firmware_stops_answering_is_ended),
	       SVIO_TEST(story_descriptors_run_out_at_any_point),
	       SVIO_TEST(vif_del_requests_under_way_are_canceled_before_the_bus_front),
	       SVIO_TEST(vif_add_and_del_1000_times_leaks_nothing))
