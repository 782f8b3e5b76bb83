/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware's own state, in the port's memory: gone after a crash and built
 * again from SRAM (fw_sram.h) and the guests' rings.
 *
 * Everything here belongs to the one polling core. Guest memory is touched only
 * inside a section (fw_section_begin() to fw_section_end()), which is short, so
 * that an unmap need not wait long; no pointer outlives it.
 */
#ifndef SVIO_FW_H
#define SVIO_FW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fw_mac.h"
#include "fw_qos.h"
#include "fw_sram.h"
#include "svio_error.h"
#include "svio_firmware.h"
#include "svio_iommu_dirty.h"
#include "svio_iommu_fault.h"
#include "svio_iommu_grace.h"
#include "svio_regs.h"
#include "svio_rss.h"
#include "svio_sched.h"

/* Bounds of one section. A flood counts each of its copies. */
#define FW_SECTION_PACKETS 64
#define FW_SECTION_BYTES   (256u << 10)
#define FW_SECTION_COPIES  512

/* Receive queues that a section may have open at once; one more closes them all. */
#define FW_RX_OPEN_MAX   32
#define FW_RX_DESC_BATCH 32
#define FW_TX_DESC_BATCH 64
#define FW_WIRE_BURST    32
#define FW_WIRE_QUEUE    64

/*
 * A VIF without work is no longer polled after so many passes and so much time.
 * Shorter, and a guest that sends now and then would pay an exit each time.
 */
#define FW_IDLE_PASSES 64
#define FW_IDLE_NS     1000000u

/* svio_fw.leaf_owner: a VIF's number, and above it the class of the leaf. */
#define FW_LEAF_CLASS_SHIFT 16
#define FW_SCHED_NODES      65536u /* more than the scheduler has */

#define FW_WIRE    UINT32_MAX /* in place of a VIF's number */
#define FW_NO_SLOT UINT32_MAX

/*
 * Named points between two steps that a crash may fall between. A port that
 * simulates crashes (tests) defines SVIO_HAL_STEP; elsewhere it is nothing.
 */
#ifndef SVIO_HAL_STEP
#define SVIO_HAL_STEP(hal) ((void)(hal))
#endif

struct fw_rx_open;
struct fw_run;
struct fw_wait;

/*
 * A piece of a domain that was looked up in this era: [end - bytes, end) is at
 * from_iova + I/O address. Not used in any other era, see fw_section_begin().
 */
struct fw_translation {
	uint64_t era;
	uint64_t end;
	uint64_t bytes;
	uint64_t from_iova;
};

#define FW_TRANSLATIONS 4

/*
 * What a look at a VIF that has nothing new touches is in the first line; a busy VIF's is in the
 * first two besides its translations.
 */
struct fw_vif {
	struct svio_host_vif *slot; /* NULL: not added */
	struct fw_sram *sram;
	struct svio_doorbell_bar *doorbells;
	uint32_t id;
	uint16_t status; /* copy of the STATUS register */
	uint16_t idle_passes;
	uint32_t tx_running, rx_running; /* bit a queue */
	uint32_t tx_ready;               /* queues known to have descriptors: fw_class.h */
	uint32_t tx_unsorted;            /* of these, whose class is not known yet */
	uint32_t tx_waiting;             /* those that wait for a receiver: fw_wait.h */
	bool staged;      /* there is a map queue: queues' addresses are of the window */
	bool active;      /* polled, and in fw->active */
	bool recover;     /* rings are to be reconciled before they are used (fw_recover.c) */
	bool irq_listed;  /* in fw->irq_list, at irq_at */
	uint64_t busy_ns; /* when it had work last */

