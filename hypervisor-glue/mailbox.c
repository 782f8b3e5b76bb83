// SPDX-License-Identifier: BSD-3-Clause
#include "mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"

/* Requests under way at once: enough to keep the firmware busy, few enough for any socket buffer. */
#define IN_FLIGHT_MAX 32
/* A firmware that takes longer is taken for hung. HELLO includes the start of DPDK and the wire. */
#define ANSWER_MAX_NS   3000000000ull
#define HELLO_MAX_NS    20000000000ull
#define POLL_MAX_MS     1000
#define WATCH_PERIOD_US 500000

/* A request that the replay covers: nothing is sent, it is answered in its turn. */
#define TYPE_COVERED 0

struct request {
	TAILQ_ENTRY(request) link;
	struct svio_mailbox_request what;
	uint64_t sent_ns;
	uint32_t seq;
	int status; /* once answered */
	bool sent;
	bool answered; /* but done was not called yet */
	bool replay;
};

TAILQ_HEAD(request_list, request);

struct svio_mailbox {
	struct svio_loop *loop;
	struct svio_host_segment *segment;
	svio_mailbox_broken_fn broken;
	void *context;
	struct request_list requests; /* sent ones first */
	struct request *replay_last;  /* where the next replay goes behind; NULL: to the front */
	struct svio_loop_source *source;
	struct svio_loop_source *watchdog;  /* runs while something is under way */
	struct svio_loop_source *deliverer; /* calls done() for what was answered in settle() */
	uint32_t count;
	uint32_t in_flight;
	uint32_t next_seq;
	int kick_fd;
	int socket; /* -1: no firmware */
	bool going; /* attached and replayed */
	bool want_out;
	bool reported;                   /* broken() was called for this firmware */
	struct svio_log_limit log_limit; /* of refusals: a client can cause them */
};

static void handle_socket(void *context, int fd, uint32_t events);
static void watch(void *context);

struct svio_mailbox *svio_mailbox_new(struct svio_loop *loop, struct svio_host_segment *segment,
				      int kick_fd, svio_mailbox_broken_fn broken, void *context)
{
	struct svio_mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (!mailbox)
		return NULL;
	mailbox->loop = loop;
	mailbox->segment = segment;
	mailbox->kick_fd = kick_fd;
	mailbox->broken = broken;
	mailbox->context = context;
	mailbox->socket = -1;
	TAILQ_INIT(&mailbox->requests);
	return mailbox;
}

static void close_fds(struct request *request)
{
	/* Those of a replay stay their owners'. */
	for (uint32_t i = 0; i < request->what.fd_count && !request->replay; i++)
		close(request->what.fds[i]);
	request->what.fd_count = 0;
}

/* Off the list, without an answer. */
static void drop(struct svio_mailbox *mailbox, struct request *request)
{
	if (mailbox->replay_last == request)
		mailbox->replay_last = TAILQ_PREV(request, request_list, link);
	TAILQ_REMOVE(&mailbox->requests, request, link);
	mailbox->count--;
	if (request->sent && !request->answered)
		mailbox->in_flight--;
	close_fds(request);
	free(request);
}

/* Off the list, answered. done may post new requests. */
static void finish(struct svio_mailbox *mailbox, struct request *request, int status)
{
	svio_mailbox_done_fn done = request->what.done;
	void *context = request->what.context;

	if (status && !done && status != -ECANCELED &&
	    svio_log_allow(&mailbox->log_limit, "firmware"))
		svio_log(SVIO_LOG_WARNING, "firmware refused request %u for VIF slot %d: %s",
			 request->what.type, (int)request->what.vif, strerror(-status));
	drop(mailbox, request);
	if (done)
		done(context, status);
}

void svio_mailbox_free(struct svio_mailbox *mailbox)
{
	struct request *first;

	if (!mailbox)
		return;
	svio_mailbox_detach(mailbox);
	while ((first = TAILQ_FIRST(&mailbox->requests)))
		finish(mailbox, first, first->answered ? first->status : -ECANCELED);
	svio_loop_remove(mailbox->watchdog);
	svio_loop_remove(mailbox->deliverer);
	free(mailbox);
}

static void report_broken(struct svio_mailbox *mailbox, const char *reason)
{
	if (mailbox->reported)
		return;
	mailbox->reported = true;
	/* Level-triggered: what it sends is not looked at any more. */
	svio_loop_remove(mailbox->source);
	mailbox->source = NULL;
	mailbox->broken(mailbox->context, reason);
}

/* The one whose answer comes next. NULL: none is under way. */
static struct request *next_unanswered(struct svio_mailbox *mailbox)
{
	struct request *request = TAILQ_FIRST(&mailbox->requests);

