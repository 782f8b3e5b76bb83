// SPDX-License-Identifier: BSD-3-Clause
/* The mailbox alone; the test itself is the firmware at the other end of the socket. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "glue_fixture.h"
#include "log.h"
#include "mailbox.h"
#include "svio_test.h"

static struct svio_loop *loop;
static struct svio_mailbox *mailbox;
static struct svio_host_segment *segment;
static int kick_fd, firmware_fd;
static int broken_count;
static const char *broken_reason;

static void note_broken(void *context, const char *reason)
{
	(void)context;
	broken_count++;
	broken_reason = reason;
}

static void setup(void)
{
	loop = svio_loop_new();
	segment = calloc(1, sizeof(*segment));
	kick_fd = eventfd(0, EFD_NONBLOCK);
	mailbox = svio_mailbox_new(loop, segment, kick_fd, note_broken, NULL);
	firmware_fd = -1;
	broken_count = 0;
	log_capture();
}

static void teardown(void)
{
	svio_mailbox_free(mailbox);
	svio_loop_free(loop);
	close(kick_fd);
	if (firmware_fd >= 0)
		close(firmware_fd);
	free(segment);
}

/* A new firmware is there and gets a HELLO. */
static void attach(void)
{
	struct svio_mailbox_request hello = { .type = SVIO_HOST_HELLO, .vif = SVIO_MAILBOX_NO_VIF };
	int pair[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	if (firmware_fd >= 0)
		close(firmware_fd);
	firmware_fd = pair[1];
	CU_ASSERT_EQUAL(svio_mailbox_attach(mailbox, pair[0]), 0);
	CU_ASSERT_EQUAL(svio_mailbox_replay(mailbox, &hello), 0);
	svio_mailbox_go(mailbox);
}

static int post(uint32_t type, uint32_t vif, uint64_t arg0, struct answers *answers)
{
	struct svio_mailbox_request request = { .type = type,
						.vif = vif,
						.arg = { arg0 },
						.for_client = true,
						.done = answers ? count_answer : NULL,
						.context = answers };

	return svio_mailbox_post(mailbox, &request);
}

/* The next message; type 0 when there is none. */
static struct svio_host_msg take(void)
{
	struct svio_host_msg msg = { 0 };

	if (recv(firmware_fd, &msg, sizeof(msg), MSG_DONTWAIT) != sizeof(msg))
		msg.type = 0;
	return msg;
}

static void reply(const struct svio_host_msg *msg, int status)
{
	struct svio_host_msg answer = { .type = SVIO_HOST_REPLY,
					.seq = msg->seq,
					.status = status };

	CU_ASSERT_EQUAL(send(firmware_fd, &answer, sizeof(answer), 0), sizeof(answer));
	svio_loop_run_once(loop, 0);
}

static void expect(uint32_t type, uint64_t arg0, int status)
{
	struct svio_host_msg msg = take();

	CU_ASSERT_EQUAL(msg.type, type);
	CU_ASSERT_EQUAL(msg.arg[0], arg0);
	reply(&msg, status);
}

static void post_answered_calls_done_with_status(void)
{
	struct answers answers = { 0 };

	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	CU_ASSERT_EQUAL(post(SVIO_HOST_REG_WRITE, 1, 7, &answers), 0);
	CU_ASSERT_EQUAL(answers.count, 0);
	expect(SVIO_HOST_REG_WRITE, 7, -EINVAL);
	CU_ASSERT_EQUAL(answers.count, 1);
	CU_ASSERT_EQUAL(answers.last, -EINVAL);
	CU_ASSERT_EQUAL(svio_mailbox_pending(mailbox), 0);
	CU_ASSERT_EQUAL(segment->mail, 2);
}

static void post_without_firmware_waits_for_one(void)
{
	struct answers answers = { 0 };

	CU_ASSERT_EQUAL(post(SVIO_HOST_REG_WRITE, 1, 1, &answers), 0);
	CU_ASSERT_EQUAL(post(SVIO_HOST_REG_WRITE, 1, 2, &answers), 0);
	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	expect(SVIO_HOST_REG_WRITE, 1, 0);
	expect(SVIO_HOST_REG_WRITE, 2, 0);
	CU_ASSERT_EQUAL(answers.count, 2);
}

static void detach_unanswered_is_sent_again(void)
{
	struct answers answers = { 0 };

	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	post(SVIO_HOST_REG_WRITE, 1, 1, &answers);
	post(SVIO_HOST_REG_WRITE, 1, 2, &answers);
	expect(SVIO_HOST_REG_WRITE, 1, 0);
	CU_ASSERT_EQUAL(take().arg[0], 2); /* dies without an answer to this */
	svio_mailbox_detach(mailbox);
	CU_ASSERT_EQUAL(answers.count, 1);
	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	expect(SVIO_HOST_REG_WRITE, 2, 0);
	CU_ASSERT_EQUAL(answers.count, 2);
	CU_ASSERT_EQUAL(take().type, 0);
}

/* What the registry replays is answered, but not sent twice. */
static void detach_covered_request_is_answered_in_turn(void)
{
	struct answers added = { 0 }, written = { 0 };

	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	post(SVIO_HOST_VIF_ADD, 1, 0, &added);
	post(SVIO_HOST_REG_WRITE, 1, 5, &written);
	svio_mailbox_detach(mailbox);
	attach();
	CU_ASSERT_EQUAL(added.count, 0);
	expect(SVIO_HOST_HELLO, 0, 0);
	CU_ASSERT_EQUAL(added.count, 1);
	CU_ASSERT_EQUAL(added.last, 0);
	CU_ASSERT_EQUAL(written.count, 0);
	expect(SVIO_HOST_REG_WRITE, 5, 0);
	CU_ASSERT_EQUAL(written.count, 1);
}

static void detach_during_replay_forgets_the_replay(void)
{
	struct answers answers = { 0 };

	post(SVIO_HOST_VIF_RESET, 1, 3, &answers);
	for (int i = 0; i < 3; i++) {
		attach();
		CU_ASSERT_EQUAL(take().type, SVIO_HOST_HELLO);
		svio_mailbox_detach(mailbox);
		CU_ASSERT_EQUAL(answers.count, 0);
	}
	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	expect(SVIO_HOST_VIF_RESET, 3, 0);
	CU_ASSERT_EQUAL(answers.count, 1);
	CU_ASSERT_EQUAL(svio_mailbox_pending(mailbox), 0);
}

/* The replay leaves out a VIF that is being deleted: the new firmware hears nothing of it. */
static void detach_vif_being_deleted_is_not_mentioned(void)
{
	struct answers gone = { 0 }, other = { 0 };

	post(SVIO_HOST_REG_WRITE, 1, 1, &gone);
	post(SVIO_HOST_REG_WRITE, 2, 2, &other);
	post(SVIO_HOST_VIF_RESET, 1, 3, NULL);
	post(SVIO_HOST_VIF_DEL, 1, 4, &gone);
	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	expect(SVIO_HOST_REG_WRITE, 2, 0);
	CU_ASSERT_EQUAL(take().type, 0);
	CU_ASSERT_EQUAL(gone.count, 2);
	CU_ASSERT_EQUAL(gone.last, 0);
	CU_ASSERT_EQUAL(other.count, 1);
	CU_ASSERT_EQUAL(svio_mailbox_pending(mailbox), 0);
}

static void post_many_keeps_the_order(void)
{
	struct answers answers = { 0 };

	attach();
	for (uint64_t i = 0; i < 500; i++)
		CU_ASSERT_EQUAL(post(SVIO_HOST_REG_WRITE, 1, i, &answers), 0);
	expect(SVIO_HOST_HELLO, 0, 0);
	for (uint64_t i = 0; i < 500; i++)
		expect(SVIO_HOST_REG_WRITE, i, 0);
	CU_ASSERT_EQUAL(answers.count, 500);
}

static void free_unanswered_is_canceled(void)
{
	struct answers answers = { 0 };

	attach();
	post(SVIO_HOST_REG_WRITE, 1, 0, &answers);
	svio_mailbox_free(mailbox);
	CU_ASSERT_EQUAL(answers.count, 1);
	CU_ASSERT_EQUAL(answers.last, -ECANCELED);
	mailbox = svio_mailbox_new(loop, segment, kick_fd, note_broken, NULL);
}

static void cancel_only_this_vif_is_answered(void)
{
	struct answers one = { 0 }, two = { 0 };

	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	post(SVIO_HOST_REG_WRITE, 1, 0, &one);
	post(SVIO_HOST_REG_WRITE, 2, 0, &two);
	post(SVIO_HOST_VIF_RESET, 1, 0, &one);
	svio_mailbox_cancel(mailbox, 1);
	CU_ASSERT_EQUAL(one.count, 2);
	CU_ASSERT_EQUAL(one.last, -ECANCELED);
	CU_ASSERT_EQUAL(two.count, 0);
	expect(SVIO_HOST_REG_WRITE, 0, 0);
	expect(SVIO_HOST_REG_WRITE, 0, 0);
	expect(SVIO_HOST_VIF_RESET, 0, 0);
	CU_ASSERT_EQUAL(one.count, 2);
	CU_ASSERT_EQUAL(two.count, 1);
}

/* done may post: the answer to one request starts the next. */
static void post_again(void *context, int status)
{
	struct answers *answers = context;
	struct svio_mailbox_request request = { .type = SVIO_HOST_REG_WRITE,
						.done = post_again,
						.context = context };

	count_answer(context, status);
	if (answers->count < 5)
		CU_ASSERT_EQUAL(svio_mailbox_post(mailbox, &request), 0);
}

static void post_from_done_is_sent(void)
{
	struct answers answers = { 0 };
	struct svio_mailbox_request request = { .type = SVIO_HOST_REG_WRITE,
						.done = post_again,
						.context = &answers };

	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	svio_mailbox_post(mailbox, &request);
	for (int i = 0; i < 5; i++)
		expect(SVIO_HOST_REG_WRITE, 0, 0);
	CU_ASSERT_EQUAL(answers.count, 5);
	CU_ASSERT_EQUAL(take().type, 0);
}

/* Each of these ends trust in that firmware, once, and answers nothing. */
static void reply_broken_is_reported_once(void)
{
	struct answers answers = { 0 };

	for (int kind = 0; kind < 6; kind++) {
		struct svio_host_msg msg, bad;

		broken_count = 0;
		attach();
		expect(SVIO_HOST_HELLO, 0, 0);
		if (kind == 0)
			post(SVIO_HOST_REG_WRITE, 1, 9, &answers);
		msg = take();
		bad = (struct svio_host_msg){ .type = SVIO_HOST_REPLY, .seq = msg.seq };
		if (kind == 0)
			bad.seq++;
		if (kind == 1)
			bad.type = SVIO_HOST_REG_WRITE;
		if (kind == 2)
			bad.status = 1;
		if (kind == 3)
			bad.status = INT32_MIN;
		if (kind == 5)
			shutdown(firmware_fd, SHUT_RDWR);
		else
			send(firmware_fd, &bad, kind == 4 ? 63 : sizeof(bad), 0);
		for (int i = 0; i < 3; i++)
			svio_loop_run_once(loop, 0);
		CU_ASSERT_EQUAL(broken_count, 1);
		CU_ASSERT_EQUAL(answers.count, 0);
		svio_mailbox_detach(mailbox);
	}
	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	expect(SVIO_HOST_REG_WRITE, 9, 0);
	CU_ASSERT_EQUAL(answers.count, 1);
}

static void reply_unasked_is_reported(void)
{
	struct svio_host_msg bad = { .type = SVIO_HOST_REPLY, .seq = 1 };

	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	CU_ASSERT_EQUAL(send(firmware_fd, &bad, sizeof(bad), 0), sizeof(bad));
	svio_loop_run_once(loop, 0);
	CU_ASSERT_EQUAL(broken_count, 1);
}

/* A client can cause refusals as often as it likes: the log does not fill with them. */
static void refusals_without_end_do_not_fill_the_log(void)
{
	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	for (uint64_t i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(post(SVIO_HOST_OBJECT_ADD, 0, i, NULL), 0);
		expect(SVIO_HOST_OBJECT_ADD, i, -EINVAL);
	}
	CU_ASSERT_EQUAL(log_count("refused request"), SVIO_LOG_BURST);
	CU_ASSERT_EQUAL(log_count("left out"), 1);
}

static uint64_t kicks(void)
{
	uint64_t value = 0;

	if (read(kick_fd, &value, sizeof(value)) < 0)
		return 0;
	return value;
}

static void post_firmware_asleep_is_kicked(void)
{
	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	segment->fw_state = SVIO_HOST_FW_POLLING;
	post(SVIO_HOST_VIF_RESET, 1, 0, NULL);
	CU_ASSERT_EQUAL(kicks(), 0);
	segment->fw_state = SVIO_HOST_FW_ASLEEP;
	post(SVIO_HOST_VIF_RESET, 1, 0, NULL);
	CU_ASSERT_EQUAL(kicks(), 1);
}

/* The descriptors of a request are the mailbox's own, and gone after the answer. */
static void post_with_descriptor_sends_a_copy(void)
{
	int before, fd = eventfd(0, EFD_NONBLOCK);
	struct svio_mailbox_request request = { .type = SVIO_HOST_IRQ_SET,
						.fds = { fd },
						.fd_count = 1 };
	char control[CMSG_SPACE(sizeof(int))];
	struct svio_host_msg msg = { 0 };
	struct iovec iov = { .iov_base = &msg, .iov_len = sizeof(msg) };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	int received = -1;

	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	before = count_descriptors();
	CU_ASSERT_EQUAL(svio_mailbox_post(mailbox, &request), 0);
	CU_ASSERT_EQUAL(recvmsg(firmware_fd, &header, 0), sizeof(msg));
	CU_ASSERT_PTR_NOT_NULL_FATAL(CMSG_FIRSTHDR(&header));
	if (CMSG_FIRSTHDR(&header))
		memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(received));
	CU_ASSERT_EQUAL(count_descriptors(), before + 2);
	close(received);
	reply(&msg, 0);
	CU_ASSERT_EQUAL(count_descriptors(), before);
	close(fd);
}