	uint64_t section; /* fw->section in which flags, domain and dirty were read */
	uint32_t flags;
	uint32_t domain;
	struct svio_iommu_dirty_log *dirty;      /* where writes are marked; NULL: no log is kept */
	svio_sched_node leaf[SVIO_HOST_CLASSES]; /* by class; [0] without classes */
	uint32_t tx_class[SVIO_HOST_CLASSES];    /* ready queues that are sorted, by class */
	uint8_t tx_next[SVIO_HOST_CLASSES];      /* the queue to be served first */
	uint32_t irq_check[3]; /* by kind, bit a queue: completions that no interrupt told of */
	uint32_t irq_unreported[2]; /* by kind, bit a queue: queue.unreported_ns counts */
	uint32_t vlan;              /* access VLAN, or 0 */
	uint32_t trusted;
	uint32_t active_at;
	uint32_t irq_at;
	uint64_t permanent_mac;
	struct fw_translation translation[FW_TRANSLATIONS]; /* of queues' addresses, all stages */
	struct fw_translation direct[FW_TRANSLATIONS];      /* of I/O addresses, when staged */
	struct fw_rx_open *rx_open[SVIO_QUEUES_MAX];
	struct svio_sched_meter rx_meter;
	uint64_t rx_wait_ns; /* how long senders wait for its buffers (fw_wait.h); 0: they do not */
	uint32_t rx_stalled; /* receive queues that made senders wait in vain */
	/* seldom */
	struct svio_rss *rss; /* prepared from sram->rss_key */
	struct svio_host_map *map;
	uint32_t map_published; /* entries of the map queue that the guest was told of */
	bool map_repeat;        /* the next entry may have been begun before a crash */
	bool control_seen;      /* a CONTROL write was executed by this process */
	struct svio_iommu_fault_limit fault_limit;
	uint64_t log_next_ns; /* a guest that fails over and over does not fill the host's log */
	struct fw_vif_qos qos;
} __attribute__((aligned(SVIO_CACHE_LINE_BYTES)));
_Static_assert(offsetof(struct fw_vif, section) == SVIO_CACHE_LINE_BYTES, "what a look touches");

struct fw_packet;

struct svio_fw {
	struct svio_host_segment *segment;
	struct svio_host_vif *slots;
	struct svio_iommu_fault_log *faults;
	struct svio_host_map *maps; /* one a VIF */
	const void *tables;
	char *dirty; /* VIF 0's dirty log; NULL: there are none */
	struct svio_hal *hal;
	const struct svio_hal_ops *ops;
	struct svio_sched *sched;
	struct fw_mac_table *macs;
	struct fw_vif *vifs;
	struct svio_rss *rss; /* one a VIF */
	uint32_t vifs_max;
	uint32_t vifs_end; /* 1 + highest VIF that was ever added */
	uint32_t link_speed;

	uint64_t now_ns;    /* as of the last look at the clock */
	uint64_t *counters; /* segment->counters */
	uint64_t section;   /* counts sections from 1 */
	uint64_t era;       /* what was translated in an earlier one is forgotten; from 1 */
	bool in_section;
	bool worked;          /* the last pass found something to do */
	uint32_t wire_queued; /* frames sent since the last flush, and their lengths */
	uint32_t wire_bytes[FW_WIRE_QUEUE];
	bool sched_granted; /* a pick was not charged yet */
	svio_sched_node sched_leaf;
	uint32_t section_unmaps; /* segment->unmaps when this section began */
	/* by this section so far */
	uint32_t section_copies;
	uint32_t section_packets;
	uint64_t section_bytes;

	uint32_t *active; /* VIFs that are polled */
	uint32_t active_count;
	uint32_t *irq_list; /* VIFs with irq_check bits; fw_irq.c tells in which order */
	uint32_t irq_count;
	uint32_t irq_hot;         /* of these, from the first: looked at in every pass */
	uint32_t irq_next;        /* of the others, the one that was looked at last */
	uint64_t irq_deadline_ns; /* earliest end of a moderated interrupt's wait */
	uint32_t *leaf_owner;     /* scheduler node -> VIF and class */
	struct fw_group *group;   /* SVIO_HOST_GROUPS_MAX; 0: the port */
	uint32_t promisc_count;   /* READY VIFs with PROMISC */

