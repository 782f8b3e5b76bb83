/* SPDX-License-Identifier: BSD-3-Clause */
/* Attach, sections, the polling loop, going to sleep. */
#include "fw.h"

#include <errno.h>
#include <string.h>

#include "fw_class.h"
#include "fw_dma.h"
#include "fw_mapq.h"
#include "fw_packet.h"
#include "fw_rx.h"
#include "fw_wait.h"

/* Bounds of one pass. Grants are of 4 KiB when several VIFs compete. */
#define PASS_GRANTS  64
#define PASS_PACKETS 256

/* While packets flow an admin queue is looked at once in so many passes. */
#define ADMIN_PASSES 8

/* Looks from the one at which a VIF's doorbells are fetched to its own. */
#define LOOK_AHEAD 8

/* What svio_fw_bytes() hands out, in order. */
struct layout {
	size_t vifs;
	size_t rss;
	size_t active;
	size_t irq_list;
	size_t leaf_owner;
	size_t groups;
	size_t tx_batch;
	size_t tx_runs;
	size_t rx_slots;
	size_t waits;
	size_t packets;
	size_t gso;
	size_t sched;
	size_t macs;
	size_t bytes;
};

static size_t take(size_t *at, size_t bytes)
{
	size_t here = *at;

	*at += (bytes + 63) & ~(size_t)63;
	return here;
}

static struct layout lay_out(uint32_t vifs_max)
{
	struct svio_sched_limits limits = fw_qos_limits(vifs_max);
	struct layout layout;
	size_t at = 0;

	take(&at, sizeof(struct svio_fw));
	layout.vifs = take(&at, sizeof(struct fw_vif) * vifs_max);
	layout.rss = take(&at, sizeof(struct svio_rss) * vifs_max);
	layout.active = take(&at, sizeof(uint32_t) * vifs_max);
	layout.irq_list = take(&at, sizeof(uint32_t) * vifs_max);
	layout.leaf_owner = take(&at, sizeof(uint32_t) * FW_SCHED_NODES);
	layout.groups = take(&at, sizeof(struct fw_group) * SVIO_HOST_GROUPS_MAX);
	layout.tx_batch = take(&at, sizeof(struct svio_tx_desc) * FW_TX_DESC_BATCH);
	layout.tx_runs = take(&at, sizeof(struct fw_run) * FW_TX_DESC_BATCH);
	layout.rx_slots = take(&at, sizeof(struct fw_rx_open) * FW_RX_OPEN_MAX);
	layout.waits = take(&at, sizeof(struct fw_wait) * FW_WAITS_MAX);
	layout.packets = take(&at, sizeof(struct fw_packet) * 2);
	layout.gso = take(&at, sizeof(struct svio_gso));
	layout.sched = take(&at, svio_sched_bytes(&limits));
	layout.macs = take(&at, fw_mac_table_bytes(vifs_max * (1 + FW_MAC_FILTERS)));
	layout.bytes = at;
	return layout;
}

size_t svio_fw_bytes(uint32_t vifs_max)
{
	return lay_out(vifs_max).bytes;
}

_Static_assert(SVIO_HOST_DIRTY_BYTES > SVIO_IOMMU_DIRTY_HEADER_BYTES, "a dirty log");

static bool dirty_logs_fit(const struct svio_host_segment *segment)
{
	return segment->dirty_offset % 64 == 0 && segment->dirty_offset <= segment->bytes &&
	       (!segment->dirty_offset || segment->vifs_max * SVIO_HOST_DIRTY_BYTES <=
						  segment->bytes - segment->dirty_offset);
}

static bool segment_fits(const struct svio_host_segment *segment)
{
	uint64_t vifs = (uint64_t)segment->vifs_max * sizeof(struct svio_host_vif);
	uint64_t maps = (uint64_t)segment->vifs_max * sizeof(struct svio_host_map);

	return segment->magic == SVIO_HOST_MAGIC && segment->version == SVIO_HOST_VERSION &&
	       segment->vifs_max && segment->vifs_max <= SVIO_HOST_VIFS_MAX &&
	       segment->bytes >= sizeof(*segment) && segment->vifs_offset % 64 == 0 &&
	       segment->vifs_offset <= segment->bytes &&
	       vifs <= segment->bytes - segment->vifs_offset && segment->faults_offset % 64 == 0 &&
	       segment->faults_offset <= segment->bytes &&
	       sizeof(struct svio_iommu_fault_log) <= segment->bytes - segment->faults_offset &&
	       segment->maps_offset % 64 == 0 && segment->maps_offset <= segment->bytes &&
	       maps <= segment->bytes - segment->maps_offset && dirty_logs_fit(segment);
}

