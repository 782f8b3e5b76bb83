// SPDX-License-Identifier: BSD-3-Clause
/*
 * netprobe: what ping and iperf3 are too coarse for. Round trips of UDP datagrams by the
 * microsecond, and one-way streams of small datagrams in which every payload byte is checked.
 *
 * Every payload is an 8-byte sequence number (little-endian), a flag byte and a pattern that
 * follows from the number: loss, duplication, reordering and corruption are all told apart.
 * Results are one JSON object on stdout. Status: 0 good, 1 nothing or damage arrived, 2 usage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER_BYTES = 9,
	MAX_BYTES = 65507,
	BURST = 32,
	END_REPEATS = 20
};
enum {
	FLAG_DATA = 1,
	FLAG_END = 2
};

struct options {
	const char *host;
	const char *port;
	unsigned int count;
	unsigned int size_bytes;
	unsigned int interval_us;
	unsigned int warmup;
	unsigned int rate_pps; /* 0: as fast as it goes */
	bool tcp;              /* echo and ping: a connection in place of datagrams */
	double seconds;        /* 0: 5; ping: as long as it takes */
};

static const char usage_text[] =
	"usage: netprobe echo [-p PORT] [-T]\n"
	"       netprobe ping HOST [-p PORT] [-c COUNT] [-s BYTES] [-i MICROSECONDS]\n"
	"                          [-t SECONDS] [-T]\n"
	"       netprobe recv [-p PORT] [-t SECONDS without a packet until giving up]\n"
	"       netprobe send HOST [-p PORT] [-s BYTES] [-t SECONDS] [-r PACKETS_PER_SECOND]\n"
	"\n"
	"echo answers ping; recv counts and checks what send sends. BYTES is the UDP payload. With -T\n"
	"echo and ping use one TCP connection: requests and responses of BYTES.\n"
	"example: netprobe ping 10.0.0.2 -c 2000 -s 64\n";

