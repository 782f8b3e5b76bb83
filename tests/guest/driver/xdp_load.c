// SPDX-License-Identifier: BSD-3-Clause
/*
 * Loads an XDP program into a guest's kernel and pins it for "ip link set DEV xdpdrv pinned PATH".
 * The programs are raw instructions, so a guest needs no compiler, no BTF and no library.
 *
 * A program looks for UDP over IPv4 to one port and gives its verdict on that; all else passes. With
 * tx and redirect it first exchanges both ends (MACs, addresses, ports), so that packets come back
 * to their sender as an echo whose checksum is right.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char usage_text[] =
	"usage: xdp_load PATH pass|drop|aborted|tx|redirect|NUMBER [PORT [frags]]\n"
	"\n"
	"PATH: where to pin it (on a bpffs). NUMBER: a verdict that does not exist. redirect: to the\n"
	"device itself. frags: the program takes packets in several pieces.\n"
	"example: xdp_load /sys/fs/bpf/echo tx 7007\n";

enum {
	/* Offsets in a frame: Ethernet, IPv4 without options, UDP. */
	ETHER_TYPE = 12,
	IP_PROTOCOL = 23,
	IP_SOURCE = 26,
	IP_DESTINATION = 30,
	UDP_SOURCE = 34,
	UDP_DESTINATION = 36,
	UDP_PAYLOAD = 42,
	CODE_MAX = 64,
	ADD_CONSTANT = BPF_ALU64 | BPF_ADD /* BPF_K is 0, as BPF_ADD is */
};

struct program {
	struct bpf_insn code[CODE_MAX];
	unsigned int count;
	unsigned int jumps[CODE_MAX]; /* those that lead to where other packets pass */
	unsigned int jump_count;
};

static void emit(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		 int32_t imm)
{
	p->code[p->count++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

static void load(struct program *p, uint8_t size, uint8_t dst, uint8_t src, int16_t off)
{
	emit(p, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

static void store(struct program *p, uint8_t size, uint8_t dst, int16_t off, uint8_t src)
{
	emit(p, BPF_STX | BPF_MEM | size, dst, src, off, 0);
}

/* Other packets leave here, with the field (at off of the packet, in r2) not as wanted. */
static void demand(struct program *p, uint8_t size, int16_t off, uint16_t wanted)
{
	load(p, size, BPF_REG_5, BPF_REG_2, off);
	p->jumps[p->jump_count++] = p->count;
	emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, wanted);
}

static void exchange(struct program *p, uint8_t size, int16_t one, int16_t other)
{
	load(p, size, BPF_REG_5, BPF_REG_2, one);
	load(p, size, BPF_REG_7, BPF_REG_2, other);
	store(p, size, BPF_REG_2, one, BPF_REG_7);
	store(p, size, BPF_REG_2, other, BPF_REG_5);
}

static void exchange_ends(struct program *p)
{
	exchange(p, BPF_W, 0, 6);
	exchange(p, BPF_H, 4, 10);
	exchange(p, BPF_W, IP_SOURCE, IP_DESTINATION);
	exchange(p, BPF_H, UDP_SOURCE, UDP_DESTINATION);
}

static void give(struct program *p, int32_t verdict)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void write_program(struct program *p, int32_t verdict, uint16_t port)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
	load(p, BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct xdp_md, data));
	load(p, BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct xdp_md, data_end));
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_2, 0, 0);
	emit(p, ADD_CONSTANT, BPF_REG_4, 0, 0, UDP_PAYLOAD);
	p->jumps[p->jump_count++] = p->count;
	emit(p, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_4, BPF_REG_3, 0, 0);
	demand(p, BPF_H, ETHER_TYPE, htons(0x0800));
	demand(p, BPF_B, IP_PROTOCOL, 17);
	demand(p, BPF_H, UDP_DESTINATION, htons(port));
	if (verdict == XDP_TX || verdict == XDP_REDIRECT)
		exchange_ends(p);
	if (verdict == XDP_REDIRECT) {
		load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct xdp_md, ingress_ifindex));
		emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0);
		emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect);
		emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	} else {
		give(p, verdict);
	}
	for (unsigned int i = 0; i < p->jump_count; i++)
		p->code[p->jumps[i]].off = (int16_t)(p->count - p->jumps[i] - 1);
	give(p, XDP_PASS);
}

static int parse_verdict(const char *text)
{
	static const char *const names[] = { "aborted", "drop", "pass", "tx", "redirect" };

	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
		if (!strcmp(text, names[i]))
			return i;
	}
	return (int)strtol(text, NULL, 0);
}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int load_program(const struct program *p, bool frags)
{
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insn_cnt = p->count,
		.insns = (uintptr_t)p->code,
		.license = (uintptr_t) "GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
		.prog_flags = frags ? BPF_F_XDP_HAS_FRAGS : 0,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		fprintf(stderr, "xdp_load: the kernel refuses it: %s\n%s", strerror(errno), log);
	return fd;
}

int main(int argc, char **argv)
{
	struct program program = { .count = 0 };
	union bpf_attr pin;
	int fd;

	if (argc < 3 || argc > 5 || (argc == 5 && strcmp(argv[4], "frags") != 0)) {
		fputs(usage_text, stderr);
		return 2;
	}
	write_program(&program, parse_verdict(argv[2]),
		      argc > 3 ? (uint16_t)strtoul(argv[3], NULL, 0) : 7007);
	fd = load_program(&program, argc == 5);
	if (fd < 0)
		return 1;
	memset(&pin, 0, sizeof(pin));
	pin.pathname = (uintptr_t)argv[1];
	pin.bpf_fd = (uint32_t)fd;
	if (bpf(BPF_OBJ_PIN, &pin)) {
		fprintf(stderr, "xdp_load: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
