// SPDX-License-Identifier: BSD-3-Clause
/* The connection alone, with an owner that answers as the test wants. */
#include "conn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "svio_test.h"

static struct {
	struct svio_loop *loop;
	struct bus_conn *conn;
	int fd; /* the client's end */
	size_t requests, idles, ends;
	uint16_t last_id;
	size_t last_fds;
	bool answer_at_once, close_in_request;
} t;

static void handle_request(void *owner, const struct bus_request *request)
{
	(void)owner;
	t.requests++;
	t.last_id = request->header.id;
	t.last_fds = request->fd_count;
	if (t.close_in_request)
		bus_conn_close(t.conn);
	else if (t.answer_at_once)
		bus_conn_reply(t.conn, request->payload, request->payload_bytes, -1);
}

static void handle_idle(void *owner)
{
	(void)owner;
	t.idles++;
}

static void handle_end(void *owner)
{
	(void)owner;
	t.ends++;
}

static const struct bus_conn_ops ops = { handle_request, handle_idle, handle_end, NULL };

static void setup(void)
{
	int fds[2];

	memset(&t, 0, sizeof(t));
	t.answer_at_once = true;
	t.loop = svio_loop_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(t.loop);
	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	t.fd = fds[1];
	t.conn = bus_conn_open(t.loop, fds[0], &ops, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t.conn);
}

static void teardown(void)
{
	if (!t.close_in_request)
		bus_conn_close(t.conn);
	if (t.fd >= 0)
		close(t.fd);
	svio_loop_free(t.loop);
}

static void settle(void)
{
	for (int i = 0; i < 32; i++)
		svio_loop_run_once(t.loop, 0);
}

static void send_message(uint16_t id, uint32_t flags, const void *payload, size_t bytes)
{
	struct vfio_user_header header = {
		.id = id, .command = 77, .bytes = (uint32_t)(sizeof(header) + bytes), .flags = flags
	};

	CU_ASSERT_EQUAL(send(t.fd, &header, sizeof(header), MSG_NOSIGNAL), sizeof(header));
	if (bytes)
		CU_ASSERT_EQUAL(send(t.fd, payload, bytes, MSG_NOSIGNAL), (ssize_t)bytes);
}

static void request_is_answered_with_its_id_and_command(void)
{
	struct vfio_user_header header;
	uint32_t word = 0x01020304;

	send_message(5, 0, &word, sizeof(word));
	settle();
	CU_ASSERT_EQUAL(recv(t.fd, &header, sizeof(header), 0), sizeof(header));
	CU_ASSERT_EQUAL(header.id, 5);
	CU_ASSERT_EQUAL(header.command, 77);
	CU_ASSERT_EQUAL(header.bytes, 20);
	CU_ASSERT_EQUAL(header.flags, VFIO_USER_TYPE_REPLY);
	word = 0;
	CU_ASSERT_EQUAL(recv(t.fd, &word, sizeof(word), 0), sizeof(word));
	CU_ASSERT_EQUAL(word, 0x01020304);
}

static void refusal_has_error_and_no_payload(void)
{
	struct vfio_user_header header;

	t.answer_at_once = false;
	send_message(6, 0, "abcd", 4);
	settle();
	CU_ASSERT_EQUAL_FATAL(t.requests, 1);
	bus_conn_refuse(t.conn, EPERM);
	CU_ASSERT_EQUAL(recv(t.fd, &header, sizeof(header), 0), sizeof(header));
	CU_ASSERT_EQUAL(header.bytes, sizeof(header));
	CU_ASSERT_EQUAL(header.flags, VFIO_USER_TYPE_REPLY | VFIO_USER_ERROR);
	CU_ASSERT_EQUAL(header.error, EPERM);
}

static void next_request_waits_for_the_answer(void)
{
	t.answer_at_once = false;
	send_message(1, 0, NULL, 0);
	send_message(2, 0, NULL, 0);
	settle();
	CU_ASSERT_EQUAL(t.requests, 1);
	CU_ASSERT(t.idles < 8); /* the loop does not spin for what lies in the socket */
	bus_conn_reply(t.conn, NULL, 0, -1);
	settle();
	CU_ASSERT_EQUAL(t.requests, 2);
	CU_ASSERT_EQUAL(t.last_id, 2);
	bus_conn_reply(t.conn, NULL, 0, -1);
	bus_conn_reply(t.conn, NULL, 0, -1); /* one too many: nothing is at hand */
	settle();
	CU_ASSERT_EQUAL(t.ends, 0);
}

