// SPDX-License-Identifier: BSD-3-Clause
/*
 * sviod: the process that owns the VIFs' sockets, and outlives everything.
 *
 * Start-up is the only time when it may give up; afterwards it ends on
 * SIGTERM, SIGINT or SIGHUP only, and then closes each socket in the way that
 * QEMU survives.
 */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "front.h"
#include "log.h"
#include "loop.h"
#include "registry.h"
#include "svio_iommu_group.h"
#include "svio_pci.h"

#define VIFS_DEFAULT 64
#define FW_NAME      "svio-fw"

const char *argp_program_version = "sviod 0.1.0";

struct options {
	struct svio_device_options device;
	struct bus_pci_id id;
	char fw_path[PATH_MAX]; /* where device.fw_path points unless it was given */
};

enum {
	KEY_RUN_DIR = 'd',
	KEY_WIRE = 'w',
	KEY_FW = 0x100,
	KEY_MAX_VIFS,
	KEY_IRQ,
	KEY_PCI_ID
};

static const struct argp_option argp_options[] = {
	{ "run-dir", KEY_RUN_DIR, "DIR", 0,
	  "Where the sockets are made: DIR/NAME.sock for each VIF, and the one that the command "
	  "'svio' talks to. Made when missing. Required",
	  0 },
	{ "wire", KEY_WIRE, "SPEC", 0,
	  "The device's physical port: null, tap:NAME, af_packet:INTERFACE, af_xdp:INTERFACE, "
	  "pcap:rx=FILE,tx=FILE, or any DPDK device argument. Required",
	  0 },
	{ "fw", KEY_FW, "PATH", 0, "The firmware program (default: " FW_NAME " beside sviod)", 0 },
	{ "max-vifs", KEY_MAX_VIFS, "N", 0, "How many VIFs there may be, 1 to 4096 (default: 64)",
	  0 },
	{ "irq", KEY_IRQ, "MODE", 0,
	  "Who raises interrupts: inline, the firmware's core; sidecore, a thread beside it; auto, "
	  "the core until that takes much of its time and there are three processors (default)",
	  0 },
	{ "pci-id", KEY_PCI_ID, "VVVV:DDDD", 0,
	  "PCI vendor and device ID that guests see, hexadecimal (default: 1234:5610)", 0 },
	{ 0 }
};

static const char argp_doc[] =
	"sviod serves a self-virtualizing network device: each VIF is a PCI device that a virtual "
	"machine opens through its own socket."
	"\vExamples:\n"
	"  sviod --run-dir /run/svio --wire null\n"
	"      VIFs reach each other, and nothing else.\n"
	"  sviod --run-dir /run/svio --wire tap:svio0\n"
	"      The host is on the wire, as network interface svio0.\n"
	"  sviod --run-dir /run/svio --wire af_packet:eth1 --max-vifs 256\n"
	"\n"
	"Then, for each VM:\n"
	"  svio --run-dir /run/svio vif add web --max 2.5G\n"
	"  svio --run-dir /run/svio vif qemu-args web\n"
	"\n"
	"It stays in the foreground and logs to stderr. SIGTERM ends it; a guest that still has a "
	"VIF then loses it for good, because QEMU does not connect again.";

static bool parse_number(const char *text, unsigned long min, unsigned long max,
			 unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return !errno && end != text && *end == 0 && *text != '-' && *number >= min &&
	       *number <= max;
}

/* Four hexadecimal digits; returns what follows them, or NULL. */
static const char *parse_id(const char *text, uint16_t *id)
{
	char digits[5] = { 0 };
	char *end;

	memcpy(digits, text, strnlen(text, 4));
	*id = (uint16_t)strtoul(digits, &end, 16);
	return strspn(digits, "0123456789abcdefABCDEF") == 4 ? text + 4 : NULL;
}

