// SPDX-License-Identifier: BSD-3-Clause
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VLAN_MAX    4094
#define VECTORS_MAX 64

struct rate_unit {
	char letter;
	uint64_t factor;
};

static const struct rate_unit rate_units[] = {
	{ 'T', 1000000000000ull }, { 'G', 1000000000 }, { 'M', 1000000 }, { 'K', 1000 }
};

static uint64_t unit_factor(char letter)
{
	for (size_t i = 0; i < sizeof(rate_units) / sizeof(rate_units[0]); i++)
		if (rate_units[i].letter == toupper((unsigned char)letter))
			return rate_units[i].factor;
	return 0;
}

static int refuse_rate(const char *text, char *error)
{
	snprintf(error, SVIO_ERROR_BYTES,
		 "\"%.40s\" is not a rate: write bits per second such as 2.5G, 50M or 300k, or off",
		 text);
	return -EINVAL;
}

/* Digits with at most one point, without the surprises of strtod (locale, hex, inf). */
static const char *parse_decimal(const char *text, uint64_t *whole, uint64_t *micro)
{
	const char *at = text;
	uint64_t scale = 100000;

	*whole = 0;
	*micro = 0;
	for (; isdigit((unsigned char)*at); at++) {
		if (*whole > SVIO_RATE_MAX_BPS)
			return NULL;
		*whole = *whole * 10 + (uint64_t)(*at - '0');
	}
	if (*at == '.') {
		if (at == text)
			return NULL;
		for (at++; isdigit((unsigned char)*at); at++, scale /= 10)
			*micro += (uint64_t)(*at - '0') * scale;
	}
	return at == text ? NULL : at;
}

/* A number and its letter; what follows is the caller's to read. NULL: none, or above max. */
static const char *parse_scaled(const char *text, uint64_t max, bool binary, uint64_t *number)
{
	uint64_t whole, micro, factor = 1;
	const char *at = parse_decimal(text, &whole, &micro);

	if (!at)
		return NULL;
	if (*at && unit_factor(*at)) {
		factor = unit_factor(*at);
		at++;
	}
	if (binary && factor > 1 && (*at == 'i' || *at == 'I')) {
		factor = factor == 1000              ? 1ull << 10
			 : factor == 1000000         ? 1ull << 20
			 : factor < 1000000000000ull ? 1ull << 30
						     : 1ull << 40;
		at++;
	}
	/* Beyond max by so much that it could wrap, or just so. */
	if (whole > max / factor || whole * factor + micro * factor / 1000000 > max)
		*number = UINT64_MAX;
	else
		*number = whole * factor + micro * factor / 1000000;
	return at;
}

int svio_rate_parse(const char *text, uint64_t *bps, char *error)
{
	const char *at;

	if (!strcasecmp(text, "off") || !strcasecmp(text, "none")) {
		*bps = 0;
		return 0;
	}
	at = parse_scaled(text, SVIO_RATE_MAX_BPS, false, bps);
	if (!at || (*at && strcasecmp(at, "bit") != 0 && strcasecmp(at, "bit/s") != 0 &&
		    strcasecmp(at, "bps") != 0))
		return refuse_rate(text, error);
	if (*bps > SVIO_RATE_MAX_BPS) {
		snprintf(error, SVIO_ERROR_BYTES, "rate %.40s is too high: at most 400G, or off",
			 text);
		return -EINVAL;
	}
	if (*bps < SVIO_RATE_MIN_BPS) {
		snprintf(error, SVIO_ERROR_BYTES, "rate %.40s is too low: at least 1k, or off",
			 text);
		return -EINVAL;
	}
	return 0;
}

static bool is_default(const char *text)
{
	return !strcasecmp(text, "off") || !strcasecmp(text, "none") ||
	       !strcasecmp(text, "default");
}

static int check_parsed(const char *text, uint64_t max, uint64_t number, char *error)
{
	if (number >= 1 && number <= max)
		return 0;
	snprintf(error, SVIO_ERROR_BYTES, "%.40s is out of range: 1 to %" PRIu64 ", or default",
		 text, max);
	return -EINVAL;
}

int svio_count_parse(const char *text, uint64_t max, uint64_t *count, char *error)
{
	const char *at;

	*count = 0;
	if (is_default(text))
		return 0;
	at = parse_scaled(text, max, false, count);
	if (at && !*at)
		return check_parsed(text, max, *count, error);
	snprintf(error, SVIO_ERROR_BYTES,
		 "\"%.40s\" is not a number: write it like 1500, 100k or 1.5M", text);
	return -EINVAL;
}

int svio_bytes_parse(const char *text, uint64_t max, uint64_t *bytes, char *error)
{
	const char *at;

	*bytes = 0;
	if (is_default(text))
		return 0;
	at = parse_scaled(text, max, true, bytes);
	if (at && (!*at || !strcmp(at, "B") || !strcmp(at, "b")))
		return check_parsed(text, max, *bytes, error);
	snprintf(error, SVIO_ERROR_BYTES,
		 "\"%.40s\" is not a number of bytes: write it like 9000, 64k or 1MiB", text);
	return -EINVAL;
}

