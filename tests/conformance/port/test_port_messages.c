/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-fw's side of svio_host.h, message by message, against the real program. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "svio_test.h"

#include "fake_sviod.h"

static struct fake_sviod f;

static void setup(void)
{
	fake_open(&f);
}

static void teardown(void)
{
	fake_close(&f);
}

static void hello_fresh_segment_is_ready(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(f.segment->fw_generation, 1);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
	CU_ASSERT_STRING_EQUAL(fake_log(&f), "");
}

static void hello_wrong_version_exits_4(void)
{
	f.segment->version = SVIO_HOST_VERSION + 1;
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), -EPROTO);
	CU_ASSERT_EQUAL(fake_wait(&f), 4);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_log(&f), "of one build"));
}

static void hello_wrong_layout_exits_4(void)
{
	f.segment->vifs_offset = f.segment_bytes - 64;
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), -EPROTO);
	CU_ASSERT_EQUAL(fake_wait(&f), 4);
}

static void hello_without_descriptors_exits_4(void)
{
	struct svio_host_msg hello = { .type = SVIO_HOST_HELLO };

	fake_spawn(&f, "null", NULL);
	CU_ASSERT_EQUAL(fake_ask(&f, hello, NULL, 0), -EPROTO);
	CU_ASSERT_EQUAL(fake_wait(&f), 4);
}

static void hello_never_sent_exits_clean(void)
{
	fake_spawn(&f, "null", NULL);
	close(f.socket);
	f.socket = -1;
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
}

static void socket_closed_exits_clean(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	close(f.socket);
	f.socket = -1;
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
}

static void sigterm_exits_clean(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
	CU_ASSERT_EQUAL(fake_kill(&f, SIGTERM), 0);
}

static void sigterm_busy_exits_clean(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", "--poll=busy"), 0);
	CU_ASSERT_EQUAL(fake_kill(&f, SIGTERM), 0);
}

static void sigint_is_ignored(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	kill(f.pid, SIGINT);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
}

static void restart_goes_on_with_the_segment(void)
{
	int i;

	for (i = 1; i <= 3; i++) {
		CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
		CU_ASSERT_EQUAL(f.segment->fw_generation, i);
		CU_ASSERT_EQUAL(fake_vif_add(&f, 3), 0);
		CU_ASSERT_EQUAL(fake_kill(&f, SIGKILL), -SIGKILL);
	}
}

static int object_add(uint64_t object, uint64_t bytes, uint64_t writable, int fd)
{
	struct svio_host_msg msg = { .type = SVIO_HOST_OBJECT_ADD,
				     .arg = { object, bytes, writable } };

	return fake_ask(&f, msg, &fd, fd >= 0 ? 1 : 0);
}

static void object_add_del_and_repeat(void)
{
	int fd = fake_memory(1 << 21);

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(object_add(7, 1 << 21, 1, fd), 0);
	CU_ASSERT_EQUAL(object_add(7, 1 << 21, 1, fd), 0);
	CU_ASSERT_EQUAL(object_add(65534, 4096, 0, fd), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_OBJECT_DEL, 0, 7, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_OBJECT_DEL, 0, 7, 0), -ENOENT);
	close(fd);
}

static void object_add_nonsense_is_refused(void)
{
	int fd = fake_memory(8192);

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(object_add(65535, 4096, 1, fd), -EINVAL);
	CU_ASSERT_EQUAL(object_add(1ull << 40, 4096, 1, fd), -EINVAL);
	CU_ASSERT_EQUAL(object_add(1, 0, 1, fd), -EINVAL);
	CU_ASSERT_EQUAL(object_add(1, 8193, 1, fd), -EINVAL);
	CU_ASSERT_EQUAL(object_add(1, UINT64_MAX, 1, fd), -EINVAL);
	CU_ASSERT_EQUAL(object_add(1, 4096, 2, fd), -EINVAL);
	CU_ASSERT_EQUAL(object_add(1, 4096, 1, -1), -EINVAL);
	CU_ASSERT_EQUAL(object_add(1, 4096, 1, f.kick_fd), -EINVAL);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_OBJECT_DEL, 0, 70000, 0), -ENOENT);
	close(fd);
}

static void vif_life_cycle(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 5), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 5), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_VIF_UPDATE, 5, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_VIF_RESET, 5, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_VIF_DEL, 5, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_VIF_UPDATE, 5, 0, 0), -ENODEV);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_VIF_DEL, 5, 0, 0), -ENODEV);
}

static void vif_out_of_range_is_refused(void)
{
	static const uint32_t types[] = { SVIO_HOST_VIF_DEL, SVIO_HOST_VIF_UPDATE,
					  SVIO_HOST_VIF_RESET, SVIO_HOST_REG_WRITE,
					  SVIO_HOST_IRQ_SET };
	struct svio_host_msg add = { .type = SVIO_HOST_VIF_ADD, .vif = FAKE_VIFS_MAX };
	size_t i;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		CU_ASSERT_EQUAL(fake_ask_plain(&f, types[i], FAKE_VIFS_MAX, 0, 0), -EINVAL);
		CU_ASSERT_EQUAL(fake_ask_plain(&f, types[i], UINT32_MAX, 0, 0), -EINVAL);
	}
	CU_ASSERT_EQUAL(fake_ask(&f, add, &f.segment_fd, 1), -EINVAL);
}