static bool parse_pci_id(const char *text, struct bus_pci_id *id)
{
	const char *rest = parse_id(text, &id->vendor);

	if (!rest || *rest != ':')
		return false;
	rest = parse_id(rest + 1, &id->device);
	/* ffff is what a bus reads where there is no device. */
	return rest && *rest == 0 && id->vendor != 0xffff;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;
	unsigned long number;

	switch (key) {
	case KEY_RUN_DIR:
		options->device.run_dir = argument;
		return 0;
	case KEY_WIRE:
		options->device.wire = argument;
		return 0;
	case KEY_FW:
		options->device.fw_path = argument;
		return 0;
	case KEY_MAX_VIFS:
		if (!parse_number(argument, 1, SVIO_HOST_VIFS_MAX, &number))
			argp_error(state, "--max-vifs %s: give a number from 1 to %d", argument,
				   SVIO_HOST_VIFS_MAX);
		else
			options->device.vifs_max = (uint32_t)number;
		return 0;
	case KEY_IRQ:
		options->device.irq = argument;
		if (strcmp(argument, "auto") != 0 && strcmp(argument, "inline") != 0 &&
		    strcmp(argument, "sidecore") != 0)
			argp_error(state, "--irq %s: use auto, inline or sidecore", argument);
		return 0;
	case KEY_PCI_ID:
		if (!parse_pci_id(argument, &options->id))
			argp_error(state,
				   "--pci-id %s: give two hexadecimal numbers of four "
				   "digits, such as 1234:5610",
				   argument);
		return 0;
	case ARGP_KEY_END:
		if (!options->device.run_dir || !*options->device.run_dir)
			argp_error(state, "--run-dir is missing: say where the sockets go, such "
					  "as --run-dir /run/svio");
		if (!options->device.wire || !*options->device.wire)
			argp_error(state, "--wire is missing: say what the device's port is, such "
					  "as --wire null or --wire tap:svio0");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The firmware beside this very program. 0; -errno, logged. */
static int find_firmware(struct options *options)
{
	ssize_t length;
	char *slash;

	if (!options->device.fw_path) {
		length = readlink("/proc/self/exe", options->fw_path,
				  sizeof(options->fw_path) - sizeof(FW_NAME));
		if (length < 0) {
			svio_log(SVIO_LOG_ERROR,
				 "cannot tell where this program is (%s): give "
				 "the firmware's path by --fw",
				 strerror(errno));
			return -errno;
		}
		options->fw_path[length] = 0;
		slash = strrchr(options->fw_path, '/');
		memcpy(slash ? slash + 1 : options->fw_path, FW_NAME, sizeof(FW_NAME));
		options->device.fw_path = options->fw_path;
	}
	if (access(options->device.fw_path, X_OK)) {
		svio_log(SVIO_LOG_ERROR,
			 "firmware %s: %s; build it, or give the right path by --fw",
			 options->device.fw_path, strerror(errno));
		return -errno;
	}
	return 0;
}

/*
 * A wire that is a PCI device on vfio-pci must be alone behind the IOMMU: guests'
 * memory is lent to it. 0; -errno, logged.
 */
static int check_wire(const char *wire)
{
	char address[32], why[SVIO_IOMMU_GROUP_WHY_BYTES];
	size_t length = strcspn(wire, ",");
	int group, status;

	if (length >= sizeof(address))
		return 0; /* no PCI address is that long */
	memcpy(address, wire, length);
	address[length] = '\0';
	status = svio_iommu_group_check(address, NULL, &group, why);
	if (status == -EINVAL || status > 0)
		return 0; /* another kind of wire, or a good one */
	svio_log(status < 0 ? SVIO_LOG_ERROR : SVIO_LOG_WARNING, "wire %s", why);
	return status;
}

/* Written by the signal handler, watched by the loop. */
static int end_fd = -1;

static void handle_end_signal(int signal)
{
	const uint64_t one = 1;
	int error = errno;

	(void)signal;
	if (write(end_fd, &one, sizeof(one)) < 0)
		errno = error; /* the counter is full: the loop has been told often enough */
	errno = error;
}

static void ignore_signal(int signal)
{
	(void)signal;
}

static void end_loop(void *context, int fd, uint32_t events)
{
	uint64_t count;

	(void)events;
	/* The loop goes on for a while, until the firmware has ended: do not say it again. */
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	svio_log(SVIO_LOG_INFO, "ending: a signal asked for it");
	svio_loop_stop(context);
}

/*
 * Handlers, not a signal mask and not SIG_IGN: the firmware process inherits
 * both of those, but not handlers. SIGPIPE is for a stderr that nobody reads.
 */
static int watch_signals(struct svio_loop *loop)
{
	static const int end_signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction action = { .sa_handler = handle_end_signal, .sa_flags = SA_RESTART };

	end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (end_fd < 0 || !svio_loop_add_fd(loop, end_fd, EPOLLIN, end_loop, loop))
		return -errno;
	for (size_t i = 0; i < sizeof(end_signals) / sizeof(end_signals[0]); i++)
		sigaction(end_signals[i], &action, NULL);
	action.sa_handler = ignore_signal;
	sigaction(SIGPIPE, &action, NULL);
	return 0;
}

/* Until a signal comes. 0; -errno with the reason logged. */
static int serve(const struct options *options, struct svio_loop *loop)
{
	struct bus_settings settings = { .loop = loop, .id = options->id };
	struct svio_device *device;
	int status = svio_device_open(&options->device, loop, &bus_front_ops, &settings, &device);

	if (status)
		return status;
	status = svio_loop_run(loop);
	if (status)
		svio_log(SVIO_LOG_ERROR, "event loop: %s", strerror(-status));
	else
		status = svio_device_status(device);
	svio_device_close(device);
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { argp_options, parse_option, NULL, argp_doc,
					  NULL,         NULL,         NULL };
	static struct options options = { .device.vifs_max = VIFS_DEFAULT,
					  .id = { SVIO_PCI_VENDOR_ID, SVIO_PCI_DEVICE_ID } };
	struct svio_loop *loop;
	int status;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (find_firmware(&options) || (options.device.wire && check_wire(options.device.wire)))
		return EXIT_FAILURE;
	loop = svio_loop_new();
	if (!loop || watch_signals(loop)) {
		svio_log(SVIO_LOG_ERROR, "cannot start: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	status = serve(&options, loop);
	svio_loop_free(loop);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