const char *svio_rate_format(uint64_t bps, char text[SVIO_RATE_BYTES])
{
	if (bps == 0)
		return memcpy(text, "off", sizeof("off"));
	for (size_t i = 0; i < sizeof(rate_units) / sizeof(rate_units[0]); i++) {
		uint64_t factor = rate_units[i].factor;
		size_t length;

		if (bps < factor)
			continue;
		snprintf(text, SVIO_RATE_BYTES, "%" PRIu64 ".%03u", bps / factor,
			 (unsigned int)(bps % factor / (factor / 1000)));
		length = strlen(text);
		while (text[length - 1] == '0')
			length--;
		if (text[length - 1] == '.')
			length--;
		text[length] = rate_units[i].letter == 'K' ? 'k' : rate_units[i].letter;
		text[length + 1] = '\0';
		return text;
	}
	snprintf(text, SVIO_RATE_BYTES, "%" PRIu64, bps);
	return text;
}

/* "52:54:00:12:34:56": two digits, a colon, and so on; nothing else. */
static bool read_mac(const char *text, uint8_t mac[6])
{
	for (size_t i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	for (size_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)strtoul(text + 3 * i, NULL, 16);
	return text[17] == '\0';
}

static uint64_t time_unit_us(const char *unit)
{
	if (!strcasecmp(unit, "us"))
		return 1;
	if (!strcasecmp(unit, "ms"))
		return 1000;
	return !strcasecmp(unit, "s") ? 1000000 : 0;
}

int svio_time_parse(const char *text, uint64_t max_us, uint64_t *us, char *error)
{
	char most[SVIO_TIME_BYTES];
	uint64_t whole, micro, unit;
	const char *at;

	*us = 0;
	if (!strcasecmp(text, "off"))
		return 0;
	at = parse_decimal(text, &whole, &micro);
	unit = at ? time_unit_us(at) : 0;
	if (unit && whole <= max_us / unit)
		*us = whole * unit + micro * unit / 1000000;
	if (*us && *us <= max_us)
		return 0;
	snprintf(error, SVIO_ERROR_BYTES,
		 "\"%.40s\" is not a time from 1us to %s: write 10us, 2.5ms, 1s, or off", text,
		 svio_time_format(max_us, most));
	return -EINVAL;
}

const char *svio_time_format(uint64_t us, char text[SVIO_TIME_BYTES])
{
	if (!us)
		snprintf(text, SVIO_TIME_BYTES, "off");
	else if (us % 1000000 == 0)
		snprintf(text, SVIO_TIME_BYTES, "%" PRIu64 "s", us / 1000000);
	else if (us % 1000 == 0)
		snprintf(text, SVIO_TIME_BYTES, "%" PRIu64 "ms", us / 1000);
	else
		snprintf(text, SVIO_TIME_BYTES, "%" PRIu64 "us", us);
	return text;
}

int svio_mac_parse(const char *text, uint8_t mac[6], char *error)
{
	static const uint8_t zero[6];

	if (!read_mac(text, mac)) {
		snprintf(error, SVIO_ERROR_BYTES,
			 "\"%.40s\" is not a MAC address: write it like 52:54:00:12:34:56", text);
		return -EINVAL;
	}
	if ((mac[0] & 1) || !memcmp(mac, zero, 6)) {
		snprintf(error, SVIO_ERROR_BYTES,
			 "MAC address %s is not one interface's own: the lowest bit of its first "
			 "byte must be 0 and not all of it",
			 text);
		return -EINVAL;
	}
	return 0;
}

const char *svio_mac_format(const uint8_t mac[6], char text[SVIO_MAC_BYTES])
{
	snprintf(text, SVIO_MAC_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}

static uint64_t hash_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * 0x100000001b3ull;
}

void svio_mac_from_name(const char *name, uint32_t try, uint8_t mac[6])
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *name; name++)
		hash = hash_byte(hash, (uint8_t)*name);
	for (; try; try--)
		hash = hash_byte(hash, 0);
	hash ^= hash >> 29; /* FNV's high bits change little with the last byte */
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
}

int svio_name_check(const char *what, const char *name, char *error)
{
	size_t bytes = strnlen(name, SVIO_HOST_NAME_BYTES);
	bool valid = bytes > 0 && bytes < SVIO_HOST_NAME_BYTES &&
		     (islower((unsigned char)name[0]) || isdigit((unsigned char)name[0]));

	for (size_t i = 0; valid && i < bytes; i++)
		valid = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) ||
			strchr("._-", name[i]);
	/* NAME.sock would take the place of the control socket. */
	if (valid && !strcmp(name, "control")) {
		snprintf(error, SVIO_ERROR_BYTES,
			 "\"control\" cannot be a %s's name: control.sock is sviod's own socket",
			 what);
		return -EINVAL;
	}
	if (valid && !strcmp(name, SVIO_PORT_NAME)) {
		snprintf(error, SVIO_ERROR_BYTES,
			 "\"port\" cannot be a %s's name: it names the device's own port", what);
		return -EINVAL;
	}
	if (valid)
		return 0;
	snprintf(error, SVIO_ERROR_BYTES,
		 "\"%.40s\" cannot be a %s's name: use 1 to 31 of a-z, 0-9, '.', '_' and '-', "
		 "a letter or digit first",
		 name, what);
	return -EINVAL;
}

