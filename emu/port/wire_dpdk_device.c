/* SPDX-License-Identifier: BSD-3-Clause */
/* What a --wire means to DPDK: its device argument. */
#include <net/if.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "port.h"
#include "wire_dpdk.h"

#define ZERO_COPY ",zero-copy"

/* "pcap:rx=FILE,tx=FILE" in net_pcap's own words. */
static void write_pcap_device(struct dpdk *d, const char *arguments)
{
	size_t used = (size_t)snprintf(d->device, sizeof(d->device), "net_pcap0");
	const char *p = arguments;

	while (*p && used < sizeof(d->device)) {
		int length = (int)strcspn(p, ",");
		const char *key = "";

		if (!strncmp(p, "rx=", 3) || !strncmp(p, "tx=", 3)) {
			key = *p == 'r' ? "rx_pcap" : "tx_pcap";
			p += 2;
			length -= 2;
		}
		used += (size_t)snprintf(d->device + used, sizeof(d->device) - used, ",%s%.*s", key,
					 length, p);
		p += length;
		if (*p == ',')
			p++;
	}
}

/* Blocks hold whole frames without padding, as net_af_packet counts on: 4 x 9216 = 9 pages. */
#define AF_PACKET_ARGUMENTS "blocksz=36864,framesz=9216,framecnt=512"

/* The name in front of a comma, which must be one of an interface. 0; -errno with wire->error. */
static int take_interface(struct dpdk *d, const char *kind, const char *arguments, char *name)
{
	int length = (int)strcspn(arguments, ",");

	if (length == 0 || length >= IFNAMSIZ) {
		svio_port_wire_fail(d->wire, "%s: not an interface name: give one as in %s:eth1",
				    d->wire->spec, kind);
		return -EINVAL;
	}
	snprintf(name, IFNAMSIZ, "%.*s", length, arguments);
	d->ifindex = if_nametoindex(name);
	if (!d->ifindex) {
		svio_port_wire_fail(d->wire,
				    "%s:%s: no such interface: `ip link` shows those there are",
				    kind, name);
		return -ENODEV;
	}
	return 0;
}

static int write_af_packet_device(struct dpdk *d, const char *arguments)
{
	char name[IFNAMSIZ];
	int status = take_interface(d, "af_packet", arguments, name);

	if (status < 0)
		return status;
	arguments += strlen(name);
	snprintf(d->device, sizeof(d->device), "net_af_packet0,iface=%s,%s%s", name,
		 *arguments ? arguments + 1 : "", *arguments ? "" : AF_PACKET_ARGUMENTS);
	/*
	 * Before net_af_packet binds its own socket: the kernel gives a frame to the
	 * youngest socket first, so when this one is readable the driver's ring has it.
	 */
	d->readiness_fd = svio_port_readiness_open(d->ifindex);
	return 0;
}

/*
 * Without busy polling, for which the driver would make a system call each time it looks. Of
 * the interface's queues it serves the first: it should have one only.
 */
#define AF_XDP_ARGUMENTS "busy_budget=0"

static int write_af_xdp_device(struct dpdk *d, const char *arguments)
{
	char name[IFNAMSIZ];
	int status = take_interface(d, "af_xdp", arguments, name);

	if (status < 0)
		return status;
	arguments += strlen(name);
	snprintf(d->device, sizeof(d->device), "net_af_xdp0,iface=%s,%s%s", name,
		 *arguments ? arguments + 1 : "", *arguments ? "" : AF_XDP_ARGUMENTS);
	d->xdp = true;
	return 0;
}

/* "00:1f.0" or "0000:00:1f.0", perhaps with device arguments behind a comma. */
static bool is_pci_address(const char *text)
{
	regex_t pattern;
	bool matches;

	if (regcomp(&pattern, "^([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}[.][0-7](,.*)?$",
		    REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		return false;
	matches = regexec(&pattern, text, 0, NULL, 0) == 0;
	regfree(&pattern);
	return matches;
}

int svio_port_dpdk_device(struct dpdk *d)
{
	const char *spec = d->wire->spec;

	if (strlen(spec) + sizeof(AF_PACKET_ARGUMENTS) + 64 > sizeof(d->device)) {
		svio_port_wire_fail(d->wire, "%s: longer than %zu characters", spec,
				    sizeof(d->device) - sizeof(AF_PACKET_ARGUMENTS) - 64);
		return -EINVAL;
	}
	if (!strncmp(spec, "af_packet:", 10))
		return write_af_packet_device(d, spec + 10);
	if (!strncmp(spec, "af_xdp:", 7))
		return write_af_xdp_device(d, spec + 7);
	if (!strncmp(spec, "pcap:", 5)) {
		write_pcap_device(d, spec + 5);
		return 0;
	}
	d->pci = is_pci_address(spec);
	if (!d->pci && strncmp(spec, "net_", 4) != 0 && strncmp(spec, "eth_", 4) != 0) {
		svio_port_wire_fail(
			d->wire,
			"%s: not a wire: use null, tap:NAME, af_packet:IF, af_xdp:IF, "
			"pcap:rx=FILE,tx=FILE, a PCI address, or a DPDK device (net_...)",
			spec);
		return -EINVAL;
	}
	d->xdp = !strncmp(spec, "net_af_xdp", 10);
	snprintf(d->device, sizeof(d->device), "%s", spec);
	if (d->pci && strstr(spec, ZERO_COPY)) {
		if (strcmp(strstr(spec, ZERO_COPY), ZERO_COPY) != 0) {
			svio_port_wire_fail(d->wire, "%s: zero-copy stands at the end", spec);
			return -EINVAL;
		}
		d->zero_copy = true;
		d->device[strlen(spec) - strlen(ZERO_COPY)] = '\0';
	}
	return 0;
}