static void vif_add_without_doorbells_is_refused(void)
{
	struct svio_host_msg add = { .type = SVIO_HOST_VIF_ADD, .vif = 1 };
	int small = fake_memory(4096);

	f.vifs[1].in_use = 1;
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_ask(&f, add, NULL, 0), -EINVAL);
	CU_ASSERT_EQUAL(fake_ask(&f, add, &small, 1), -EINVAL);
	CU_ASSERT_EQUAL(fake_ask(&f, add, &f.kick_fd, 1), -EINVAL);
	close(small);
}

static void reg_write_beyond_32_bits_is_refused(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_REG_WRITE, 0, 1ull << 32, 0), -EINVAL);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_REG_WRITE, 0, 0, 1ull << 32), -EINVAL);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_REG_WRITE, 1, 0, 0), -ENODEV);
}

static int irq_set(uint32_t vif, uint64_t vector, int fd)
{
	struct svio_host_msg msg = { .type = SVIO_HOST_IRQ_SET, .vif = vif, .arg = { vector } };

	return fake_ask(&f, msg, &fd, fd >= 0 ? 1 : 0);
}

static void irq_set_with_pending_bit_signals(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t count = 0;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 2), 0);
	/* As a firmware that died before the vector had its eventfd would have left it. */
	f.vifs[2].pending = 1ull << 63 | 1ull << 4 | 1;
	CU_ASSERT_EQUAL(irq_set(2, 4, fd), 0);
	CU_ASSERT_EQUAL(read(fd, &count, sizeof(count)), (ssize_t)sizeof(count));
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(f.vifs[2].pending, 1ull << 63 | 1);
	CU_ASSERT_EQUAL(irq_set(2, 5, fd), 0);
	CU_ASSERT_EQUAL(read(fd, &count, sizeof(count)), -1);
	close(fd);
}

/* A client can take O_NONBLOCK from the eventfd that it shares with us, and fill it. */
static void irq_that_would_wait_is_given_up(void)
{
	const uint64_t full = UINT64_MAX - 1;
	int blocking = eventfd(0, 0), other = eventfd(0, EFD_NONBLOCK);

	CU_ASSERT_EQUAL(write(blocking, &full, sizeof(full)), (ssize_t)sizeof(full));
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 0), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 1), 0);
	f.vifs[0].pending = 1;
	CU_ASSERT_EQUAL(irq_set(0, 0, blocking), 0);
	CU_ASSERT_EQUAL(f.vifs[0].pending, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_log(&f), "made us wait"));
	CU_ASSERT_EQUAL(irq_set(0, 1, other), -EPERM);
	CU_ASSERT_EQUAL(irq_set(0, 1, -1), 0);
	CU_ASSERT_EQUAL(irq_set(1, 0, other), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_VIF_DEL, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 0), 0);
	CU_ASSERT_EQUAL(irq_set(0, 1, other), 0);
	close(blocking);
	close(other);
}

static void irq_set_nonsense_is_refused(void)
{
	int fds[2] = { f.kick_fd, f.kick_fd };
	struct svio_host_msg two = { .type = SVIO_HOST_IRQ_SET };

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(irq_set(0, 64, f.kick_fd), -EINVAL);
	CU_ASSERT_EQUAL(irq_set(0, UINT64_MAX, -1), -EINVAL);
	CU_ASSERT_EQUAL(fake_ask(&f, two, fds, 2), -EINVAL);
	CU_ASSERT_EQUAL(irq_set(0, 63, -1), 0);
}

static int group_set(uint64_t group)
{
	return fake_ask_plain(&f, SVIO_HOST_GROUP_SET, 0, group, 0);
}

static void groups_come_change_and_go(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	f.segment->group[1].in_use = 1;
	f.segment->group[2].in_use = 1;
	f.segment->group[2].parent = 1;
	CU_ASSERT_EQUAL(group_set(2), -EINVAL); /* before its parent */
	CU_ASSERT_EQUAL(group_set(1), 0);
	CU_ASSERT_EQUAL(group_set(1), 0);
	CU_ASSERT_EQUAL(group_set(2), 0);
	f.vifs[0].qos.group = 2;
	CU_ASSERT_EQUAL(fake_vif_add(&f, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_GROUP_DEL, 0, 2, 0), -EBUSY);
	f.vifs[0].qos.group = 0;
	f.vifs[0].qos.classes = 8;
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_VIF_UPDATE, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_GROUP_DEL, 0, 2, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_GROUP_DEL, 0, 2, 0), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_GROUP_DEL, 0, 0, 0), -EINVAL);
	/* The number has 64 bits: none of them is cut off. */
	CU_ASSERT_EQUAL(group_set(1 | 1ull << 32), -EINVAL);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_GROUP_DEL, 0, 1 | 1ull << 32, 0), -EINVAL);
}

