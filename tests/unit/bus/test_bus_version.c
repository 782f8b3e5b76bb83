// SPDX-License-Identifier: BSD-3-Clause
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "svio_test.h"
#include "vfio_user_proto.h"

static uint8_t payload[1024];

static int parse(const char *json, struct bus_version *version)
{
	memset(payload, 0, sizeof(payload));
	snprintf((char *)payload + 4, sizeof(payload) - 4, "%s", json);
	return bus_version_parse(payload, 4 + strlen(json) + 1, version);
}

static void parse_nothing_gives_defaults(void)
{
	struct bus_version version;

	memset(payload, 0, sizeof(payload));
	CU_ASSERT_EQUAL(bus_version_parse(payload, 4, &version), 0);
	CU_ASSERT_EQUAL(version.fds_max, 1);
	CU_ASSERT_EQUAL(version.data_bytes_max, 1048576);
	CU_ASSERT_EQUAL(parse("{}", &version), 0);
	CU_ASSERT_EQUAL(parse(" { } \n", &version), 0);
	CU_ASSERT_EQUAL(parse("{} {}", &version), -EINVAL);
	CU_ASSERT_EQUAL(parse("{\"capabilities\":{}, \"other\":[1,{\"a\":null}]}", &version), 0);
	CU_ASSERT_EQUAL(version.proposed, 0);
}

static void parse_limits_are_kept(void)
{
	struct bus_version version;

	CU_ASSERT_EQUAL(parse("{\"capabilities\":{\"max_msg_fds\":0,\"max_data_xfer_size\":4096,"
			      "\"pgsizes\":2101248,\"new_thing\":\"x\"}}",
			      &version),
			0);
	CU_ASSERT_EQUAL(version.fds_max, 0);
	CU_ASSERT_EQUAL(version.data_bytes_max, 4096);
	CU_ASSERT_EQUAL(
		parse("{\"capabilities\":{\"max_msg_fds\":99999999999999999999}}", &version), 0);
	CU_ASSERT_EQUAL(version.fds_max, VFIO_USER_FDS_MAX);
}

static void parse_minor_version_is_any(void)
{
	struct bus_version version;

	memset(payload, 0, sizeof(payload));
	payload[2] = 77;
	CU_ASSERT_EQUAL(bus_version_parse(payload, 4, &version), 0);
	payload[1] = 1;
	CU_ASSERT_EQUAL(bus_version_parse(payload, 4, &version), -EINVAL);
}

/* Each length of room: a well-formed reply that fits. */
static void prop_reply_fits_any_room(void)
{
	static const char all[] = "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":"
				  "1048576,\"pgsizes\":4096,\"max_dma_maps\":65535}}";
	uint8_t reply[BUS_VERSION_REPLY_BYTES];
	struct bus_version version;
	size_t longest = 0;

	CU_ASSERT_EQUAL_FATAL(parse(all, &version), 0);
	for (size_t room = 4; room <= 2048; room++) {
		size_t bytes = bus_version_reply(&version, reply, room);
		struct bus_version back;

		CU_ASSERT(bytes >= 4 && bytes <= room && bytes <= sizeof(reply));
		CU_ASSERT_EQUAL(bus_version_parse(reply, bytes, &back), 0);
		CU_ASSERT(bytes >= longest);
		longest = bytes;
	}
	CU_ASSERT_EQUAL(longest, 4 + sizeof(all));
	CU_ASSERT_EQUAL(memcmp(reply + 4, all, sizeof(all)), 0);
}

SVIO_TEST_MAIN("bus VERSION", SVIO_TEST(parse_nothing_gives_defaults),
	       SVIO_TEST(parse_limits_are_kept), SVIO_TEST(parse_minor_version_is_any),
	       SVIO_TEST(prop_reply_fits_any_room))
