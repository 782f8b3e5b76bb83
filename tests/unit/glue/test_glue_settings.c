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
		{ "10T", 10000000000000 },
		{ "0.1Mbps", 100000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bps = 1;

		CU_ASSERT_EQUAL(svio_rate_parse(cases[i].text, &bps, error), 0);
		CU_ASSERT_EQUAL(bps, cases[i].bps);
	}
}

static void rate_parse_nonsense_is_refused(void)
{
	static const char *const cases[] = { "",      "-1",    "5X",     "1.2.3",
					     "0x10M", "inf",   "nan",    "1e9",
					     ".5G",   "M",     " 5M",    "5 M",
					     "11T",   "63999", "0",      "99999999999999999999999",
					     "5MM",   "1,5G",  "50Mbyte" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bps;

		error[0] = '\0';
		CU_ASSERT_EQUAL(svio_rate_parse(cases[i], &bps, error), -EINVAL);
		CU_ASSERT(strlen(error) > 20);
	}
}

static void rate_format_parsed_again_is_the_same(void)
{
	static const uint64_t cases[] = { 0,          64000,          300000,
					  50000000,   2500000000,     1234000000,
					  1001000000, 10000000000000, 999000 };
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
	CU_ASSERT_EQUAL(svio_name_check("a", error), 0);
	CU_ASSERT_EQUAL(svio_name_check("0web-1_b.c", error), 0);
	CU_ASSERT_EQUAL(svio_name_check("a23456789012345678901234567890x", error), 0);
	CU_ASSERT_EQUAL(svio_name_check("a23456789012345678901234567890xy", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("Web", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("../x", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check(".x", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("a b", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("a/b", error), -EINVAL);
	CU_ASSERT_EQUAL(svio_name_check("control", error), -EINVAL); /* control.sock is sviod's */
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "control.sock"));
	CU_ASSERT_EQUAL(svio_name_check("control1", error), 0);
}

static void settings_complete_fills_in_defaults(void)
{
	struct svio_vif_settings settings = { .name = "web" };

	CU_ASSERT_EQUAL(svio_settings_complete(&settings, error), 0);
	CU_ASSERT_EQUAL(settings.queues, 4);
	CU_ASSERT_EQUAL(settings.mtu_max, 9000);
	CU_ASSERT_EQUAL(settings.max_bps, 0);
	CU_ASSERT_EQUAL(svio_settings_vectors(&settings), 9);
	settings.queues = 32;
	CU_ASSERT_EQUAL(svio_settings_vectors(&settings), 64);
}

static void settings_complete_out_of_range_is_refused(void)
{
	const struct svio_vif_settings good = { .name = "web" };
	struct svio_vif_settings bad[7];

	for (size_t i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].name[0] = '\0';
	bad[1].vlan = 4095;
	bad[2].queues = 33;
	bad[3].mtu_max = 67;
	bad[4].mtu_max = 9001;
	bad[5].max_bps = 63999;
	bad[6].mac[0] = 1;
	for (size_t i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(svio_settings_complete(&bad[i], error), -EINVAL);
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
	       SVIO_TEST(rate_format_parsed_again_is_the_same),
	       SVIO_TEST(mac_parse_and_format_agree), SVIO_TEST(mac_parse_nonsense_is_refused),
	       SVIO_TEST(mac_from_name_is_local_unicast_and_repeatable),
	       SVIO_TEST(name_check_follows_the_rule),
	       SVIO_TEST(settings_complete_fills_in_defaults),
	       SVIO_TEST(settings_complete_out_of_range_is_refused),
	       SVIO_TEST(nearest_finds_the_slip_of_the_pen))