static void payload_larger_than_kept_is_taken_and_given_back(void)
{
	static uint8_t payload[100000], back[100000];
	size_t got = 0;

	memset(payload, 0x5a, sizeof(payload));
	for (uint16_t i = 0; i < 3; i++) {
		struct vfio_user_header header;

		send_message(i, 0, payload, sizeof(payload));
		settle();
		CU_ASSERT_EQUAL(recv(t.fd, &header, sizeof(header), 0), sizeof(header));
		for (got = 0; got < sizeof(back);) {
			ssize_t count = recv(t.fd, back + got, sizeof(back) - got, 0);

			if (count > 0)
				got += (size_t)count;
			settle();
		}
		CU_ASSERT_EQUAL(memcmp(payload, back, sizeof(back)), 0);
	}
	CU_ASSERT_EQUAL(t.requests, 3);
}

static void idle_comes_after_each_burst(void)
{
	send_message(1, VFIO_USER_NO_REPLY, NULL, 0);
	send_message(2, VFIO_USER_NO_REPLY, NULL, 0);
	svio_loop_run_once(t.loop, 0);
	CU_ASSERT_EQUAL(t.requests, 2);
	CU_ASSERT_EQUAL(t.idles, 1);
}

static void hang_up_while_waiting_ends_once(void)
{
	t.answer_at_once = false;
	send_message(1, 0, NULL, 0);
	settle();
	close(t.fd);
	t.fd = -1;
	settle();
	CU_ASSERT_EQUAL(t.ends, 1);
	CU_ASSERT(t.idles < 8); /* it does not spin until the answer comes */
	bus_conn_reply(t.conn, NULL, 0, -1);
	settle();
	CU_ASSERT_EQUAL(t.ends, 1);
}

static void half_close_serves_what_was_sent_first(void)
{
	struct vfio_user_header header;

	send_message(9, 0, NULL, 0);
	shutdown(t.fd, SHUT_WR);
	settle();
	CU_ASSERT_EQUAL(t.requests, 1);
	CU_ASSERT_EQUAL(t.ends, 1);
	CU_ASSERT_EQUAL(recv(t.fd, &header, sizeof(header), 0), sizeof(header));
	CU_ASSERT_EQUAL(header.id, 9);
}

static void finish_sends_answer_then_ends(void)
{
	struct vfio_user_header header;

	t.answer_at_once = false;
	send_message(3, 0, NULL, 0);
	settle();
	bus_conn_refuse(t.conn, EBUSY);
	bus_conn_finish(t.conn);
	CU_ASSERT_EQUAL(t.ends, 0); /* not from within this call */
	settle();
	CU_ASSERT_EQUAL(t.ends, 1);
	CU_ASSERT_EQUAL(recv(t.fd, &header, sizeof(header), 0), sizeof(header));
	CU_ASSERT_EQUAL(header.error, EBUSY);
}

static void close_in_request_handler_is_safe(void)
{
	char byte;

	t.close_in_request = true;
	send_message(1, 0, NULL, 0);
	send_message(2, 0, NULL, 0);
	settle();
	CU_ASSERT_EQUAL(t.requests, 1);
	CU_ASSERT_EQUAL(t.ends, 0);
	CU_ASSERT_EQUAL(recv(t.fd, &byte, 1, 0), 0); /* an end, no reset */
}

SVIO_TEST_MAIN_WITH(
	"bus connection", setup, teardown, SVIO_TEST(request_is_answered_with_its_id_and_command),
	SVIO_TEST(refusal_has_error_and_no_payload), SVIO_TEST(next_request_waits_for_the_answer),
	SVIO_TEST(payload_larger_than_kept_is_taken_and_given_back),
	SVIO_TEST(idle_comes_after_each_burst), SVIO_TEST(hang_up_while_waiting_ends_once),
	SVIO_TEST(half_close_serves_what_was_sent_first), SVIO_TEST(finish_sends_answer_then_ends),
	SVIO_TEST(close_in_request_handler_is_safe))