static void qos_read_writes_what_nodes_do(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 0), 0);
	f.segment->group[0].live.state = 99;
	f.vifs[0].live.state = 99;
	f.vifs[1].live.state = 99; /* not added */
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_QOS_READ, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(f.segment->group[0].live.state, SVIO_HOST_QOS_IDLE);
	CU_ASSERT_EQUAL(f.vifs[0].live.state, SVIO_HOST_QOS_IDLE);
	CU_ASSERT_EQUAL(f.vifs[1].live.state, 99);
}

static void message_unknown_or_malformed_is_survived(void)
{
	static const uint32_t types[] = {
		0, SVIO_HOST_HELLO, 14, 127, SVIO_HOST_REPLY, UINT32_MAX
	};
	struct svio_host_msg reserved = { .type = SVIO_HOST_STOP, .reserved = { 1 } };
	int five[5] = { f.kick_fd, f.kick_fd, f.kick_fd, f.kick_fd, f.kick_fd };
	char bytes[100] = { SVIO_HOST_STOP };
	size_t i;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		CU_ASSERT_EQUAL(fake_ask_plain(&f, types[i], 0, 0, 0), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(fake_ask(&f, reserved, NULL, 0), -EINVAL);
	fake_send_raw(&f, bytes, 63, NULL, 0);
	fake_send_raw(&f, bytes, 65, NULL, 0);
	fake_send_raw(&f, bytes, 64, five, 5);
	fake_send_raw(&f, bytes, 64, five, 4);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 0), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_log(&f), "ignored"));
}

/* A guest can cause refusals as often as it likes: the log does not fill with them. */
static void refusals_without_end_do_not_fill_the_log(void)
{
	const char *line;
	int lines = 0;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	for (int i = 0; i < 200; i++)
		CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_OBJECT_DEL, 0, 1, 0), -ENOENT);
	for (line = fake_log(&f); (line = strchr(line, '\n')); line++)
		lines++;
	CU_ASSERT(lines > 1);
	CU_ASSERT(lines < 100);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_log(&f), "left out"));
}

static void descriptors_of_refused_messages_are_closed(void)
{
	int i, fds[3] = { f.kick_fd, f.kick_fd, f.kick_fd };

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	/* A process may have 1024: a leak of three each would end it. */
	for (i = 0; i < 1000; i++) {
		struct svio_host_msg msg = { .type = SVIO_HOST_STOP, .reserved = { 1 } };

		if (fake_ask(&f, msg, fds, 3) != -EINVAL)
			break;
	}
	CU_ASSERT_EQUAL(i, 1000);
	CU_ASSERT_EQUAL(irq_set(0, 1, f.kick_fd), 0);
}

static void many_messages_are_answered_in_order(void)
{
	struct svio_host_msg msg = { .type = SVIO_HOST_IRQ_SET }, reply;
	uint32_t i;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	for (i = 0; i < 100; i++) {
		msg.seq = 1000 + i;
		fake_send_raw(&f, &msg, sizeof(msg), NULL, 0);
	}
	for (i = 0; i < 100 && fake_receive(&f, &reply) == 0; i++)
		CU_ASSERT_EQUAL(reply.seq, 1000 + i);
	CU_ASSERT_EQUAL(i, 100);
}

SVIO_TEST_MAIN_WITH("svio-fw messages", setup, teardown, SVIO_TEST(hello_fresh_segment_is_ready),
		    SVIO_TEST(hello_wrong_version_exits_4), SVIO_TEST(hello_wrong_layout_exits_4),
		    SVIO_TEST(hello_without_descriptors_exits_4),
		    SVIO_TEST(hello_never_sent_exits_clean), SVIO_TEST(socket_closed_exits_clean),
		    SVIO_TEST(sigterm_exits_clean), SVIO_TEST(sigterm_busy_exits_clean),
		    SVIO_TEST(sigint_is_ignored), SVIO_TEST(restart_goes_on_with_the_segment),
		    SVIO_TEST(object_add_del_and_repeat), SVIO_TEST(object_add_nonsense_is_refused),
		    SVIO_TEST(vif_life_cycle), SVIO_TEST(vif_out_of_range_is_refused),
		    SVIO_TEST(vif_add_without_doorbells_is_refused),
		    SVIO_TEST(reg_write_beyond_32_bits_is_refused),
		    SVIO_TEST(irq_set_with_pending_bit_signals),
		    SVIO_TEST(irq_that_would_wait_is_given_up),
		    SVIO_TEST(irq_set_nonsense_is_refused), SVIO_TEST(groups_come_change_and_go),
		    SVIO_TEST(qos_read_writes_what_nodes_do),
		    SVIO_TEST(message_unknown_or_malformed_is_survived),
		    SVIO_TEST(refusals_without_end_do_not_fill_the_log),
		    SVIO_TEST(descriptors_of_refused_messages_are_closed),
		    SVIO_TEST(many_messages_are_answered_in_order))