static void point(struct svio_fw *fw, const struct layout *layout, char *memory, uint32_t vifs_max)
{
	fw->vifs_max = vifs_max;
	fw->vifs = (struct fw_vif *)(void *)(memory + layout->vifs);
	fw->rss = (struct svio_rss *)(void *)(memory + layout->rss);
	fw->active = (uint32_t *)(void *)(memory + layout->active);
	fw->irq_list = (uint32_t *)(void *)(memory + layout->irq_list);
	fw->leaf_owner = (uint32_t *)(void *)(memory + layout->leaf_owner);
	fw->group = (struct fw_group *)(void *)(memory + layout->groups);
	fw->tx_batch = (struct svio_tx_desc *)(void *)(memory + layout->tx_batch);
	fw->tx_runs = (struct fw_run *)(void *)(memory + layout->tx_runs);
	fw->rx_slots = (struct fw_rx_open *)(void *)(memory + layout->rx_slots);
	fw->wait = (struct fw_wait *)(void *)(memory + layout->waits);
	fw->packet = (struct fw_packet *)(void *)(memory + layout->packets);
	fw->segment_packet = fw->packet + 1;
	fw->packet->gso = (struct svio_gso *)(void *)(memory + layout->gso);
	fw->macs = fw_mac_table_init(memory + layout->macs, vifs_max * (1 + FW_MAC_FILTERS));
}

int svio_fw_attach(void *memory, struct svio_host_segment *segment, const void *tables,
		   struct svio_hal *hal, const struct svio_hal_ops *ops, uint64_t port_bps,
		   struct svio_fw **out)
{
	struct svio_fw *fw = memory;
	struct svio_sched_limits limits;
	struct layout layout;

	if (!memory || (uintptr_t)memory % 64 || !segment || !tables || !ops || !ops->log || !out)
		return -EINVAL;
	if (!segment_fits(segment))
		return -EPROTO;
	layout = lay_out(segment->vifs_max);
	point(fw, &layout, memory, segment->vifs_max);
	fw->segment = segment;
	fw->slots = (struct svio_host_vif *)(void *)((char *)segment + segment->vifs_offset);
	fw->faults =
		(struct svio_iommu_fault_log *)(void *)((char *)segment + segment->faults_offset);
	fw->maps = (struct svio_host_map *)(void *)((char *)segment + segment->maps_offset);
	if (segment->dirty_offset)
		fw->dirty = (char *)segment + segment->dirty_offset;
	fw->counters = segment->counters;
	fw->tables = tables;
	fw->hal = hal;
	fw->ops = ops;
	fw->now_ns = svio_hal_now_ns();
	fw->irq_deadline_ns = UINT64_MAX;
	fw->era = 1;
	fw->link_speed = segment->wire_speed;
	limits = fw_qos_limits(segment->vifs_max);
	fw->sched = svio_sched_init((char *)memory + layout.sched, &limits, port_bps, fw->now_ns);
	if (!fw->sched)
		return -EINVAL;
	fw_qos_begin(fw);
	/* An earlier firmware may have died inside a section. */
	if (segment->core[0].epoch & 1)
		svio_iommu_core_exit(&segment->core[0].epoch);
	__atomic_store_n(&segment->fw_generation, segment->fw_generation + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&segment->fw_state, SVIO_HOST_FW_POLLING, __ATOMIC_SEQ_CST);
	*out = fw;
	return 0;
}

void fw_log(struct svio_fw *fw, uint32_t vif, const char *text)
{
	fw->ops->log(fw->hal, vif, text);
}

void fw_section_begin(struct svio_fw *fw)
{
	uint32_t unmaps;

	svio_iommu_core_enter(&fw->segment->core[0].epoch);
	/* Acquire: who sees it raised sees the entries cleared, too. */
	unmaps = __atomic_load_n(&fw->segment->unmaps, __ATOMIC_ACQUIRE);
	if (unmaps != fw->section_unmaps)
		fw_era_end(fw);
	fw->section_unmaps = unmaps;
	fw->section++;
	fw->in_section = true;
	fw->section_copies = 0;
	fw->section_packets = 0;
	fw->section_bytes = 0;
}

void fw_section_end(struct svio_fw *fw)
{
	fw_rx_close(fw);
	fw_wire_flush(fw);
	fw->in_section = false;
	svio_iommu_core_exit(&fw->segment->core[0].epoch);
}

static struct svio_iommu_dirty_log *dirty_log(const struct svio_fw *fw, const struct fw_vif *vif)
{
	uint64_t offset = SVIO_HOST_DIRTY_BYTES * vif->id;

