/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: DIR/control.sock, mode 0600, SOCK_STREAM. Lines of JSON
 * (docs/admin.md lists the commands):
 *
 *   -> {"cmd": "vif-add", "name": "web", "max_bps": 2500000000}
 *   <- {"ok": true, "result": {...}}
 *   <- {"ok": false, "error": {"code": "EEXIST", "message": "..."}}
 *
 * A client's requests are answered in order, one after the other; an "id" is
 * sent back as it came. Input is bounded, and while a client does not read its
 * answers it is not read from either.
 */
#ifndef SVIO_CONTROL_H
#define SVIO_CONTROL_H

struct svio_control;
struct svio_device;

/* The settings of 4096 VIFs with all their classes (qos-load) are one line. */
#define SVIO_CONTROL_LINE_BYTES  (4 << 20)
#define SVIO_CONTROL_CLIENTS_MAX 64

/* 0 and *control; -errno with a message logged. */
int svio_control_new(struct svio_device *device, const char *run_dir,
		     struct svio_control **control);
/* Hang up: no client and no socket any more. Requests under way may still be answered. */
void svio_control_close(struct svio_control *control);
/* When no request is under way any more. NULL is fine. */
void svio_control_free(struct svio_control *control);

#endif /* SVIO_CONTROL_H */