void svio_lanes_default(uint32_t classes, uint8_t lane[SVIO_HOST_LEVELS])
{
	for (uint32_t level = 0; level < SVIO_HOST_LEVELS; level++)
		lane[level] = (uint8_t)(level * classes / SVIO_HOST_LEVELS);
}

void svio_dscp_default(uint8_t level[64])
{
	for (uint8_t dscp = 0; dscp < 64; dscp++)
		level[dscp] = dscp >> 3;
}

static int check_range(const char *what, uint64_t value, uint64_t min, uint64_t max, char *error)
{
	if (value >= min && value <= max)
		return 0;
	snprintf(error, SVIO_ERROR_BYTES, "%s %" PRIu64 " is out of range: %" PRIu64 " to %" PRIu64,
		 what, value, min, max);
	return -EINVAL;
}

static int check_rate(const char *what, uint64_t bps, char *error)
{
	return bps == 0 ? 0 : check_range(what, bps, SVIO_RATE_MIN_BPS, SVIO_RATE_MAX_BPS, error);
}

/* Lanes lead to classes that there are, DSCPs to levels that there are. */
static int check_tables(const struct svio_host_vif_qos *qos, char *error)
{
	for (uint32_t level = 0; level < SVIO_HOST_LEVELS; level++) {
		if (qos->lane[level] == 0 || qos->lane[level] < qos->classes)
			continue;
		snprintf(error, SVIO_ERROR_BYTES,
			 "lanes: level %u goes to class %u, but the classes are numbered 0 to %u",
			 level, qos->lane[level], qos->classes ? qos->classes - 1 : 0);
		return -EINVAL;
	}
	for (uint32_t dscp = 0; dscp < 64; dscp++) {
		if (qos->dscp_level[dscp] < SVIO_HOST_LEVELS)
			continue;
		snprintf(error, SVIO_ERROR_BYTES,
			 "dscp: %u goes to level %u, but levels are 0 to 7", dscp,
			 qos->dscp_level[dscp]);
		return -EINVAL;
	}
	return 0;
}

static int complete_qos(struct svio_vif_settings *settings, char *error)
{
	struct svio_host_vif_qos *qos = &settings->qos;

	if (qos->classes > SVIO_HOST_CLASSES)
		return check_range("number of classes", qos->classes, 0, SVIO_HOST_CLASSES, error);
	if (!settings->mapped) {
		svio_lanes_default(qos->classes, qos->lane);
		svio_dscp_default(qos->dscp_level);
		settings->mapped = true;
	}
	for (uint32_t i = qos->classes; i < SVIO_HOST_CLASSES; i++)
		memset(&qos->class_node[i], 0, sizeof(qos->class_node[i]));
	return check_tables(qos, error);
}

int svio_settings_complete(struct svio_vif_settings *settings, char *error)
{
	static const uint8_t zero[6];
	char mac[SVIO_MAC_BYTES];
	int status;

	settings->name[SVIO_HOST_NAME_BYTES - 1] = '\0';
	if (settings->queues == 0)
		settings->queues = SVIO_QUEUES_DEFAULT;
	if (settings->mtu_max == 0)
		settings->mtu_max = SVIO_MTU_DEFAULT;
	status = svio_name_check("VIF", settings->name, error);
	if (!status)
		status = check_range("VLAN", settings->vlan, 0, VLAN_MAX, error);
	if (!status)
		status = check_range("number of queues", settings->queues, 1, SVIO_QUEUES_MAX,
				     error);
	if (!status)
		status = check_range("MTU", settings->mtu_max, SVIO_MTU_MIN, SVIO_MTU_MAX, error);
	if (!status)
		status = check_rate("rx-max, in bits/s:", settings->rx_max_bps, error);
	if (!status)
		status = complete_qos(settings, error);
	if (!status && memcmp(settings->mac, zero, 6) != 0)
		status = svio_mac_parse(svio_mac_format(settings->mac, mac), settings->mac, error);
	return status;
}

uint16_t svio_settings_vectors(const struct svio_vif_settings *settings)
{
	uint32_t vectors = 1 + 2u * settings->queues;

	return (uint16_t)(vectors > VECTORS_MAX ? VECTORS_MAX : vectors);
}

/* Levenshtein's distance, cut off at words of 31 characters. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[SVIO_HOST_NAME_BYTES];
	size_t b_length = strnlen(b, SVIO_HOST_NAME_BYTES - 1);

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; *a && i < SVIO_HOST_NAME_BYTES; a++, i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t best = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}

const char *svio_nearest(const char *word, const char *const *names, size_t count)
{
	size_t best = strlen(word) / 3 + 2; /* further away is no help */
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = edit_distance(word, names[i]);

		if (distance < best) {
			best = distance;
			nearest = names[i];
		}
	}
	return nearest;
}
