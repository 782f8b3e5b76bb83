/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-fw: options, start and end. */
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "port.h"

struct options {
	int host_fd;
	const char *wire;
	int cpu; /* -1: any */
	bool busy;
	enum svio_port_irq_mode irq;
};

static const char usage[] =
	"Usage: svio-fw --host-fd N --wire SPEC [--cpu N] [--poll auto|busy]\n"
	"               [--irq auto|inline|sidecore]\n"
	"\n"
	"The firmware of a self-virtualizing network device. It is started by sviod,\n"
	"which passes it everything through a socket; it does nothing when run by hand.\n"
	"\n"
	"  --host-fd N     descriptor of the socket to sviod (SOCK_SEQPACKET)\n"
	"  --wire SPEC     the device's physical port:\n"
	"                    null                    none: VIFs reach each other only\n"
	"                    tap:NAME                an interface of the host, made if absent\n"
	"                    af_packet:IF            an existing interface, e.g. af_packet:eth1\n"
	"                    af_xdp:IF               the same, by AF_XDP\n"
	"                    pcap:rx=FILE,tx=FILE    packets from and to capture files\n"
	"                    0000:03:00.0            a NIC bound to vfio-pci\n"
	"                    net_...                 any other DPDK device argument\n"
	"  --cpu N         run on this processor only\n"
	"  --poll MODE     auto: sleep when nothing is active (default); busy: never sleep\n"
	"  --irq MODE      who raises interrupts. inline: the core itself; sidecore: a thread beside\n"
	"                  it; auto: the core, until it spends more than a sixteenth of its time\n"
	"                  on that and may use three processors (default)\n"
	"  --version       print the version\n"
	"  --help          print this\n"
	"\n"
	"Example (as sviod runs it): svio-fw --host-fd 7 --wire tap:svio0 --cpu 1\n"
	"\n"
	"Exit status: 0 stopped, 1 internal error, 2 wrong options, 3 the wire cannot be\n"
	"opened, 4 sviod is of another version. After 2, 3 and 4 trying again is useless.\n";

void svio_port_log(const char *format, ...)
{
	char line[1024];
	va_list arguments;
	int used;

	used = snprintf(line, sizeof(line), "svio-fw: ");
	va_start(arguments, format);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, arguments);
	va_end(arguments);
	if ((size_t)used > sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used++] = '\n';
	/* One write a line, so that lines of several programs do not mix. */
	if (write(STDERR_FILENO, line, (size_t)used) < 0)
		return;
}

bool svio_port_log_allow(void)
{
	static uint64_t window_start_ns;
	static uint32_t lines;
	uint64_t now_ns = svio_hal_clock_kernel_ns();

	if (lines == 0 || now_ns - window_start_ns > SVIO_PORT_LOG_WINDOW_NS) {
		window_start_ns = now_ns;
		lines = 0;
	}
	lines++;
	if (lines == SVIO_PORT_LOG_BURST + 1)
		svio_port_log("more messages follow each other closely: left out");
	return lines <= SVIO_PORT_LOG_BURST;
}

static bool parse_number(const char *text, long max, int *number)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 0 || value > max)
		return false;
	*number = (int)value;
	return true;
}

static bool parse_irq(const char *text, enum svio_port_irq_mode *mode)
{
	static const char *const names[] = { [SVIO_PORT_IRQ_AUTO] = "auto",
					     [SVIO_PORT_IRQ_INLINE] = "inline",
					     [SVIO_PORT_IRQ_SIDECORE] = "sidecore" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			*mode = (enum svio_port_irq_mode)i;
			return true;
		}
	}
	return false;
}