/* Answered while somebody waits; done comes from the loop, in order. */
static void settle_answers_come_later(void)
{
	struct answers answers = { 0 };
	struct svio_host_msg msg, answer = { .type = SVIO_HOST_REPLY };

	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	post(SVIO_HOST_REG_WRITE, 1, 1, &answers);
	post(SVIO_HOST_REG_WRITE, 1, 2, &answers);
	CU_ASSERT_FALSE(svio_mailbox_settle(mailbox, 1));
	for (int i = 0; i < 2; i++) {
		msg = take();
		answer.seq = msg.seq;
		answer.status = -EPERM * i;
		CU_ASSERT_EQUAL(send(firmware_fd, &answer, sizeof(answer), 0), sizeof(answer));
	}
	CU_ASSERT(svio_mailbox_settle(mailbox, 1000000000));
	CU_ASSERT_EQUAL(answers.count, 0);
	svio_mailbox_detach(mailbox); /* does not change what was answered */
	svio_loop_run_once(loop, -1);
	CU_ASSERT_EQUAL(answers.count, 2);
	CU_ASSERT_EQUAL(answers.last, -EPERM);
}

static void settle_broken_ends_at_once(void)
{
	attach();
	expect(SVIO_HOST_HELLO, 0, 0);
	post(SVIO_HOST_REG_WRITE, 1, 1, NULL);
	shutdown(firmware_fd, SHUT_RDWR);
	CU_ASSERT_FALSE(svio_mailbox_settle(mailbox, UINT64_MAX / 2));
	CU_ASSERT_EQUAL(broken_count, 1);
	CU_ASSERT_PTR_NULL(broken_reason);
}

SVIO_TEST_MAIN_WITH(
	"glue mailbox", setup, teardown, SVIO_TEST(post_answered_calls_done_with_status),
	SVIO_TEST(post_without_firmware_waits_for_one), SVIO_TEST(detach_unanswered_is_sent_again),
	SVIO_TEST(detach_covered_request_is_answered_in_turn),
	SVIO_TEST(detach_during_replay_forgets_the_replay),
	SVIO_TEST(detach_vif_being_deleted_is_not_mentioned), SVIO_TEST(post_many_keeps_the_order),
	SVIO_TEST(free_unanswered_is_canceled), SVIO_TEST(cancel_only_this_vif_is_answered),
	SVIO_TEST(post_from_done_is_sent), SVIO_TEST(reply_broken_is_reported_once),
	SVIO_TEST(reply_unasked_is_reported), SVIO_TEST(refusals_without_end_do_not_fill_the_log),
	SVIO_TEST(settle_answers_come_later), SVIO_TEST(settle_broken_ends_at_once),
	SVIO_TEST(post_firmware_asleep_is_kicked), SVIO_TEST(post_with_descriptor_sends_a_copy))