static void fail(const char *what)
{
	fprintf(stderr, "netprobe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void write_payload(uint8_t *data, size_t bytes, uint64_t sequence, uint8_t flag)
{
	for (size_t i = 0; i < 8; i++)
		data[i] = (uint8_t)(sequence >> (8 * i));
	data[8] = flag;
	for (size_t i = HEADER_BYTES; i < bytes; i++)
		data[i] = (uint8_t)(sequence * 7 + i);
}

static bool read_payload(const uint8_t *data, size_t bytes, uint64_t *sequence, uint8_t *flag)
{
	if (bytes < HEADER_BYTES)
		return false;
	*sequence = 0;
	for (size_t i = 0; i < 8; i++)
		*sequence |= (uint64_t)data[i] << (8 * i);
	*flag = data[8];
	for (size_t i = HEADER_BYTES; i < bytes; i++) {
		if (data[i] != (uint8_t)(*sequence * 7 + i))
			return false;
	}
	return true;
}

/* Fills in the host's address, or the wildcard when there is no host; numbers only. */
static socklen_t parse_address(const struct options *options, struct sockaddr_storage *address)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	in_port_t port = htons((uint16_t)atoi(options->port));

	memset(address, 0, sizeof(*address));
	if (options->host && inet_pton(AF_INET6, options->host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		return sizeof(*v6);
	}
	if (options->host && inet_pton(AF_INET, options->host, &v4->sin_addr) != 1) {
		fprintf(stderr, "netprobe: '%s' is no IPv4 or IPv6 address\n", options->host);
		exit(2);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = port;
	return sizeof(*v4);
}

static int open_socket(const struct options *options)
{
	struct sockaddr_storage address;
	socklen_t address_bytes = parse_address(options, &address);
	int buffer_bytes = 4 << 20, one = 1, fd;

	fd = socket(address.ss_family, options->tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (fd < 0)
		fail("socket");
	if (options->tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (options->host ? connect(fd, (struct sockaddr *)&address, address_bytes)
			  : bind(fd, (struct sockaddr *)&address, address_bytes))
		fail(options->host ? "connect" : "bind");
	return fd;
}

static void set_timeout(int fd, double seconds)
{
	struct timeval timeout = {
		.tv_sec = (time_t)seconds,
		.tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6),
	};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

static _Noreturn void run_echo(const struct options *options)
{
	static uint8_t data[MAX_BYTES];
	int fd = open_socket(options);

	puts("ready");
	fflush(stdout);
	for (;;) {
		struct sockaddr_storage peer;
		socklen_t peer_bytes = sizeof(peer);
		ssize_t bytes =
			recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &peer_bytes);

		if (bytes >= 0)
			sendto(fd, data, (size_t)bytes, 0, (struct sockaddr *)&peer, peer_bytes);
	}
}

/* Sends back what comes, one connection after the other. */
static _Noreturn void run_tcp_echo(const struct options *options)
{
	static uint8_t data[MAX_BYTES];
	int listener = open_socket(options);

	if (listen(listener, 1))
		fail("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int one = 1, fd = accept(listener, NULL, NULL);
		ssize_t bytes;

		if (fd < 0)
			fail("accept");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		while ((bytes = recv(fd, data, sizeof(data), 0)) > 0)
			if (send(fd, data, (size_t)bytes, MSG_NOSIGNAL) != bytes)
				break;
		close(fd);
	}
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static double percentile_us(const uint64_t *sorted_ns, size_t count, double fraction)
{
	size_t index = (size_t)(fraction * (double)count);

	if (!count)
		return 0;
	return (double)sorted_ns[index < count ? index : count - 1] / 1000.0;
}

/* Sends one request and waits for its own answer; late answers to earlier ones are passed over. */
static bool round_trip(int fd, const struct options *options, uint64_t sequence, uint64_t *rtt_ns,
		       unsigned int *corrupt)
{
	static uint8_t data[MAX_BYTES];
	uint64_t start_ns, got;
	uint8_t flag;

	write_payload(data, options->size_bytes, sequence, FLAG_DATA);
	start_ns = now_ns();
	if (send(fd, data, options->size_bytes, 0) < 0)
		return false;
	for (;;) {
		ssize_t bytes = options->tcp ? recv(fd, data, options->size_bytes, MSG_WAITALL)
					     : recv(fd, data, sizeof(data), 0);

		if (bytes < 0 || (options->tcp && (size_t)bytes != options->size_bytes))
			return false;
		*rtt_ns = now_ns() - start_ns;
		if (!read_payload(data, (size_t)bytes, &got, &flag) ||
		    (size_t)bytes != options->size_bytes)
			(*corrupt)++;
		else if (got == sequence)
			return true;
	}
}

static int run_ping(const struct options *options)
{
	uint64_t *rtts_ns = calloc(options->count + 1, sizeof(*rtts_ns)), rtt_ns;
	unsigned int sent = 0, received = 0, corrupt = 0;
	uint64_t start_ns = now_ns(), limit_ns = (uint64_t)(options->seconds * 1e9);
	int fd = open_socket(options);

	if (!rtts_ns)
		fail("calloc");
	set_timeout(fd, 1.0);
	for (unsigned int i = 0; i < options->count + options->warmup; i++) {
		bool answered = round_trip(fd, options, i, &rtt_ns, &corrupt);

		if (i < options->warmup)
			start_ns = now_ns();
		else
			sent++;
		if (answered && i >= options->warmup)
			rtts_ns[received++] = rtt_ns;
		if (limit_ns && now_ns() - start_ns > limit_ns)
			break;
		if (options->interval_us)
			usleep(options->interval_us);
	}
	rtt_ns = now_ns() - start_ns;
	qsort(rtts_ns, received, sizeof(*rtts_ns), compare_u64);
	printf("{\"sent\": %u, \"received\": %u, \"lost\": %u, \"corrupt\": %u, \"seconds\": %.4f, "
	       "\"min_us\": %.1f, \"p10_us\": %.1f, \"p50_us\": %.1f, \"p90_us\": %.1f, "
	       "\"p99_us\": %.1f, \"max_us\": %.1f}\n",
	       sent, received, sent - received, corrupt, (double)rtt_ns / 1e9,
	       percentile_us(rtts_ns, received, 0), percentile_us(rtts_ns, received, 0.1),
	       percentile_us(rtts_ns, received, 0.5), percentile_us(rtts_ns, received, 0.9),
	       percentile_us(rtts_ns, received, 0.99), percentile_us(rtts_ns, received, 1));
	free(rtts_ns);
	return received && !corrupt ? 0 : 1;
}

/* What a receiver knows of a stream; highest is one past the greatest number seen. */
struct stream {
	uint64_t packets;
	uint64_t bytes;
	uint64_t highest;
	uint64_t reordered;
	uint64_t corrupt;
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t gap_ns;    /* longest time between two packets */
	uint64_t announced; /* how many the sender says it sent; 0: never heard */
};

static bool account(struct stream *stream, const uint8_t *data, size_t bytes, uint64_t at_ns)
{
	uint64_t sequence;
	uint8_t flag;

	if (!read_payload(data, bytes, &sequence, &flag)) {
		stream->corrupt++;
		return true;
	}
	if (flag == FLAG_END) {
		stream->announced = sequence;
		return false;
	}
	if (!stream->packets)
		stream->first_ns = at_ns;
	else if (at_ns - stream->last_ns > stream->gap_ns)
		stream->gap_ns = at_ns - stream->last_ns;
	stream->last_ns = at_ns;
	stream->packets++;
	stream->bytes += bytes;
	if (sequence < stream->highest)
		stream->reordered++;
	else
		stream->highest = sequence + 1;
	return true;
}

static int print_stream(const struct stream *stream)
{
	double seconds = (double)(stream->last_ns - stream->first_ns) / 1e9;
	uint64_t sent = stream->announced ? stream->announced : stream->highest;

	printf("{\"packets\": %llu, \"bytes\": %llu, \"seconds\": %.4f, \"kpps\": %.3f, "
	       "\"sent\": %llu, \"lost\": %lld, \"reordered\": %llu, \"corrupt\": %llu, "
	       "\"gap_ms_max\": %.3f, \"end_seen\": %s}\n",
	       (unsigned long long)stream->packets, (unsigned long long)stream->bytes, seconds,
	       seconds > 0 ? (double)stream->packets / seconds / 1000.0 : 0,
	       (unsigned long long)sent, (long long)(sent - stream->packets),
	       (unsigned long long)stream->reordered, (unsigned long long)stream->corrupt,
	       (double)stream->gap_ns / 1e6, stream->announced ? "true" : "false");
	return stream->packets && !stream->corrupt ? 0 : 1;
}

static int run_recv(const struct options *options)
{
	static uint8_t data[BURST][2048];
	struct stream stream = { 0 };
	struct mmsghdr messages[BURST];
	struct iovec vectors[BURST];
	int fd = open_socket(options);

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < BURST; i++) {
		vectors[i] = (struct iovec){ .iov_base = data[i], .iov_len = sizeof(data[i]) };
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	set_timeout(fd, options->seconds);
	puts("ready");
	fflush(stdout);
	for (bool more = true; more;) {
		int count = recvmmsg(fd, messages, BURST, MSG_WAITFORONE, NULL);
		uint64_t at_ns = now_ns();

		if (count <= 0)
			break;
		for (int i = 0; i < count && more; i++)
			more = account(&stream, data[i], messages[i].msg_len, at_ns);
	}
	return print_stream(&stream);
}

static void send_end(int fd, uint64_t sent)
{
	uint8_t data[HEADER_BYTES];

	write_payload(data, sizeof(data), sent, FLAG_END);
	for (int i = 0; i < END_REPEATS; i++) {
		send(fd, data, sizeof(data), 0);
		usleep(10000);
	}
}

/* Waits until the packet number `sent` is due at the wanted rate. */
static void pace(const struct options *options, uint64_t start_ns, uint64_t sent)
{
	uint64_t due_ns;

	if (!options->rate_pps)
		return;
	due_ns = start_ns + sent * 1000000000u / options->rate_pps;
	while (now_ns() < due_ns)
		usleep(200);
}

static int run_send(const struct options *options)
{
	static uint8_t data[BURST][2048];
	struct mmsghdr messages[BURST];
	struct iovec vectors[BURST];
	int fd = open_socket(options);
	uint64_t start_ns = now_ns(), sent = 0, refused = 0;
	uint64_t end_ns = start_ns + (uint64_t)(options->seconds * 1e9);
	/* A slow stream is even, so that the receiver's gaps mean something. */
	int burst = options->rate_pps && options->rate_pps <= 10000 ? 1 : BURST;

	if (options->size_bytes > sizeof(data[0])) {
		fprintf(stderr, "netprobe: send: at most %zu bytes\n", sizeof(data[0]));
		return 2;
	}
	memset(messages, 0, sizeof(messages));
	while (now_ns() < end_ns) {
		int count;

		for (int i = 0; i < burst; i++) {
			write_payload(data[i], options->size_bytes, sent + (uint64_t)i, FLAG_DATA);
			vectors[i] = (struct iovec){ .iov_base = data[i],
						     .iov_len = options->size_bytes };
			messages[i].msg_hdr.msg_iov = &vectors[i];
			messages[i].msg_hdr.msg_iovlen = 1;
		}
		pace(options, start_ns, sent);
		count = sendmmsg(fd, messages, (unsigned int)burst, 0);
		if (count > 0)
			sent += (uint64_t)count;
		else
			refused++;
	}
	printf("{\"sent\": %llu, \"refused\": %llu, \"kpps\": %.3f}\n", (unsigned long long)sent,
	       (unsigned long long)refused,
	       (double)sent / ((double)(now_ns() - start_ns) / 1e9) / 1000.0);
	fflush(stdout);
	send_end(fd, sent);
	return sent ? 0 : 1;
}

static void parse(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt(argc, argv, "p:c:s:i:t:r:w:T")) != -1) {
		switch (option) {
		case 'p':
			options->port = optarg;
			break;
		case 'c':
			options->count = (unsigned int)atoi(optarg);
			break;
		case 's':
			options->size_bytes = (unsigned int)atoi(optarg);
			break;
		case 'i':
			options->interval_us = (unsigned int)atoi(optarg);
			break;
		case 't':
			options->seconds = atof(optarg);
			break;
		case 'r':
			options->rate_pps = (unsigned int)atoi(optarg);
			break;
		case 'w':
			options->warmup = (unsigned int)atoi(optarg);
			break;
		case 'T':
			options->tcp = true;
			break;
		default:
			fputs(usage_text, stderr);
			exit(2);
		}
	}
	if (options->size_bytes < HEADER_BYTES || options->size_bytes > MAX_BYTES) {
		fprintf(stderr, "netprobe: -s wants %d to %d bytes\n", HEADER_BYTES, MAX_BYTES);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options options = { .port = "7007", .count = 1000, .size_bytes = 18, .warmup = 20 };
	const char *mode = argc > 1 ? argv[1] : "";
	bool wants_host = !strcmp(mode, "ping") || !strcmp(mode, "send");

	if (wants_host && argc > 2)
		options.host = argv[2];
	if ((wants_host && !options.host) || argc < 2) {
		fputs(usage_text, stderr);
		return 2;
	}
	argc -= wants_host ? 2 : 1;
	argv += wants_host ? 2 : 1;
	parse(argc, argv, &options);
	if (options.seconds <= 0 && strcmp(mode, "ping"))
		options.seconds = 5;
	if (!strcmp(mode, "echo") && options.tcp)
		run_tcp_echo(&options);
	if (!strcmp(mode, "echo"))
		run_echo(&options);
	if (!strcmp(mode, "ping"))
		return run_ping(&options);
	if (!strcmp(mode, "recv"))
		return run_recv(&options);
	if (!strcmp(mode, "send"))
		return run_send(&options);
	fputs(usage_text, stderr);
	return 2;
}
