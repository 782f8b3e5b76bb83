// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <string.h>

#include "settings.h"
#include "svio_test.h"

static char error[SVIO_ERROR_BYTES];

static void rate_parse_what_people_write_is_understood(void)
{
	static const struct {
		const char *text;
		uint64_t bps;
	} cases[] = {
		{ "off", 0 },
		{ "NONE", 0 },
		{ "64000", 64000 },
		{ "300k", 300000 },
		{ "50M", 50000000 },
		{ "2.5G", 2500000000 },
		{ "2.5Gbit/s", 2500000000 },
		{ "10gbit", 10000000000 },
		{ "1.000001M", 1000001 },
		{ "400G", 400000000000 },
		{ "0.4T", 400000000000 },
		{ "1k", 1000 },
		{ "0.001M", 1000 },
		{ "0.1Mbps", 100000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bps = 1;

		CU_ASSERT_EQUAL(svio_rate_parse(cases[i].text, &bps, error), 0);
		CU_ASSERT_EQUAL(bps, cases[i].bps);
	}
}

static void times_are_read_as_people_write_them(void)
{
	static const struct {
		const char *text;
		uint64_t us;
		const char *back;
	} cases[] = {
		{ "10us", 10, "10us" },         { "1ms", 1000, "1ms" },
		{ "2.5ms", 2500, "2500us" },    { "0.5s", 500000, "500ms" },
		{ "1S", 1000000, "1s" },        { "off", 0, "off" },
		{ "1000000us", 1000000, "1s" },
	};
	static const char *const bad[] = { "",          "10",    "us",    "0us",
					   "-1us",      "1h",    "1.1s",  "2s",
					   "1000001us", "0.1us", "1e3us", "99999999999999999999s",
					   "1 us" };
	char text[SVIO_TIME_BYTES];
	uint64_t us;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(svio_time_parse(cases[i].text, 1000000, &us, error), 0);
		CU_ASSERT_EQUAL(us, cases[i].us);
		CU_ASSERT_STRING_EQUAL(svio_time_format(us, text), cases[i].back);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(svio_time_parse(bad[i], 1000000, &us, error), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(error, "10us, 2.5ms, 1s, or off"));
	}
}

static void rate_parse_nonsense_is_refused(void)
{
	static const char *const cases[] = { "",      "-1",   "5X",     "1.2.3",
					     "0x10M", "inf",  "nan",    "1e9",
					     ".5G",   "M",    " 5M",    "5 M",
					     "401G",  "999",  "0",      "99999999999999999999999",
					     "5MM",   "1,5G", "50Mbyte" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bps;

		error[0] = '\0';
		CU_ASSERT_EQUAL(svio_rate_parse(cases[i], &bps, error), -EINVAL);
		CU_ASSERT(strlen(error) > 20);
	}
}

static void rate_format_parsed_again_is_the_same(void)
{
	static const uint64_t cases[] = { 0,          64000,        300000,
					  50000000,   2500000000,   1234000000,
					  1001000000, 400000000000, 999000 };
	char text[SVIO_RATE_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bps = 1;

		CU_ASSERT_EQUAL(svio_rate_parse(svio_rate_format(cases[i], text), &bps, error), 0);
		CU_ASSERT_EQUAL(bps, cases[i]);
	}
	CU_ASSERT_STRING_EQUAL(svio_rate_format(2500000000, text), "2.5G");
	CU_ASSERT_STRING_EQUAL(svio_rate_format(1001000000, text), "1.001G");
	CU_ASSERT_STRING_EQUAL(svio_rate_format(50000000, text), "50M");
	CU_ASSERT_STRING_EQUAL(svio_rate_format(0, text), "off");
}

static void mac_parse_and_format_agree(void)
{
	uint8_t mac[6];
	char text[SVIO_MAC_BYTES];

	CU_ASSERT_EQUAL(svio_mac_parse("52:54:00:Ab:cD:0f", mac, error), 0);
	CU_ASSERT_STRING_EQUAL(svio_mac_format(mac, text), "52:54:00:ab:cd:0f");
}

static void mac_parse_nonsense_is_refused(void)
{
	static const char *const cases[] = { "",
					     "52:54:00:12:34",
					     "52:54:00:12:34:5",
					     "52:54:00:12:34:567",
					     "52-54-00-12-34-56",
					     "5 :54:00:12:34:56",
					     "52:54:00:12:34:-6",
					     "01:54:00:12:34:56", /* multicast */
					     "ff:ff:ff:ff:ff:ff",
					     "00:00:00:00:00:00",
					     "52::54:00:12:34:5" };
	uint8_t mac[6];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(svio_mac_parse(cases[i], mac, error), -EINVAL);
}

static void mac_from_name_is_local_unicast_and_repeatable(void)
{
	uint8_t a[6], b[6], c[6], d[6];

	svio_mac_from_name("web", 0, a);
	svio_mac_from_name("web", 0, b);
	svio_mac_from_name("wec", 0, c);
	svio_mac_from_name("web", 1, d);
	CU_ASSERT_EQUAL(a[0] & 3, 2);
	CU_ASSERT_EQUAL(memcmp(a, b, 6), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a, c, 6), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a, d, 6), 0);
}

static void name_check_follows_the_rule(void)
{
	CU_ASSERT_EQUAL(svio_name_check("VIF", "a", error), 0);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "0web-1_b.c", error), 0);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "a23456789012345678901234567890x", error), 0);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "a23456789012345678901234567890xy", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "Web", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "../x", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("VIF", ".x", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "a b", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "a/b", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("VIF", "control", error),
			-EINVAL); /* control.sock is sviod's */
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "control.sock"));
	CU_ASSERT_EQUAL(svio_name_check("VIF", "control1", error), 0);
	CU_ASSERT_EQUAL(svio_name_check("group", "port", error), -EINVAL); /* the tree's root */
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "group's name"));
}