static int usage_error(const char *option, const char *value, const char *remedy)
{
	svio_port_log("%s %s: %s; see --help", option, value, remedy);
	return SVIO_PORT_EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{ "host-fd", required_argument, NULL, 'f' },
		{ "wire", required_argument, NULL, 'w' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "poll", required_argument, NULL, 'p' },
		{ "irq", required_argument, NULL, 'i' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .host_fd = -1, .cpu = -1 };
	while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (c == 'f' && !parse_number(optarg, 1 << 20, &o->host_fd))
			return usage_error("--host-fd", optarg, "not a descriptor's number");
		if (c == 'c' && !parse_number(optarg, CPU_SETSIZE - 1, &o->cpu))
			return usage_error("--cpu", optarg, "not a processor's number");
		if (c == 'p' && strcmp(optarg, "auto") != 0 && strcmp(optarg, "busy") != 0)
			return usage_error("--poll", optarg, "use auto or busy");
		if (c == 'p')
			o->busy = !strcmp(optarg, "busy");
		if (c == 'i' && !parse_irq(optarg, &o->irq))
			return usage_error("--irq", optarg, "use auto, inline or sidecore");
		if (c == 'w')
			o->wire = optarg;
		if (c == '?')
			return SVIO_PORT_EXIT_USAGE;
		if (c == 'V' || c == 'h') {
			if (c == 'V')
				printf("svio-fw %d.%d.%d\n", SVIO_FW_VERSION_MAJOR,
				       SVIO_FW_VERSION_MINOR, SVIO_FW_VERSION_PATCH);
			else
				fputs(usage, stdout);
			return SVIO_PORT_EXIT_CLEAN;
		}
	}
	if (optind < argc)
		return usage_error("argument", argv[optind], "not expected");
	if (o->host_fd < 0 || !o->wire)
		return usage_error("--host-fd and --wire", "",
				   "both are needed (sviod gives them)");
	return -1;
}

/* From SIGTERM to the end, at most. */
#define STOP_MAX_S 5

static int kick_fd = -1;

/* Kills a process that hangs. Not alarm(): SIGALRM belongs to stall.c. */
static timer_t stop_timer;
static bool stop_timer_there;

static void handle_term(int signal_number)
{
	const struct itimerspec at_most = { .it_value.tv_sec = STOP_MAX_S };
	uint64_t one = 1;
	int saved = errno;

	(void)signal_number;
	svio_port_signalled = 1;
	if (stop_timer_there)
		timer_settime(stop_timer, 0, &at_most, NULL);
	if (kick_fd >= 0 && write(kick_fd, &one, sizeof(one)) < 0)
		errno = saved; /* full: it wakes us as well */
	errno = saved;
}

/*
 * SIGINT comes to the whole foreground group: sviod decides what it means.
 * SIGTERM also comes from the kernel when sviod dies; SIGKILL then would leave
 * the TAP behind.
 */
static void setup_signals(void)
{
	struct sigaction term = { .sa_handler = handle_term };
	struct sigevent kill = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };

	stop_timer_there = timer_create(CLOCK_MONOTONIC, &kill, &stop_timer) == 0;
	sigemptyset(&term.sa_mask);
	sigaction(SIGTERM, &term, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO,
	       SIG_IGN); /* what net_tap's signal for each packet becomes when too many queue */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* others: what is left of the process's processors without the core's, or all. */
static int setup_cpus(struct svio_port *port, int cpu, cpu_set_t *others)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_ZERO(others);
	sched_getaffinity(0, sizeof(*others), others);
	if (cpu >= 0 && CPU_COUNT(others) > 1)
		CPU_CLR(cpu, others);
	if (cpu >= 0) {
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0) {
			svio_port_log("--cpu %d: %s: choose one that this process may use", cpu,
				      strerror(errno));
			return -errno;
		}
	}
	port->cpus = sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (uint32_t)CPU_COUNT(&set);
	return 0;
}

static void log_event(struct svio_hal *hal, uint32_t vif, const char *text)
{
	struct svio_host_vif *shared;

	if (vif >= hal->vifs_max) {
		svio_port_log("%s", text);
		return;
	}
	shared = &hal->vifs[vif];
	svio_port_log("VIF %.*s: %s", SVIO_HOST_NAME_BYTES, shared->config.name, text);
}

static int setup_hal(struct svio_port *port, enum svio_port_irq_mode irq, const cpu_set_t *others)
{
	struct svio_host_segment *s = port->host.segment;
	struct svio_hal *hal = &port->hal;
	int status;

	hal->vifs_max = s->vifs_max;
	hal->vifs = (struct svio_host_vif *)((char *)s + s->vifs_offset);
	hal->doorbells = calloc(s->vifs_max, sizeof(struct svio_doorbell_bar *));
	hal->wire = &svio_port_wire_none;
	hal->irq = &port->irq;
	if (!hal->doorbells)
		return -ENOMEM;
	status = svio_port_irq_open(&port->irq, irq, others, s, svio_hal_now_ns());
	return status ? status : svio_port_objects_open(hal);
}