	return fw->dirty ? (struct svio_iommu_dirty_log *)(void *)(fw->dirty + offset) : NULL;
}

bool fw_vif_open(struct svio_fw *fw, struct fw_vif *vif)
{
	if (vif->section != fw->section) {
		vif->section = fw->section;
		uint32_t domain = __atomic_load_n(&vif->slot->config.domain, __ATOMIC_ACQUIRE);

		vif->flags = __atomic_load_n(&vif->slot->config.flags, __ATOMIC_ACQUIRE);
		if (!(vif->flags & SVIO_HOST_VIF_BUS_MASTER))
			domain = 0;
		if (domain != vif->domain)
			fw_era_end(fw);
		vif->domain = domain;
		vif->dirty = vif->flags & SVIO_HOST_VIF_DIRTY_LOG ? dirty_log(fw, vif) : NULL;
	}
	if (!vif->domain || vif->status != SVIO_VIF_STATE_READY)
		return false;
	if (vif->recover)
		fw_recover_vif(fw, vif);
	return vif->status == SVIO_VIF_STATE_READY;
}

static void note_busy(const struct svio_fw *fw, struct fw_vif *vif)
{
	vif->idle_passes = 0;
	vif->busy_ns = fw->now_ns;
}

void fw_vif_activate(struct svio_fw *fw, struct fw_vif *vif)
{
	note_busy(fw, vif);
	if (vif->active || vif->status != SVIO_VIF_STATE_READY)
		return;
	vif->active = true;
	vif->active_at = fw->active_count;
	fw->active[fw->active_count++] = vif->id;
	__atomic_store_n(&vif->doorbells->asleep, 0, __ATOMIC_RELAXED);
	fw_irq_recheck(fw, vif);
}

void fw_vif_deactivate(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t last;

	if (!vif->active)
		return;
	last = fw->active[--fw->active_count];
	fw->active[vif->active_at] = last;
	fw->vifs[last].active_at = vif->active_at;
	vif->active = false;
}

static uint32_t current_flags(const struct fw_vif *vif)
{
	return __atomic_load_n(&vif->slot->config.flags, __ATOMIC_RELAXED);
}

/* Something for the device to do that the guest or an event asked for? */
static bool scan_vif(struct svio_fw *fw, struct fw_vif *vif, uint32_t flags)
{
	bool busy = fw_admin_pending(vif) || fw_mapq_pending(vif) || vif->recover;

	if (!(flags & SVIO_HOST_VIF_LINK_DOWN))
		busy |= fw_tx_scan(fw, vif);
	return busy;
}

/*
 * Stop polling a VIF. S1: asleep before doorbells; pairs with the driver's full
 * barrier between its store of tail and its load of asleep.
 */