	struct svio_tx_desc *tx_batch; /* FW_TX_DESC_BATCH, of the queue that is served */
	struct fw_run *tx_runs;        /* where their data is, as far as looked up */
	struct fw_rx_open *rx_slots;   /* FW_RX_OPEN_MAX */
	struct fw_wait *wait;          /* FW_WAITS_MAX */
	uint32_t rx_open_count;
	uint32_t wait_count;
	struct {
		struct fw_vif *vif;
		uint32_t qid;
		uint32_t tail;
	} blocked_by;                     /* the receive queue that a packet has to wait for */
	uint64_t express_packets;         /* that went by the express lane */
	struct fw_packet *packet;         /* the one that is being switched */
	struct fw_packet *segment_packet; /* a segment of it */
};

/* Which queue: kind is SVIO_QUEUE_TX, _RX or _ADMIN. */
struct fw_qref {
	struct fw_vif *vif;
	uint32_t kind;
	uint32_t qid;
};

static inline void fw_count(struct fw_vif *vif, enum svio_counter counter, uint64_t n)
{
	vif->slot->counters[counter] += n;
}

static inline void fw_device_count(struct svio_fw *fw, enum svio_device_counter counter, uint64_t n)
{
	fw->counters[counter] += n;
}

static inline struct fw_queue *fw_queue_of(const struct fw_qref *ref)
{
	return &ref->vif->sram->queue[ref->qid][ref->kind];
}

static inline struct svio_doorbell *fw_doorbell(struct fw_vif *vif, uint32_t kind, uint32_t qid)
{
	if (kind == SVIO_QUEUE_ADMIN)
		return &vif->doorbells->admin;
	return kind == SVIO_QUEUE_TX ? &vif->doorbells->tx[qid] : &vif->doorbells->rx[qid];
}

/* A MAC as fw_mac.h has it. Two loads and a shift: bytes gathered in memory would stall. */
static inline uint64_t fw_mac_load(const uint8_t mac[6])
{
	uint32_t low;
	uint16_t high;

	memcpy(&low, mac, sizeof(low));
	memcpy(&high, mac + sizeof(low), sizeof(high));
	return low | (uint64_t)high << 32;
}

