/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware process: started, watched, buried and started again.
 *
 *             started()             svio_fw_process_ready()
 *   WAITING ------------> STARTING -------------------------> READY
 *      ^                     |                                  |
 *      +---------------------+----------- gone() ---------------+
 *
 * The first restart after a crash is at once. A process that dies within a
 * second of its start, several times in a row, is started more and more slowly
 * (up to 10 s apart), for ever: the guests' VIFs wait for it.
 *
 * svio-fw is called as: svio-fw --host-fd 3 --wire SPEC [--irq MODE]. Descriptor 3 is its
 * end of the SOCK_SEQPACKET pair; everything else comes through it. It ends
 * with status 0 after STOP or when the other end closes, 2 when it does not
 * know these options, 3 when it cannot open the wire, 4 when the segment is of
 * another version.
 */
#ifndef SVIO_FIRMWARE_PROCESS_H
#define SVIO_FIRMWARE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct svio_fw_process;
struct svio_loop;

#define SVIO_FW_EXIT_USAGE   2
#define SVIO_FW_EXIT_WIRE    3
#define SVIO_FW_EXIT_VERSION 4

struct svio_fw_process_ops {
	/* A process was started; socket is our end of the pair and now the callee's. */
	void (*started)(void *context, int socket);
	/* It is gone, reaped; nothing of it runs any more. A new one follows. */
	void (*gone)(void *context);
	/* It cannot work at all (first start only): no new one follows. */
	void (*failed)(void *context);
};

/*
 * Start the firmware at path with this wire and way of interrupts, or NULL (all kept by the
 * caller).
 * 0: started() was called or will be; -ENOENT, -EACCES, ...: no such program,
 * logged; other -errno: out of something.
 */
int svio_fw_process_new(struct svio_loop *loop, const char *path, const char *wire, const char *irq,
			const struct svio_fw_process_ops *ops, void *context,
			struct svio_fw_process **process);
/* Wait a moment for it to end by itself (STOP was sent), then end it. No callback is called. */
void svio_fw_process_free(struct svio_fw_process *process);

/* STOP was sent: its end is wanted, and no other is started. */
void svio_fw_process_stopping(struct svio_fw_process *process);

/* It has answered HELLO. */
void svio_fw_process_ready(struct svio_fw_process *process);
bool svio_fw_process_is_ready(const struct svio_fw_process *process);

/* End it (SIGKILL); gone() follows from the loop. reason goes to the log; NULL: no line. */
void svio_fw_process_kill(struct svio_fw_process *process, const char *reason);

/*
 * It has said that it cannot go on: let it end by itself, because its status
 * tells why; but not for ever. reason: static text.
 */
void svio_fw_process_let_end(struct svio_fw_process *process, const char *reason);

/* Does any of it still run? Never waits. */
bool svio_fw_process_runs(const struct svio_fw_process *process);

pid_t svio_fw_process_pid(const struct svio_fw_process *process); /* 0: none */
uint32_t svio_fw_process_restarts(const struct svio_fw_process *process);

#endif /* SVIO_FIRMWARE_PROCESS_H */