static void put_to_sleep(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t flags = current_flags(vif);

	__atomic_store_n(&vif->doorbells->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* S1 */
	if (flags & SVIO_HOST_VIF_BUS_MASTER &&
	    (scan_vif(fw, vif, flags) || !fw_irq_settle(fw, vif))) {
		__atomic_store_n(&vif->doorbells->asleep, 0, __ATOMIC_RELAXED);
		note_busy(fw, vif);
		return;
	}
	fw_vif_deactivate(fw, vif);
}

/* In a section: what is not packets. */
static uint32_t serve_control(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t work = 0;

	fw_section_begin(fw);
	if (fw_vif_open(fw, vif)) {
		work = fw_mapq_poll(fw, vif);
		work += fw_admin_poll(fw, vif);
		fw_class_sort(fw, vif);
	}
	fw_section_end(fw);
	return work;
}

/* All that it has, but for its admin queue, waits for the scheduler. */
static inline bool waits_for_scheduler(const struct fw_vif *vif)
{
	return !vif->staged && vif->tx_ready && vif->tx_ready == vif->tx_running &&
	       !vif->tx_unsorted;
}

/* A look at a VIF's doorbells; all: at its admin queue's, too. */
static uint32_t poll_vif(struct svio_fw *fw, struct fw_vif *vif, bool all)
{
	uint32_t flags, work = 0;
	bool control;

	if (!all && waits_for_scheduler(vif))
		return 0;
	flags = current_flags(vif);
	if (!(flags & SVIO_HOST_VIF_BUS_MASTER) || vif->status != SVIO_VIF_STATE_READY) {
		put_to_sleep(fw, vif);
		return 0;
	}
	control = vif->recover || fw_mapq_pending(vif) || (all && fw_admin_pending(vif));
	if (!(flags & SVIO_HOST_VIF_LINK_DOWN) && fw_tx_scan(fw, vif))
		note_busy(fw, vif);
	else if (control)
		note_busy(fw, vif);
	else if (++vif->idle_passes >= FW_IDLE_PASSES && fw->now_ns - vif->busy_ns >= FW_IDLE_NS)
		put_to_sleep(fw, vif);
	if (control || vif->tx_unsorted)
		work = serve_control(fw, vif);
	return work;
}

/* Of hundreds of VIFs none is in the cache: start to fetch what the looks after the next need. */
static inline void fetch_look(const struct svio_fw *fw, uint32_t i)
{
	const struct fw_vif *vif = &fw->vifs[fw->active[i - LOOK_AHEAD]];

	__builtin_prefetch(&fw->vifs[fw->active[i - 2 * LOOK_AHEAD]]);
	if (waits_for_scheduler(vif))
		return;
	__builtin_prefetch(&vif->slot->config.flags);
	__builtin_prefetch(&vif->doorbells->tx[0].tail);
	__builtin_prefetch(&vif->sram->queue[SVIO_QUEUE_TX][0].index);
}

/*
 * Look at the active VIFs. While packets flow each one's admin queue has its turn in one of
 * ADMIN_PASSES passes: with hundreds of VIFs the looks would otherwise cost as much as the
 * packets. From the end: a VIF that goes to sleep is replaced by one that was seen already.
 */
static uint32_t poll_vifs(struct svio_fw *fw, bool all)
{
	uint64_t pass = fw->counters[SVIO_DEVICE_COUNTER_polls];
	uint32_t work = 0;
	uint32_t i;

	for (i = fw->active_count; i-- > 0;) {
		struct fw_vif *vif = &fw->vifs[fw->active[i]];

		if (i >= 2 * LOOK_AHEAD)
			fetch_look(fw, i);
		work += poll_vif(fw, vif, all || (pass + vif->id) % ADMIN_PASSES == 0);
	}
	return work;
}

static void take_wake_word(struct svio_fw *fw, uint32_t word)
{
	uint32_t bits = __atomic_exchange_n(&fw->segment->wake[word], 0, __ATOMIC_SEQ_CST);

	for (; bits; bits &= bits - 1) {
		struct fw_vif *vif = fw_vif_get(fw, word * 32 + (uint32_t)__builtin_ctz(bits));

		if (!vif)
			continue;
		fw_count(vif, SVIO_COUNTER_wakes, 1);
		fw_vif_activate(fw, vif);
	}
}

/* Costs two loads, however many VIFs there are, while nobody wakes one. */
static void take_wakes(struct svio_fw *fw)
{
	uint64_t *words = fw->segment->wake_words;
	uint32_t i;

	if (!svio_host_wake_any(fw->segment))
		return;
	for (i = 0; i < SVIO_HOST_VIFS_MAX / 32 / 64; i++) {
		uint64_t set = __atomic_exchange_n(&words[i], 0, __ATOMIC_SEQ_CST);

		for (; set; set &= set - 1)
			take_wake_word(fw, i * 64 + (uint32_t)__builtin_ctzll(set));
	}
}

/* In a section. */
static uint32_t serve_grant(struct svio_fw *fw, const struct svio_sched_grant *grant)
{
	uint32_t owner = fw->leaf_owner[grant->leaf];
	uint32_t class = owner >> FW_LEAF_CLASS_SHIFT;
	struct fw_vif *vif = &fw->vifs[owner & ((1u << FW_LEAF_CLASS_SHIFT) - 1)];
	uint64_t cost = 0;
	uint32_t taken;

	fw->sched_granted = true;
	fw->sched_leaf = grant->leaf;
	taken = fw_tx_serve(fw, vif, class, grant, &cost);
	svio_sched_charge(fw->sched, grant->leaf, cost, taken, vif->tx_class[class] != 0,
			  fw->now_ns);
	fw->sched_granted = false;
	fw->section_packets += taken;
	fw->section_bytes += cost;
	return taken;
}

/* Grants share sections: each would otherwise pay fences, and each of its receivers a look. */
static uint32_t poll_transmit(struct svio_fw *fw)
{
	struct svio_sched_grant grant;
	uint32_t packets_max = 2 * fw->active_count;
	uint32_t grants = PASS_GRANTS;
	uint32_t packets = 0;

	if (packets_max < PASS_PACKETS)
		packets_max = PASS_PACKETS;
	while (grants-- && packets < packets_max &&
	       svio_sched_pick(fw->sched, fw->now_ns, &grant)) {
		if (fw->in_section && fw_section_full(fw))
			fw_section_end(fw);
		if (!fw->in_section)
			fw_section_begin(fw);
		packets += serve_grant(fw, &grant);
	}
	if (fw->in_section)
		fw_section_end(fw);
	return packets;
}

uint32_t svio_fw_poll(struct svio_fw *fw)
{
	uint32_t work;

	fw->now_ns = svio_hal_now_ns();
	fw_device_count(fw, SVIO_DEVICE_COUNTER_polls, 1);
	take_wakes(fw);
	if (fw->wait_count)
		fw_wait_poll(fw);
	work = poll_vifs(fw, !fw->worked);
	work += poll_transmit(fw);
	work += fw_wire_poll(fw);
	/* Nothing is said to be left to do before everything was looked at. */
	if (!work && fw->worked)
		work = poll_vifs(fw, true);
	fw->worked = work > 0;
	fw_irq_run(fw, !work);
	return work;
}

static void mark_asleep(struct svio_fw *fw, uint32_t asleep)
{
	uint32_t i;

	for (i = 0; i < fw->active_count; i++)
		__atomic_store_n(&fw->vifs[fw->active[i]].doorbells->asleep, asleep,
				 __ATOMIC_RELAXED);
}

/* Anything to do now? Ceilings and moderation only move the deadline. */
static bool busy_now(struct svio_fw *fw)
{
	uint32_t i;

	if (svio_host_wake_any(fw->segment))
		return true;
	for (i = 0; i < fw->active_count; i++) {
		struct fw_vif *vif = &fw->vifs[fw->active[i]];
		uint32_t flags = current_flags(vif);

		if (!(flags & SVIO_HOST_VIF_BUS_MASTER))
			continue;
		if (fw_admin_pending(vif) || fw_mapq_pending(vif) || vif->recover)
			return true;
		if (!(flags & SVIO_HOST_VIF_LINK_DOWN))
			fw_tx_scan(fw, vif);
		if (vif->tx_unsorted)
			return true;
	}
	return svio_sched_next_ns(fw->sched, fw->now_ns) <= fw->now_ns;
}

bool svio_fw_sleep(struct svio_fw *fw, uint64_t *deadline_ns)
{
	uint64_t next_ns;

	fw->now_ns = svio_hal_now_ns();
	mark_asleep(fw, 1);
	__atomic_store_n(&fw->segment->fw_state, SVIO_HOST_FW_ASLEEP, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* S1, and sviod's check of fw_state */
	if (busy_now(fw)) {
		svio_fw_wake(fw);
		return false;
	}
	fw_irq_run(fw, true);
	next_ns = svio_sched_next_ns(fw->sched, fw->now_ns);
	*deadline_ns = next_ns < fw->irq_deadline_ns ? next_ns : fw->irq_deadline_ns;
	if (fw->wait_count && *deadline_ns > fw->now_ns + FW_WAIT_LOOK_NS)
		*deadline_ns = fw->now_ns + FW_WAIT_LOOK_NS;
	fw_device_count(fw, SVIO_DEVICE_COUNTER_sleeps, 1);
	return true;
}

void svio_fw_wake(struct svio_fw *fw)
{
	__atomic_store_n(&fw->segment->fw_state, SVIO_HOST_FW_POLLING, __ATOMIC_SEQ_CST);
	fw_era_end(fw); /* however often segment->unmaps was raised meanwhile */
	mark_asleep(fw, 0);
}

/* Leave a section that a lost object ended in the middle: what is published stays so. */
static void abandon_section(struct svio_fw *fw)
{
	if (!fw->in_section)
		return;
	fw_section_end(fw);
	if (fw->sched_granted) {
		svio_sched_charge(fw->sched, fw->sched_leaf, 0, 0, false, fw->now_ns);
		fw->sched_granted = false;
	}
}

void svio_fw_objects_changed(struct svio_fw *fw)
{
	fw_era_end(fw);
}

void svio_fw_object_lost(struct svio_fw *fw, uint32_t object)
{
	uint32_t id;

	abandon_section(fw);
	fw_era_end(fw);
	for (id = 0; id < fw->vifs_end; id++) {
		struct fw_vif *vif = &fw->vifs[id];
		uint32_t domain;

		if (!vif->slot || vif->status != SVIO_VIF_STATE_READY)
			continue;
		domain = __atomic_load_n(&vif->slot->config.domain, __ATOMIC_ACQUIRE);
		fw_section_begin(fw);
		if (fw_dma_domain_uses(fw, domain, object))
			fw_vif_fail(fw, vif, SVIO_ERROR_MEMORY_GONE, NULL, 0);
		fw_section_end(fw);
	}
	fw_irq_run(fw, true);
}
