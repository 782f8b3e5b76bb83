/* SPDX-License-Identifier: BSD-3-Clause */
/* A vfio-user client for tests: sends anything, checks the form of each reply. One thread. */
#ifndef VFIO_CLIENT_H
#define VFIO_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio_user_proto.h"

/* How long an answer that must come may take before the test fails; far more than it takes. */
#define CLIENT_PATIENCE_MS 60000

/* Where clients connect to. Set by the test. */
extern char client_path[96];
/* Called while a client waits, where the server runs in this same thread; may be NULL. */
extern void (*client_pump)(void);

struct client {
	int fd;
	uint16_t next_id;
};

struct reply {
	bool closed; /* the server has closed instead */
	struct vfio_user_header header;
	uint8_t payload[16384];
	size_t payload_bytes;
	int fd; /* the first descriptor that came, or -1; the test closes it */
	size_t fd_count;
};

struct client client_connect(void);
void client_close(struct client *client);

/* Send bytes, with descriptors (fd_count may be 0). */
void client_send_bytes(struct client *client, const void *bytes, size_t count, const int *fds,
		       size_t fd_count);
/* Send a command with flags (0, VFIO_USER_NO_REPLY, ...); returns its id. */
uint16_t client_send(struct client *client, uint16_t command, uint32_t flags, const void *payload,
		     size_t bytes, const int *fds, size_t fd_count);
/* Wait for one reply or the close. */
void client_receive(struct client *client, struct reply *reply);
/* True when nothing is there to receive after the pump has run. */
bool client_is_silent(struct client *client);

/* Send a command, wait for its reply and check that it belongs to it. Returns the errno, 0: none. */
int client_ask(struct client *client, uint16_t command, const void *payload, size_t bytes,
	       struct reply *reply);
int client_ask_fds(struct client *client, uint16_t command, const void *payload, size_t bytes,
		   const int *fds, size_t fd_count, struct reply *reply);

/* What QEMU sends first. */
extern const char client_qemu_json[];
/* VERSION with this JSON text, NUL added; NULL: none. Returns the errno. */
int client_version(struct client *client, const char *json, struct reply *reply);
/* Connect and shake hands as QEMU does. */
struct client client_ready(void);

int client_map(struct client *client, uint64_t iova, uint64_t bytes, int fd, uint64_t offset,
	       uint32_t flags);
int client_unmap(struct client *client, uint64_t iova, uint64_t bytes, uint32_t flags);
int client_set_irqs(struct client *client, uint32_t flags, uint32_t index, uint32_t start,
		    uint32_t count, const int *fds, size_t fd_count);
int client_region_read(struct client *client, uint32_t region, uint64_t offset, void *data,
		       uint32_t bytes);
int client_region_write(struct client *client, uint32_t region, uint64_t offset, const void *data,
			uint32_t bytes);
uint32_t client_config_read(struct client *client, uint64_t offset, uint32_t bytes);
void client_config_write(struct client *client, uint64_t offset, uint32_t value, uint32_t bytes);

/* A memfd of that size; the test closes it. */
int client_memory(size_t bytes);

#endif /* VFIO_CLIENT_H */