	while (request && request->answered)
		request = TAILQ_NEXT(request, link);
	return request && request->sent ? request : NULL;
}

/* Call done() for those at the head that are answered, or need no answer of this firmware. */
static void deliver(struct svio_mailbox *mailbox)
{
	struct request *first;

	while ((first = TAILQ_FIRST(&mailbox->requests)) &&
	       /* drop() has unlinked the one before; the analyser does not follow tqe_prev. */
	       /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	       (first->answered || (mailbox->going && first->what.type == TYPE_COVERED)))
		finish(mailbox, first, first->status);
}

static void set_want_out(struct svio_mailbox *mailbox, bool want)
{
	if (mailbox->want_out == want || !mailbox->source)
		return;
	mailbox->want_out = want;
	svio_loop_set_events(mailbox->source, EPOLLIN | (want ? EPOLLOUT : 0u));
}

/* 0; -EAGAIN: try again when there is room; another -errno: the firmware is gone or going. */
static int send_request(struct svio_mailbox *mailbox, struct request *request)
{
	const struct svio_mailbox_request *what = &request->what;
	struct svio_host_msg msg = { .type = what->type,
				     .seq = request->seq,
				     .vif = what->vif == SVIO_MAILBOX_NO_VIF ? 0 : what->vif };
	struct iovec iov = { .iov_base = &msg, .iov_len = sizeof(msg) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(what->fds))];
	} control;

	memcpy(msg.arg, what->arg, sizeof(msg.arg));
	if (what->fd_count > 0) {
		size_t bytes = what->fd_count * sizeof(int);
		struct cmsghdr *cmsg = &control.align;

		memset(&control, 0, sizeof(control));
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(bytes);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(cmsg), what->fds, bytes);
	}
	if (sendmsg(mailbox->socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

static void start_watchdog(struct svio_mailbox *mailbox)
{
	if (!mailbox->watchdog)
		mailbox->watchdog = svio_loop_add_timer(mailbox->loop, WATCH_PERIOD_US,
							WATCH_PERIOD_US, watch, mailbox);
}

/* Send what waits, as far as the window and the socket allow. */
static void pump(struct svio_mailbox *mailbox)
{
	struct request *request;
	bool sent = false;
	int status = 0;

	if (!mailbox->going)
		return;
	for (request = TAILQ_FIRST(&mailbox->requests); request;
	     request = TAILQ_NEXT(request, link)) {
		if (request->sent || request->what.type == TYPE_COVERED)
			continue;
		if (mailbox->in_flight >= IN_FLIGHT_MAX)
			break;
		request->seq = ++mailbox->next_seq;
		status = send_request(mailbox, request);
		if (status)
			break;
		request->sent = true;
		request->sent_ns = svio_clock_ns();
		mailbox->in_flight++;
		sent = true;
	}
	/* Too many descriptors under way (ETOOMANYREFS) ends with the next answer. */
	set_want_out(mailbox, status == -EAGAIN);
	if (!sent)
		return;
	start_watchdog(mailbox);
	__atomic_fetch_add(&mailbox->segment->mail, 1, __ATOMIC_RELEASE);
	svio_mailbox_kick(mailbox);
}

void svio_mailbox_kick(struct svio_mailbox *mailbox)
{
	const uint64_t one = 1;

	/*
	 * Dekker: what was stored for the firmware before, then its state. The
	 * firmware stores ASLEEP, then looks once more at what is stored here.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&mailbox->segment->fw_state, __ATOMIC_RELAXED) != SVIO_HOST_FW_ASLEEP)
		return;
	/* Full means that it is kicked already. */
	if (write(mailbox->kick_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		svio_log(SVIO_LOG_ERROR, "cannot kick the firmware: %s", strerror(errno));
}

/* The time that the oldest request under way may take. */
static void watch(void *context)
{
	struct svio_mailbox *mailbox = context;
	struct request *oldest = next_unanswered(mailbox);
	uint64_t max_ns;

	if (!oldest) {
		svio_loop_remove(mailbox->watchdog);
		mailbox->watchdog = NULL;
		return;
	}
	max_ns = oldest->what.type == SVIO_HOST_HELLO ? HELLO_MAX_NS : ANSWER_MAX_NS;
	if (svio_clock_ns() - oldest->sent_ns > max_ns)
		report_broken(mailbox, "it does not answer");
}

static void handle_reply(struct svio_mailbox *mailbox, const struct svio_host_msg *msg)
{
	struct request *request = next_unanswered(mailbox);

	if (msg->type != SVIO_HOST_REPLY) {
		report_broken(mailbox, "it sent a message that is not a reply");
		return;
	}
	if (!request || request->seq != msg->seq) {
		report_broken(mailbox, "it answered a request that was not next");
		return;
	}
	if (msg->status > 0 || msg->status < -4095) {
		report_broken(mailbox, "its reply has an impossible status");
		return;
	}
	request->status = msg->status;
	request->answered = true;
	mailbox->in_flight--;
}

/* Take one reply. False: none is there, or nothing more will be read. */
static bool receive(struct svio_mailbox *mailbox)
{
	struct svio_host_msg msg;
	ssize_t bytes;

	if (!mailbox->source)
		return false;
	/* No room for control data: descriptors that it might send are dropped. */
	bytes = recv(mailbox->socket, &msg, sizeof(msg), MSG_DONTWAIT | MSG_TRUNC);
	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (bytes <= 0)
		report_broken(mailbox, NULL); /* most often because it has just died */
	else if (bytes != sizeof(msg))
		report_broken(mailbox, "it sent a message of a wrong size");
	else
		handle_reply(mailbox, &msg);
	return true;
}

static void handle_socket(void *context, int fd, uint32_t events)
{
	struct svio_mailbox *mailbox = context;

	(void)events;
	/* A done() may end this firmware or meet its death: then the socket is another or none. */
	while (mailbox->socket == fd && receive(mailbox))
		deliver(mailbox);
	pump(mailbox);
}

static void handle_deliverer(void *context)
{
	struct svio_mailbox *mailbox = context;

	svio_loop_remove(mailbox->deliverer);
	mailbox->deliverer = NULL;
	deliver(mailbox);
	pump(mailbox);
}

bool svio_mailbox_settle(struct svio_mailbox *mailbox, uint64_t max_ns)
{
	uint64_t start_ns = svio_clock_ns(), waited_ns = 0;

	pump(mailbox);
	while (mailbox->source && mailbox->in_flight > 0 && waited_ns < max_ns) {
		struct pollfd pollfd = { .fd = mailbox->socket, .events = POLLIN };

		uint64_t left_ms = (max_ns - waited_ns) / 1000000 + 1;

		poll(&pollfd, 1, left_ms < POLL_MAX_MS ? (int)left_ms : POLL_MAX_MS);
		while (receive(mailbox))
			;
		pump(mailbox);
		waited_ns = svio_clock_ns() - start_ns;
	}
	/* Not from here: the caller is in the middle of something. */
	if (!mailbox->deliverer)
		mailbox->deliverer =
			svio_loop_add_timer(mailbox->loop, 0, 0, handle_deliverer, mailbox);
	return mailbox->in_flight == 0;
}

/* What the replay says anyway. */
static bool is_covered(uint32_t type)
{
	switch (type) {
	case SVIO_HOST_OBJECT_ADD:
	case SVIO_HOST_OBJECT_DEL:
	case SVIO_HOST_OBJECT_REVOKE: /* a new firmware has lent nothing */
	case SVIO_HOST_VIF_ADD:
	case SVIO_HOST_VIF_UPDATE:
	case SVIO_HOST_IRQ_SET:
	case SVIO_HOST_GROUP_SET:
	case SVIO_HOST_GROUP_DEL:
		return true;
	default:
		return false;
	}
}

#define VIF_WORDS (SVIO_HOST_VIFS_MAX / 64)

static bool has_bit(const uint64_t bits[VIF_WORDS], uint32_t vif)
{
	return vif < SVIO_HOST_VIFS_MAX && (bits[vif / 64] >> (vif % 64) & 1);
}

/* The VIFs that are being deleted: the replay leaves them out, so nothing is to be said of them. */
static void find_deleted(const struct svio_mailbox *mailbox, uint64_t bits[VIF_WORDS])
{
	const struct request *request;

	for (request = TAILQ_FIRST(&mailbox->requests); request;
	     request = TAILQ_NEXT(request, link))
		if (request->what.type == SVIO_HOST_VIF_DEL &&
		    request->what.vif < SVIO_HOST_VIFS_MAX)
			bits[request->what.vif / 64] |= 1ull << (request->what.vif % 64);
}

/* What waits and will be in the replay: not said twice, and answered only if someone listens. */
static void cover_requests(struct svio_mailbox *mailbox)
{
	uint64_t deleted[VIF_WORDS] = { 0 };
	struct request *request, *next;

	find_deleted(mailbox, deleted);
	for (request = TAILQ_FIRST(&mailbox->requests); request; request = next) {
		next = TAILQ_NEXT(request, link);
		if (!request->answered &&
		    (is_covered(request->what.type) || has_bit(deleted, request->what.vif))) {
			request->what.type = TYPE_COVERED;
			close_fds(request);
		}
		if (request->what.type == TYPE_COVERED && !request->what.done)
			drop(mailbox, request);
	}
}

int svio_mailbox_attach(struct svio_mailbox *mailbox, int socket)
{
	svio_mailbox_detach(mailbox);
	deliver(mailbox); /* before the replay is made: it may end VIFs and objects */
	mailbox->source = svio_loop_add_fd(mailbox->loop, socket, EPOLLIN, handle_socket, mailbox);
	if (!mailbox->source) {
		int error = errno;

		close(socket);
		return -error;
	}
	mailbox->socket = socket;
	mailbox->want_out = false;
	mailbox->reported = false;
	mailbox->replay_last = NULL;
	cover_requests(mailbox);
	return 0;
}

void svio_mailbox_go(struct svio_mailbox *mailbox)
{
	mailbox->going = true;
	pump(mailbox);
}

void svio_mailbox_detach(struct svio_mailbox *mailbox)
{
	struct request *request, *next;

	if (!mailbox || mailbox->socket < 0)
		return;
	svio_loop_remove(mailbox->source);
	mailbox->source = NULL;
	close(mailbox->socket);
	mailbox->socket = -1;
	mailbox->going = false;
	mailbox->in_flight = 0;
	for (request = TAILQ_FIRST(&mailbox->requests); request; request = next) {
		next = TAILQ_NEXT(request, link);
		request->sent = request->answered;
		if (request->replay) /* was for this firmware alone */
			drop(mailbox, request);
	}
}

static struct request *new_request(const struct svio_mailbox_request *what)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request) {
		errno = ENOMEM;
		return NULL;
	}
	request->what = *what;
	return request;
}

static struct request *new_request_with_copies(const struct svio_mailbox_request *what)
{
	struct request *request = new_request(what);

	if (!request)
		return NULL;
	request->what.fd_count = 0;
	for (uint32_t i = 0; i < what->fd_count; i++) {
		int fd = fcntl(what->fds[i], F_DUPFD_CLOEXEC, 3);

		if (fd < 0) {
			int error = errno;

			close_fds(request);
			free(request);
			errno = error;
			return NULL;
		}
		request->what.fds[request->what.fd_count++] = fd;
	}
	return request;
}

int svio_mailbox_replay(struct svio_mailbox *mailbox, const struct svio_mailbox_request *what)
{
	struct request *request = new_request(what);

	if (!request)
		return -errno;
	if (mailbox->replay_last)
		TAILQ_INSERT_AFTER(&mailbox->requests, mailbox->replay_last, request, link);
	else
		TAILQ_INSERT_HEAD(&mailbox->requests, request, link);
	request->replay = true;
	mailbox->replay_last = request;
	mailbox->count++;
	return 0;
}

void svio_mailbox_revoke(struct svio_mailbox *mailbox, int fd)
{
	struct request *request;

	for (request = TAILQ_FIRST(&mailbox->requests); request && request->replay;
	     request = TAILQ_NEXT(request, link))
		for (uint32_t i = 0; i < request->what.fd_count; i++)
			if (request->what.fds[i] == fd)
				request->what.fd_count = 0;
}

int svio_mailbox_post(struct svio_mailbox *mailbox, const struct svio_mailbox_request *what)
{
	struct request *request;

	if (mailbox->socket < 0 && !what->done && is_covered(what->type))
		return 0; /* the next firmware hears of it in its replay */
	request = new_request_with_copies(what);
	if (!request)
		return -errno;
	TAILQ_INSERT_TAIL(&mailbox->requests, request, link);
	mailbox->count++;
	pump(mailbox);
	return 0;
}

static struct request *find_client_request(struct svio_mailbox *mailbox, uint32_t vif)
{
	struct request *request;

	for (request = TAILQ_FIRST(&mailbox->requests); request;
	     request = TAILQ_NEXT(request, link))
		if (request->what.vif == vif && request->what.for_client && request->what.done)
			return request;
	return NULL;
}

void svio_mailbox_cancel(struct svio_mailbox *mailbox, uint32_t vif)
{
	struct request *request;

	while ((request = find_client_request(mailbox, vif))) {
		svio_mailbox_done_fn done = request->what.done;

		request->what.done = NULL;
		done(request->what.context, -ECANCELED); /* may change the list */
	}
}

void svio_mailbox_forget(struct svio_mailbox *mailbox, const void *context)
{
	struct request *request;

	for (request = TAILQ_FIRST(&mailbox->requests); request;
	     request = TAILQ_NEXT(request, link))
		if (request->what.context == context)
			request->what.done = NULL;
}

uint32_t svio_mailbox_pending(const struct svio_mailbox *mailbox)
{
	return mailbox->count;
}
