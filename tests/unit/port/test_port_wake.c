/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Doorbells at the very moment of falling asleep: the port's own loop and the firmware on one
 * thread, guests on others, all in one process, so that the thread sanitizer sees both sides.
 *
 * The loop is told to sleep whenever a pass finds nothing, and each guest rings, as SPEC.md 4.2
 * says, some random time after its last packet was taken: about when that happens. A wake that
 * is lost is a packet that is never taken. SVIO_TEST_ROUNDS: how many packets (default 20000).
 */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "port.h"
#include "svio_admin.h"
#include "svio_iommu.h"
#include "svio_iommu_fault.h"
#include "svio_regs.h"
#include "svio_test.h"

#define VIFS         2
#define ARENA_BYTES  (1u << 20)
#define MEMORY_BYTES (1u << 20)
#define MEMORY_IOVA  0x100000000ull
#define RING_LG2     3
#define PATIENCE_S   60

/* Offsets in a guest's memory. */
#define ADMIN_SQ  0x0000u
#define ADMIN_CQ  0x1000u
#define TX_RING   0x2000u
#define TX_STATUS 0x3000u
#define FRAME     0x4000u

struct guest {
	uint32_t vif;
	uint8_t *memory;
	struct svio_doorbell_bar *doorbells;
	uint32_t tail;
	uint32_t rounds;
	uint64_t seed;
	uint32_t spin_mask; /* of the random time before each doorbell, turns of a loop */
	uint64_t wakes;
	bool lost;
};

static struct svio_port port;
static struct guest guests[VIFS];
static struct svio_iommu *iommu;
static int sviod_socket;
static pthread_t core;

/* What main.c and the other wires would be. */
const struct svio_port_wire_kind svio_port_wire_tap;
const struct svio_port_wire_kind svio_port_wire_dpdk;

void svio_port_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

bool svio_port_log_allow(void)
{
	return true;
}