static inline uint32_t fw_load(const svio_le32 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline bool fw_feature(const struct fw_vif *vif, uint64_t feature)
{
	return (vif->sram->features & feature) == feature;
}

static inline struct fw_vif *fw_vif_get(struct svio_fw *fw, uint32_t id)
{
	return id < fw->vifs_max && fw->vifs[id].slot ? &fw->vifs[id] : NULL;
}

/* fw.c: sections, the active list. */

/*
 * A translation is used in later sections, too, as long as sviod takes nothing away: it raises
 * segment->unmaps before each grace period, so a section that the period does not wait for finds it
 * changed, and an era ends (svio_iommu_grace.h).
 */
void fw_section_begin(struct svio_fw *fw);
void fw_section_end(struct svio_fw *fw);

/*
 * After a packet: leave this section? For an unmap that waits, since a burst takes longer than it
 * should; sviod writes that word only when it has to wait, so that a look costs a load.
 */
static inline bool fw_section_leave(const struct svio_fw *fw)
{
	return __atomic_load_n(&fw->segment->unmaps, __ATOMIC_RELAXED) != fw->section_unmaps ||
	       fw->section_copies > FW_SECTION_COPIES;
}

/* As many packets were taken from guests as one section may. */
static inline bool fw_section_full(const struct svio_fw *fw)
{
	return fw->section_packets >= FW_SECTION_PACKETS || fw->section_bytes >= FW_SECTION_BYTES ||
	       fw_section_leave(fw);
}

void fw_vif_activate(struct svio_fw *fw, struct fw_vif *vif);
void fw_vif_deactivate(struct svio_fw *fw, struct fw_vif *vif);
void fw_log(struct svio_fw *fw, uint32_t vif, const char *text);

/* Nothing that was translated so far is used any more. */
static inline void fw_era_end(struct svio_fw *fw)
{
	fw->era++;
}

/* Inside a section: may the VIF's memory be used? Reads its flags once a section. */
bool fw_vif_open(struct svio_fw *fw, struct fw_vif *vif);

/* vif.c: life cycle. */
int fw_vif_move(struct svio_fw *fw, struct fw_vif *vif, enum svio_vif_state to);
void fw_vif_fail(struct svio_fw *fw, struct fw_vif *vif, enum svio_error error,
		 const struct fw_qref *cause, uint64_t addr);
void fw_vif_control(struct svio_fw *fw, struct fw_vif *vif, uint32_t value);
void fw_vif_clear(struct svio_fw *fw, struct fw_vif *vif);
void fw_vif_refresh(struct svio_fw *fw, struct fw_vif *vif);
uint32_t fw_vif_link(const struct fw_vif *vif);
uint32_t fw_vif_speed(const struct svio_fw *fw, const struct fw_vif *vif);
void fw_vif_link_event(struct svio_fw *fw, struct fw_vif *vif);

/* queue.c */
void fw_queue_stop(struct svio_fw *fw, const struct fw_qref *ref, enum svio_error error,
		   uint64_t addr);
void fw_queue_forget(struct svio_fw *fw, const struct fw_qref *ref);

/* regs.c: the image of BAR0. */
void fw_regs_reset(struct svio_fw *fw, struct fw_vif *vif);
void fw_regs_refresh(struct svio_fw *fw, struct fw_vif *vif);
uint32_t fw_reg_get(const struct fw_vif *vif, uint32_t offset);
void fw_reg_set(struct fw_vif *vif, uint32_t offset, uint32_t value);
uint64_t fw_features_offered(const struct fw_vif *vif);
bool fw_features_valid(const struct fw_vif *vif, uint64_t accepted);

/* irq.c. Inside or outside of a section; touches doorbells only. */
void fw_irq_note(struct svio_fw *fw, struct fw_vif *vif, uint32_t kind, uint32_t qid);
/* all: of every VIF that is listed; else of those to which something happened, and some more. */
void fw_irq_run(struct svio_fw *fw, bool all);
void fw_irq_forget(struct fw_vif *vif, uint32_t kind, uint32_t qid);
void fw_irq_recheck(struct svio_fw *fw, struct fw_vif *vif);
/* Look once more; true: no interrupt is waiting for moderation, the VIF may sleep. */
bool fw_irq_settle(struct svio_fw *fw, struct fw_vif *vif);
void fw_irq_spurious(struct svio_fw *fw, struct fw_vif *vif);

/* admin_ring.c */
bool fw_admin_pending(struct fw_vif *vif);
uint32_t fw_admin_poll(struct svio_fw *fw, struct fw_vif *vif);
void fw_admin_event(struct svio_fw *fw, struct fw_vif *vif, uint32_t event);
/* In a section where there is one: say that the VIF fails, if it still can be said. */
void fw_admin_last_event(struct svio_fw *fw, struct fw_vif *vif, enum svio_error error,
			 uint32_t info, uint64_t addr);
enum svio_error fw_admin_begin(struct svio_fw *fw, struct fw_vif *vif);
void fw_admin_recover(struct svio_fw *fw, struct fw_vif *vif);

/* recover.c */
void fw_recover_vif(struct svio_fw *fw, struct fw_vif *vif);

/* tx.c: serve one class of a VIF as granted; returns packets taken. */
uint32_t fw_tx_serve(struct svio_fw *fw, struct fw_vif *vif, uint32_t class,
		     const struct svio_sched_grant *grant, uint64_t *cost);
bool fw_tx_scan(struct svio_fw *fw, struct fw_vif *vif);

/* wire.c */
uint32_t fw_wire_poll(struct svio_fw *fw);
/* A packet in as many frames as it takes: returns how many. */
uint32_t fw_wire_send(struct svio_fw *fw, struct fw_packet *packet);
void fw_wire_flush(struct svio_fw *fw);

/* switch.c */
/* False: nothing was done, the packet has to wait for fw->blocked_by. */
bool fw_switch_forward(struct svio_fw *fw, struct fw_packet *packet);
void fw_switch_statics(struct svio_fw *fw, struct fw_vif *vif, bool there);

#endif /* SVIO_FW_H */