static void settings_complete_fills_in_defaults(void)
{
	struct svio_vif_settings settings = { .name = "web" };

	CU_ASSERT_EQUAL(svio_settings_complete(&settings, error), 0);
	CU_ASSERT_EQUAL(settings.queues, 4);
	CU_ASSERT_EQUAL(settings.mtu_max, 9000);
	CU_ASSERT_EQUAL(settings.qos.node.max_bps, 0);
	CU_ASSERT_EQUAL(settings.qos.dscp_level[46], 5);
	CU_ASSERT_EQUAL(settings.qos.dscp_level[63], 7);
	CU_ASSERT_EQUAL(settings.qos.lane[7], 0);
	CU_ASSERT_EQUAL(svio_settings_vectors(&settings), 9);
	settings.queues = 32;
	CU_ASSERT_EQUAL(svio_settings_vectors(&settings), 64);
}

static void settings_complete_out_of_range_is_refused(void)
{
	const struct svio_vif_settings good = { .name = "web" };
	struct svio_vif_settings bad[10];

	for (size_t i = 0; i < 10; i++)
		bad[i] = good;
	bad[0].name[0] = '\0';
	bad[1].vlan = 4095;
	bad[2].queues = 33;
	bad[3].mtu_max = 67;
	bad[4].mtu_max = 9001;
	bad[5].rx_max_bps = 999;
	bad[6].mac[0] = 1;
	bad[7].qos.classes = 9;
	bad[8].mapped = true;
	bad[8].qos.classes = 4;
	bad[8].qos.lane[3] = 4;
	bad[9].mapped = true;
	bad[9].qos.dscp_level[63] = 8;
	for (size_t i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(svio_settings_complete(&bad[i], error), -EINVAL);
}

static void count_and_bytes_parse_what_people_write(void)
{
	static const struct {
		const char *text;
		uint64_t number;
	} cases[] = { { "1500", 1500 },   { "100k", 100000 },  { "1.5M", 1500000 },
		      { "off", 0 },       { "default", 0 },    { "64K", 64000 },
		      { "64KiB", 65536 }, { "1MiB", 1048576 }, { "9000B", 9000 } };
	uint64_t number;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(svio_bytes_parse(cases[i].text, 1 << 30, &number, error), 0);
		CU_ASSERT_EQUAL(number, cases[i].number);
	}
	CU_ASSERT_EQUAL(svio_count_parse("1.5M", 1000000000, &number, error), 0);
	CU_ASSERT_EQUAL(number, 1500000);
	CU_ASSERT_EQUAL(svio_count_parse("1MiB", 1000000000, &number, error), -EINVAL);
	CU_ASSERT_EQUAL(svio_count_parse("0", 1000000000, &number, error), -EINVAL);
	CU_ASSERT_EQUAL(svio_count_parse("2G", 1000000000, &number, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "1 to 1000000000"));
	CU_ASSERT_EQUAL(svio_count_parse("many", 1000000000, &number, error), -EINVAL);
	CU_ASSERT_EQUAL(svio_bytes_parse("2G", 1 << 30, &number, error), -EINVAL);
	CU_ASSERT_EQUAL(svio_bytes_parse("64kib", 1 << 30, &number, error), 0);
	CU_ASSERT_EQUAL(svio_bytes_parse("64Kbit", 1 << 30, &number, error), -EINVAL);
}

static void lanes_default_share_levels_out_in_order(void)
{
	static const uint8_t two[8] = { 0, 0, 0, 0, 1, 1, 1, 1 },
			     three[8] = { 0, 0, 0, 1, 1, 1, 2, 2 };
	uint8_t lane[8];

	svio_lanes_default(2, lane);
	CU_ASSERT_EQUAL(memcmp(lane, two, 8), 0);
	svio_lanes_default(3, lane);
	CU_ASSERT_EQUAL(memcmp(lane, three, 8), 0);
	svio_lanes_default(8, lane);
	for (uint8_t i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(lane[i], i);
}

static void nearest_finds_the_slip_of_the_pen(void)
{
	static const char *const names[] = { "web", "database", "router" };

	CU_ASSERT_STRING_EQUAL(svio_nearest("wbe", names, 3), "web");
	CU_ASSERT_STRING_EQUAL(svio_nearest("databse", names, 3), "database");
	CU_ASSERT_PTR_NULL(svio_nearest("mail-server", names, 3));
	CU_ASSERT_PTR_NULL(svio_nearest("x", names, 0));
}

SVIO_TEST_MAIN("glue settings", SVIO_TEST(rate_parse_what_people_write_is_understood),
	       SVIO_TEST(rate_parse_nonsense_is_refused),
	       SVIO_TEST(times_are_read_as_people_write_them),
	       SVIO_TEST(rate_format_parsed_again_is_the_same),
	       SVIO_TEST(mac_parse_and_format_agree), SVIO_TEST(mac_parse_nonsense_is_refused),
	       SVIO_TEST(mac_from_name_is_local_unicast_and_repeatable),
	       SVIO_TEST(name_check_follows_the_rule),
	       SVIO_TEST(settings_complete_fills_in_defaults),
	       SVIO_TEST(settings_complete_out_of_range_is_refused),
	       SVIO_TEST(count_and_bytes_parse_what_people_write),
	       SVIO_TEST(lanes_default_share_levels_out_in_order),
	       SVIO_TEST(nearest_finds_the_slip_of_the_pen))