static void log_line(struct svio_hal *hal, uint32_t vif, const char *text)
{
	(void)hal;
	fprintf(stderr, "VIF %u: %s\n", vif, text);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static void *allocate(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(memory != MAP_FAILED, "memory");
	return memory;
}

static struct svio_host_segment *make_segment(void)
{
	uint64_t faults = sizeof(struct svio_host_segment) + VIFS * sizeof(struct svio_host_vif);
	uint64_t maps = (faults + sizeof(struct svio_iommu_fault_log) + 63) & ~63ull;
	uint64_t bytes = maps + VIFS * sizeof(struct svio_host_map);
	struct svio_host_segment *segment = allocate(bytes);

	segment->magic = SVIO_HOST_MAGIC;
	segment->version = SVIO_HOST_VERSION;
	segment->bytes = bytes;
	segment->vifs_max = VIFS;
	segment->cores = 1;
	segment->vifs_offset = sizeof(*segment);
	segment->faults_offset = faults;
	segment->maps_offset = maps;
	return segment;
}

static void add_vif(struct guest *guest)
{
	struct svio_host_vif *slot = &port.hal.vifs[guest->vif];
	svio_iommu_domain domain;
	int fd = memfd_create("guest", MFD_CLOEXEC);

	must(fd >= 0 && ftruncate(fd, MEMORY_BYTES) == 0, "guest memory");
	guest->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(guest->memory != MAP_FAILED, "guest memory");
	must(svio_port_object_map(&port.hal, guest->vif + 1, fd, MEMORY_BYTES, true) == 0,
	     "object");
	close(fd);
	must(svio_iommu_domain_create(iommu, 16, &domain) == 0 &&
		     svio_iommu_map(iommu, domain, MEMORY_IOVA, MEMORY_BYTES, guest->vif + 1, 0,
				    SVIO_IOMMU_READ | SVIO_IOMMU_WRITE) == 0,
	     "map");
	guest->doorbells = allocate(sizeof(*guest->doorbells));
	port.hal.doorbells[guest->vif] = guest->doorbells;
	slot->config = (struct svio_host_vif_config){ .flags = SVIO_HOST_VIF_BUS_MASTER,
						      .domain = domain,
						      .mac = { 2, 0, 0, 0, 0, (uint8_t)guest->vif },
						      .txqs = 1,
						      .rxqs = 1,
						      .vectors = 3,
						      .mtu_max = 1500 };
	slot->in_use = 1;
	must(svio_fw_vif_add(port.fw, guest->vif) == 0, "VIF_ADD");
}

static void write_reg(struct guest *guest, uint32_t offset, uint32_t value)
{
	must(svio_fw_reg_write(port.fw, guest->vif, offset, value) == 0, "register");
}

/* Negotiated, enabled, one transmit queue. */
static void start_driver(struct guest *guest)
{
	struct svio_admin_cmd create = { .opcode = SVIO_ADMIN_TXQ_CREATE,
					 .queue_create = { .ring = MEMORY_IOVA + TX_RING,
							   .completion = MEMORY_IOVA + TX_STATUS,
							   .vector = SVIO_VECTOR_NONE,
							   .ring_lg2 = RING_LG2 } };

	write_reg(guest, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
	write_reg(guest, SVIO_REG_ADMIN_SQ_LO, (uint32_t)MEMORY_IOVA + ADMIN_SQ);
	write_reg(guest, SVIO_REG_ADMIN_SQ_HI, MEMORY_IOVA >> 32);
	write_reg(guest, SVIO_REG_ADMIN_CQ_LO, (uint32_t)MEMORY_IOVA + ADMIN_CQ);
	write_reg(guest, SVIO_REG_ADMIN_CQ_HI, MEMORY_IOVA >> 32);
	write_reg(guest, SVIO_REG_ADMIN_CONFIG,
		  (uint32_t)SVIO_VECTOR_NONE << 16 | SVIO_ADMIN_RING_LG2_MIN);
	write_reg(guest, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE);
	memcpy(guest->memory + ADMIN_SQ, &create, sizeof(create));
	guest->doorbells->admin.tail = 1;
	while (svio_fw_poll(port.fw))
		;
	must(guest->memory[ADMIN_CQ + offsetof(struct svio_admin_cmpl, status)] == 0 &&
		     guest->memory[ADMIN_CQ + offsetof(struct svio_admin_cmpl, flags)] ==
			     SVIO_ADMIN_CMPL_PHASE,
	     "TXQ_CREATE");
	/* To nobody: the null wire refuses it, and its sender has it back. */
	memset(guest->memory + FRAME, 0xee, 6);
	memcpy(guest->memory + FRAME + 6, port.hal.vifs[guest->vif].config.mac, 6);
	guest->memory[FRAME] = 0x02;
}

static void open_port(void)
{
	static struct svio_host_segment *segment;
	size_t state_bytes = svio_iommu_state_bytes(ARENA_BYTES);
	void *arena = allocate(ARENA_BYTES);
	cpu_set_t cpus;
	int ends[2];

	memset(&port, 0, sizeof(port));
	segment = make_segment();
	iommu = svio_iommu_init(allocate(state_bytes), arena, ARENA_BYTES, VIFS);
	must(iommu && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "socketpair");
	sviod_socket = ends[1];
	port.host = (struct svio_port_host){ .fd = ends[0],
					     .kick_fd = eventfd(0, EFD_NONBLOCK),
					     .segment = segment,
					     .tables = arena };
	must(svio_port_wire_init(&port.wire, "null") == 0, "wire");
	port.cpus = 2;
	port.hal.vifs_max = VIFS;
	port.hal.vifs = (struct svio_host_vif *)(void *)((char *)segment + segment->vifs_offset);
	port.hal.doorbells = calloc(VIFS, sizeof(struct svio_doorbell_bar *));
	port.hal.wire = &svio_port_wire_none;
	port.hal.irq = &port.irq;
	CPU_ZERO(&cpus);
	must(svio_port_irq_open(&port.irq, SVIO_PORT_IRQ_INLINE, &cpus, segment, 0) == 0, "irq");
	port.hal_ops.log = log_line;
	svio_port_clock_start();
	must(svio_port_objects_open(&port.hal) == 0, "objects");
	must(svio_fw_attach(allocate(svio_fw_bytes(VIFS)), segment, arena, &port.hal, &port.hal_ops,
			    0, &port.fw) == 0,
	     "attach");
}

static void *run_core(void *context)
{
	(void)context;
	must(svio_port_loop_open(&port) == 0, "loop");
	/* No patience: asleep after each pass that finds nothing. */
	port.pause_ns = 0;
	port.spin_ns = 0;
	port.spin_min_ns = 0;
	port.spin_max_ns = 0;
	svio_port_loop_run(&port);
	return NULL;
}

/* sviod's half: what was stored for the firmware before, then its state. */
static void kick(void)
{
	uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&port.host.segment->fw_state, __ATOMIC_SEQ_CST) == SVIO_HOST_FW_ASLEEP)
		must(write(port.host.kick_fd, &one, sizeof(one)) == sizeof(one), "kick");
}

