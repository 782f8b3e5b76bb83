// SPDX-License-Identifier: BSD-3-Clause
/*
 * "VFIO_USER_VERSION" of the specification. Not offered: twin_socket (we send
 * no requests), write_multiple, migration (no client uses it yet).
 */
#include "version.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "vfio_user_proto.h"

#define JSON_DEPTH_MAX 8

/*
 * Capabilities whose type is checked. Those with a value are answered, in this
 * order: the last ones are left out first where room is short.
 */
static const struct capability {
	const char *name;
	enum json_type type;
	int64_t value; /* ours; 0: not answered */
} capabilities[] = {
	{ "max_msg_fds", json_type_int, VFIO_USER_FDS_MAX },
	{ "max_data_xfer_size", json_type_int, VFIO_USER_DATA_BYTES_MAX },
	{ "pgsizes", json_type_int, VFIO_USER_PAGE_BYTES },
	{ "max_dma_maps", json_type_int, VFIO_USER_DMA_MAPS_MAX },
	{ "twin_socket", json_type_object, 0 },
	{ "write_multiple", json_type_boolean, 0 },
	{ "migration", json_type_object, 0 },
};

#define CAPABILITY_COUNT      (sizeof(capabilities) / sizeof(capabilities[0]))
#define CAPABILITY_MSG_FDS    0
#define CAPABILITY_DATA_BYTES 1
#define CAPABILITY_PGSIZES    2

/* The JSON object in text, which is length bytes without its NUL; NULL: it is none. */
static struct json_object *parse_object(const char *text, size_t length)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	struct json_object *object;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* NULL where more is to come, too; strict refuses what comes after the object. */
	object = json_tokener_parse_ex(tokener, text, (int)length);
	json_tokener_free(tokener);
	if (json_object_is_type(object, json_type_object))
		return object;
	json_object_put(object);
	return NULL;
}

static int check_value(size_t index, int64_t value, struct bus_version *version)
{
	if (value < 0)
		return -EINVAL;
	switch (index) {
	case CAPABILITY_MSG_FDS:
		version->fds_max = value > VFIO_USER_FDS_MAX ? VFIO_USER_FDS_MAX : (uint32_t)value;
		return 0;
	case CAPABILITY_DATA_BYTES:
		version->data_bytes_max = (uint64_t)value;
		return 0;
	case CAPABILITY_PGSIZES:
		/* Maps of other pages only could not be entered into our page tables. */
		return value & VFIO_USER_PAGE_BYTES ? 0 : -EINVAL;
	default:
		return 0;
	}
}

static int check_capabilities(struct json_object *object, struct bus_version *version)
{
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		struct json_object *value;
		int status = 0;

		if (!json_object_object_get_ex(object, capabilities[i].name, &value))
			continue;
		if (!json_object_is_type(value, capabilities[i].type))
			return -EINVAL;
		if (capabilities[i].type == json_type_int)
			status = check_value(i, json_object_get_int64(value), version);
		if (status)
			return status;
		version->proposed |= 1u << i;
	}
	return 0;
}

static int check_json(const char *text, size_t bytes, struct bus_version *version)
{
	struct json_object *root, *object;
	int status = 0;

	/* Exactly one NUL, and it is the last byte. */
	if (memchr(text, 0, bytes) != text + bytes - 1)
		return -EINVAL;
	root = parse_object(text, bytes - 1);
	if (!root)
		return -EINVAL;
	if (json_object_object_get_ex(root, "capabilities", &object)) {
		status = json_object_is_type(object, json_type_object)
				 ? check_capabilities(object, version)
				 : -EINVAL;
	}
	json_object_put(root);
	return status;
}

int bus_version_parse(const uint8_t *payload, size_t bytes, struct bus_version *version)
{
	struct vfio_user_version wire;

	*version = (struct bus_version){ .fds_max = VFIO_USER_FDS_MAX_DEFAULT,
					 .data_bytes_max = VFIO_USER_DATA_BYTES_MAX };
	if (bytes < sizeof(wire) || bytes > VFIO_USER_DATA_BYTES_MAX)
		return -EINVAL;
	memcpy(&wire, payload, sizeof(wire));
	if (wire.major != VFIO_USER_MAJOR)
		return -EINVAL;
	if (bytes == sizeof(wire))
		return 0;
	return check_json((const char *)payload + sizeof(wire), bytes - sizeof(wire), version);
}

/* Write the capabilities of mask into text; returns the length with NUL, 0: it has no room. */
static size_t print_capabilities(uint32_t mask, char *text, size_t room)
{
	struct json_object *root = json_object_new_object();
	struct json_object *object = json_object_new_object();
	const char *printed;
	size_t bytes = 0;

	if (root && object) {
		for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
			if (mask & 1u << i)
				json_object_object_add(
					object, capabilities[i].name,
					json_object_new_int64(capabilities[i].value));
		}
		json_object_object_add(root, "capabilities", object);
		object = NULL;
		printed = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
		if (printed && strlen(printed) + 1 <= room) {
			bytes = strlen(printed) + 1;
			memcpy(text, printed, bytes);
		}
	}
	json_object_put(object);
	json_object_put(root);
	return bytes;
}

size_t bus_version_reply(const struct bus_version *version, uint8_t reply[BUS_VERSION_REPLY_BYTES],
			 size_t room)
{
	const struct vfio_user_version wire = { VFIO_USER_MAJOR, VFIO_USER_MINOR };
	uint32_t mask = 0;
	size_t text_bytes = 0;

	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		if (capabilities[i].value)
			mask |= version->proposed & 1u << i;
	}
	if (room > BUS_VERSION_REPLY_BYTES)
		room = BUS_VERSION_REPLY_BYTES;
	memcpy(reply, &wire, sizeof(wire));
	for (size_t i = CAPABILITY_COUNT; mask && i-- > 0 && !text_bytes; mask &= ~(1u << i))
		text_bytes =
			print_capabilities(mask, (char *)reply + sizeof(wire), room - sizeof(wire));
	return sizeof(wire) + text_bytes;
}
