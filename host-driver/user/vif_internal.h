/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of libsvio-vif share.
 *
 * DMA memory is one memfd, mapped once here and once for the device:
 *
 *	admin rings | scratch | map ring | rings of pair 0, 1, ... | buffers | extra
 *
 * so an I/O address is a pointer plus a constant (iova_delta).
 */
#ifndef VIF_INTERNAL_H
#define VIF_INTERNAL_H

#include "svio_vif.h"
#include "vfio_user_client.h"

#define VIF_ADMIN_LG2     5
#define VIF_MAP_LG2       8
#define VIF_SCRATCH_BYTES 1024 /* counters and the RSS table pass through it */
#define VIF_EVENTS        64
#define VIF_RX_REFILL     32 /* entries that are posted at once, at least */

_Static_assert(VIF_SCRATCH_BYTES >= SVIO_COUNTER_COUNT * 8, "counters fit the scratch area");

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Free buffers of one pair; last in, first out, so that those in the cache are used again. */
struct vif_pool {
	uint8_t *base; /* buffer 0 of the VIF */
	uint32_t stride_bytes;
	uint32_t count;
	uint32_t *free; /* room for every buffer of the VIF */
};

struct vif_tx {
	struct svio_tx_desc *ring;
	struct svio_tx_status *status;
	volatile struct svio_doorbell *doorbell;
	uint32_t *shadow; /* buffer of each entry, or SVIO_VIF_BUF_NONE */
	uint64_t iova_delta;
	uint32_t entries;
	uint32_t tail;   /* entries filled */
	uint32_t reaped; /* entries whose buffers were taken back */
};

struct vif_rx {
	struct svio_rx_desc *ring;
	struct svio_rx_cmpl *cmpl;
	volatile struct svio_doorbell *doorbell;
	uint32_t *shadow;
	uint64_t iova_delta;
	uint32_t entries;
	uint8_t lg2;
	uint32_t tail; /* entries posted */
	uint32_t head; /* completions taken */
	uint32_t buf_bytes;
};

/* One pair. Apart from wake() nothing in it is touched by another thread than the pair's. */
struct svio_vif_queue {
	struct vif_tx tx __attribute__((aligned(SVIO_CACHE_LINE_BYTES)));
	struct svio_vif *vif;
	struct vif_rx rx __attribute__((aligned(SVIO_CACHE_LINE_BYTES)));
	struct vif_pool pool;
	int eventfd; /* -1: polled */
	uint16_t index;
};

struct vif_memory {
	int fd;
	uint8_t *base;
	uint64_t bytes;
	uint64_t bufs_offset;
	uint64_t extra_offset;
	bool hugepages;
};

struct vif_map {
	struct svio_map_entry *ring;
	struct svio_map_status *status;
	uint32_t tail; /* entries filled */
};

struct vif_admin {
	struct svio_admin_cmd *sq;
	struct svio_admin_cmpl *cq;
	uint32_t tail; /* commands filled */
	uint32_t head; /* completions taken */
	uint16_t next_id;
	uint32_t events_head;
	uint32_t events_tail;
	struct svio_vif_event events[VIF_EVENTS];
};

struct svio_vif {
	struct svio_vif_options options; /* defaults filled in; path is not kept */
	struct svio_vif_info info;
	struct vfio_user_client client;
	void *bar2; /* the mapping behind doorbells */
	volatile struct svio_doorbell_bar *doorbells;
	struct vif_memory memory;
	struct vif_admin admin;
	struct vif_map map;
	uint8_t *scratch;
	struct svio_vif_queue *queues;
	uint32_t *numbers; /* memory of all shadows and free lists */
};

/* vif_text.c: sets svio_vif_message() and returns error. */
__attribute__((format(printf, 2, 3))) int vif_fail(int error, const char *format, ...);

/* vif_memory.c */
int vif_memory_create(struct svio_vif *vif);
void vif_memory_destroy(struct svio_vif *vif);

/* vif_register.c: access to BAR0 and configuration space. 0 or vif_fail(). */
int vif_reg_read(struct svio_vif *vif, uint32_t offset, uint32_t *value);
int vif_reg_write(struct svio_vif *vif, uint32_t offset, uint32_t value);
int vif_reg_write64(struct svio_vif *vif, uint32_t offset, uint64_t value);
int vif_config_read(struct svio_vif *vif, uint32_t offset, void *data, uint32_t bytes);
int vif_config_write(struct svio_vif *vif, uint32_t offset, const void *data, uint32_t bytes);
int vif_bus_master_set(struct svio_vif *vif, bool on);
int vif_info_read(struct svio_vif *vif);

/* vif_admin.c */
void vif_admin_clear(struct svio_vif *vif);

/* vif_map.c: the map queue and our memory's grants, where the options ask for it. */
int vif_map_create(struct svio_vif *vif);
/* What a transmit or receive queue calls a byte of the DMA memory. */
uint64_t vif_device_addr(const struct svio_vif *vif, const void *data);

/* vif_queue.c */
int vif_queues_allocate(struct svio_vif *vif);
void vif_queues_free(struct svio_vif *vif);
/* Gives all buffers back to the pools they began in. */
void vif_queues_clear(struct svio_vif *vif);
int vif_queues_create(struct svio_vif *vif);

/* vif_rx.c: posts what the pool has, whatever the number. */
void vif_rx_refill(struct svio_vif_queue *queue);

/* vif_tx.c: takes back what was sent. */
void vif_tx_reap(struct svio_vif_queue *queue);

/* Writes WAKE. From any thread. */
void vif_wake(struct svio_vif *vif);

/*
 * SPEC 4.2, the driver's side: a tail was stored; if the device sleeps, wake it.
 * The barrier pairs with the device's between its store of asleep and its last
 * look at the doorbells.
 */
static inline void vif_tail_announce(struct svio_vif *vif)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&vif->doorbells->asleep, __ATOMIC_RELAXED)))
		vif_wake(vif);
}

static inline void vif_doorbell_store(volatile svio_le32 *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/*
 * A line that the device reads next goes to the cache that both share, where it is found sooner
 * than in this processor's own. A hint: CLDEMOTE, which does nothing where it is not known.
 */
static inline void vif_demote(const volatile void *line)
{
#ifdef __x86_64__
	__asm__ volatile(".byte 0x0f, 0x1c, 0x07" : : "D"(line) : "memory");
#else
	(void)line;
#endif
}

static inline uint64_t vif_iova_delta(const struct svio_vif *vif)
{
	return vif->options.iova - (uint64_t)(uintptr_t)vif->memory.base;
}

static inline uint8_t *vif_pool_data(const struct vif_pool *pool, uint32_t buf)
{
	return pool->base + (size_t)buf * pool->stride_bytes;
}

#endif /* VIF_INTERNAL_H */