/* The driver's half. */
static void send_frame(struct guest *guest)
{
	uint32_t at = guest->tail++ & ((1u << RING_LG2) - 1);
	struct svio_tx_desc *ring = (struct svio_tx_desc *)(void *)(guest->memory + TX_RING);

	ring[at] = (struct svio_tx_desc){ .addr = MEMORY_IOVA + FRAME,
					  .len = 60,
					  .flags = SVIO_TX_END };
	__atomic_store_n(&guest->doorbells->tx[0].tail, guest->tail, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&guest->doorbells->asleep, __ATOMIC_RELAXED))
		return;
	guest->wakes++;
	svio_host_wake_set(port.host.segment, guest->vif);
	kick();
}

static bool await_taken(struct guest *guest)
{
	struct svio_tx_status *status =
		(struct svio_tx_status *)(void *)(guest->memory + TX_STATUS);
	time_t end = time(NULL) + PATIENCE_S;
	uint32_t looks = 0;

	while (__atomic_load_n(&status->head, __ATOMIC_ACQUIRE) != guest->tail) {
		if (++looks % 64)
			continue;
		sched_yield();
		if (time(NULL) > end)
			return false;
	}
	return true;
}

static void *run_guest(void *context)
{
	struct guest *guest = context;
	uint32_t i;

	for (i = 0; i < guest->rounds && !guest->lost; i++) {
		volatile uint64_t spin = svio_test_random(&guest->seed) & guest->spin_mask;

		while (spin)
			spin--;
		send_frame(guest);
		guest->lost = !await_taken(guest);
	}
	return NULL;
}

static uint32_t rounds(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");

	return text ? (uint32_t)strtoul(text, NULL, 10) : 20000;
}

static void stop_core(void)
{
	struct svio_host_msg stop = { .type = SVIO_HOST_STOP, .seq = 1 };

	must(send(sviod_socket, &stop, sizeof(stop), 0) == sizeof(stop), "STOP");
	__atomic_fetch_add(&port.host.segment->mail, 1, __ATOMIC_RELEASE);
	kick();
	pthread_join(core, NULL);
}

/* Each guest sends its rounds, at once; the core sleeps whenever it can. */
static void run_guests(uint32_t count)
{
	pthread_t threads[VIFS];
	uint32_t i;

	for (i = 0; i < count; i++)
		must(pthread_create(&threads[i], NULL, run_guest, &guests[i]) == 0, "thread");
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void setup(void)
{
	uint64_t seed = svio_test_seed(5);
	uint32_t i;

	open_port();
	for (i = 0; i < VIFS; i++) {
		guests[i] = (struct guest){ .vif = i, .seed = seed + i };
		add_vif(&guests[i]);
		start_driver(&guests[i]);
	}
	must(pthread_create(&core, NULL, run_core, NULL) == 0, "core");
}

static void teardown(void)
{
	svio_port_irq_close(&port.irq);
	free(port.hal.objects);
	free(port.hal.doorbells);
	close(port.host.fd);
	close(port.host.kick_fd);
	close(sviod_socket);
}

static uint64_t taken(uint32_t vif)
{
	return port.hal.vifs[vif].counters[SVIO_COUNTER_tx_packets];
}

static void doorbell_while_falling_asleep_is_never_lost(void)
{
	guests[0].rounds = rounds();
	guests[0].spin_mask = 0xfff;
	run_guests(1);
	stop_core();
	CU_ASSERT_FALSE(guests[0].lost);
	CU_ASSERT_EQUAL(taken(0), guests[0].rounds);
	/* It did sleep, and was woken: the race was there. */
	CU_ASSERT_TRUE(guests[0].wakes > guests[0].rounds / 100);
	CU_ASSERT_TRUE(port.host.segment->counters[SVIO_DEVICE_COUNTER_sleeps] >
		       guests[0].rounds / 100);
}

/* One VIF falls asleep alone: the other keeps the core awake. */
static void doorbells_of_two_guests_are_never_lost(void)
{
	uint32_t i;

	for (i = 0; i < VIFS; i++) {
		guests[i].rounds = rounds();
		guests[i].spin_mask = i ? 0x3fff : 0x3ff;
	}
	run_guests(VIFS);
	stop_core();
	for (i = 0; i < VIFS; i++) {
		CU_ASSERT_FALSE(guests[i].lost);
		CU_ASSERT_EQUAL(taken(i), guests[i].rounds);
	}
}

SVIO_TEST_MAIN_WITH("port wake races", setup, teardown,
		    SVIO_TEST(doorbell_while_falling_asleep_is_never_lost),
		    SVIO_TEST(doorbells_of_two_guests_are_never_lost))