static int attach_firmware(struct svio_port *port)
{
	size_t bytes = svio_fw_bytes(port->hal.vifs_max);

	port->hal_ops = (struct svio_hal_ops){ .log = log_event };
	/* Zeros, and pages only where something is written: most of it is room for classes. */
	port->fw_memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (port->fw_memory == MAP_FAILED)
		return -errno;
	return svio_fw_attach(port->fw_memory, port->host.segment, port->host.tables, &port->hal,
			      &port->hal_ops, 0, &port->fw);
}

/*
 * Open the wire. The first firmware of a device waits for it: whoever started
 * the device should hear at once that its wire cannot be. A later one does not:
 * the guests should not wait for DPDK.
 */
static int open_wire(struct svio_port *port)
{
	struct svio_port_wire *wire = &port->wire;
	int status;

	wire->segment = port->host.segment;
	wire->kick_fd = port->host.kick_fd;
	status = wire->kind->open(wire);
	if (status < 0)
		return status;
	if (port->host.segment->fw_generation == 0)
		wire->kind->wait(wire);
	return wire->kind->progress(wire) == SVIO_PORT_WIRE_FAILED ? -ENODEV : 0;
}

static int wire_failed(struct svio_port *port)
{
	svio_port_log("--wire %s", port->wire.error);
	return SVIO_PORT_EXIT_WIRE;
}

/* Everything between HELLO and its answer. 0, or the exit status. */
static int start(struct svio_port *port, uint32_t hello_seq, enum svio_port_irq_mode irq,
		 const cpu_set_t *others)
{
	int status = setup_hal(port, irq, others);

	if (status < 0) {
		svio_port_log("cannot start: %s", strerror(-status));
		svio_port_host_reply(&port->host, hello_seq, 0, status);
		return SVIO_PORT_EXIT_INTERNAL;
	}
	status = open_wire(port);
	if (status < 0) {
		svio_port_host_reply(&port->host, hello_seq, 0, status);
		return wire_failed(port);
	}
	status = attach_firmware(port);
	if (!status)
		status = svio_port_loop_open(port);
	if (status < 0)
		svio_port_log("cannot attach to the segment: %s", strerror(-status));
	svio_port_host_reply(&port->host, hello_seq, 0, status);
	if (status == -EPROTO)
		return SVIO_PORT_EXIT_VERSION;
	return status < 0 ? SVIO_PORT_EXIT_INTERNAL : SVIO_PORT_EXIT_CLEAN;
}

/* The device ends for good when sviod says so or is gone; else another firmware may follow. */
static int finish(struct svio_port *port)
{
	bool forever = port->stop == SVIO_PORT_STOP_HOST || port->stop == SVIO_PORT_STOP_WIRE ||
		       svio_port_host_gone(&port->host);
	int status = SVIO_PORT_EXIT_CLEAN;

	if (port->stop == SVIO_PORT_STOP_WIRE)
		status = wire_failed(port);
	else if (port->stop == SVIO_PORT_STOP_BROKEN)
		status = SVIO_PORT_EXIT_INTERNAL;
	svio_port_irq_close(&port->irq);
	port->wire.kind->close(&port->wire, forever);
	return status;
}

int main(int argc, char **argv)
{
	static struct svio_port port;
	struct options options;
	uint32_t hello_seq = 0;
	cpu_set_t others;
	int status = parse_options(argc, argv, &options);

	if (status >= 0)
		return status;
	if (svio_port_wire_init(&port.wire, options.wire) < 0)
		return wire_failed(&port);
	if (setup_cpus(&port, options.cpu, &others) < 0)
		return SVIO_PORT_EXIT_USAGE;
	port.busy = options.busy;
	setup_signals();
	svio_port_clock_start();
	status = svio_port_host_open(&port.host, options.host_fd, &hello_seq);
	if (status == -ECONNRESET)
		return SVIO_PORT_EXIT_CLEAN;
	if (status < 0)
		return status == -EPROTO ? SVIO_PORT_EXIT_VERSION : SVIO_PORT_EXIT_INTERNAL;
	kick_fd = port.host.kick_fd;
	status = start(&port, hello_seq, options.irq, &others);
	if (!status)
		svio_port_loop_run(&port);
	else
		port.stop = status == SVIO_PORT_EXIT_WIRE ? SVIO_PORT_STOP_HOST
							  : SVIO_PORT_STOP_BROKEN;
	if (status) {
		port.wire.kind->close(&port.wire, port.stop == SVIO_PORT_STOP_HOST);
		return status;
	}
	return finish(&port);
}
