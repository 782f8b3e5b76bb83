/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an administrator says about a VIF: text to values and back, defaults,
 * and whether it makes sense. Used by sviod and by svio alike; pure functions.
 *
 * error: SVIO_ERROR_BYTES; gets a sentence that names the thing and the remedy.
 */
#ifndef SVIO_SETTINGS_H
#define SVIO_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry.h"
#include "svio_sched.h"

#define SVIO_ERROR_BYTES 256

#define SVIO_QUEUES_DEFAULT 4
#define SVIO_QUEUES_MAX     32
#define SVIO_MTU_DEFAULT    9000
#define SVIO_MTU_MIN        68
#define SVIO_MTU_MAX        9000
#define SVIO_RATE_MIN_BPS   SVIO_SCHED_BPS_MIN
#define SVIO_RATE_MAX_BPS   SVIO_SCHED_BPS_MAX
#define SVIO_RX_WAIT_MAX_US 1000000u
/* The name of the tree's root: no VIF and no group can have it. */
#define SVIO_PORT_NAME "port"

/*
 * "2.5G", "50M", "300k", "1000000" (bits/s, decimal; "bit" or "bit/s" or "bps"
 * may follow), "off" and "none" (0). 0; -EINVAL with a sentence.
 */
int svio_rate_parse(const char *text, uint64_t *bps, char *error);
/* "2.5G", "off" for 0: what svio_rate_parse() reads, with at most four digits where exact. */
#define SVIO_RATE_BYTES 32
const char *svio_rate_format(uint64_t bps, char text[SVIO_RATE_BYTES]);

/*
 * How many, with the letters of rates: "100k", "1.5M", "64000"; "off" and "default": 0.
 * For bytes also "512KiB", "1MiB". From 1 to max. 0; -EINVAL with a sentence.
 */
int svio_count_parse(const char *text, uint64_t max, uint64_t *count, char *error);
int svio_bytes_parse(const char *text, uint64_t max, uint64_t *bytes, char *error);

/*
 * "10us", "2.5ms", "1s", "off" (0): up to max_us, in whole microseconds. 0; -EINVAL with a
 * sentence.
 */
int svio_time_parse(const char *text, uint64_t max_us, uint64_t *us, char *error);
/* "2500us", "2ms", "off" for 0: what svio_time_parse() reads. */
#define SVIO_TIME_BYTES 24
const char *svio_time_format(uint64_t us, char text[SVIO_TIME_BYTES]);

/* "52:54:00:12:34:56", unicast and not zero. 0; -EINVAL with a sentence. */
int svio_mac_parse(const char *text, uint8_t mac[6], char *error);
#define SVIO_MAC_BYTES 18
const char *svio_mac_format(const uint8_t mac[6], char text[SVIO_MAC_BYTES]);

/*
 * A locally administered unicast address that follows from name and try only:
 * the same VIF has the same MAC after every restart. try: 0, or higher where
 * that one is taken. (Hash: FNV-1a of Fowler, Noll and Vo.)
 */
void svio_mac_from_name(const char *name, uint32_t try, uint8_t mac[6]);

/*
 * [a-z0-9][a-z0-9._-]*, at most 31, not "control" and not "port". what: "VIF" or "group". 0;
 * -EINVAL with a sentence.
 */
int svio_name_check(const char *what, const char *name, char *error);

/*
 * Service levels to classes as they are where nobody says otherwise: the levels are shared
 * out in order, the highest to the last class.
 */
void svio_lanes_default(uint32_t classes, uint8_t lane[SVIO_HOST_LEVELS]);
/* DSCP to service level: its upper three bits (RFC 2474, class selectors). */
void svio_dscp_default(uint8_t level[64]);

/*
 * Fill in the defaults (not the MAC) and check everything that can be judged without
 * knowing other VIFs. 0; -EINVAL with a sentence.
 */
int svio_settings_complete(struct svio_vif_settings *settings, char *error);

/* MSI-X vectors: one for the admin queue, one for each transmit and receive queue, at most 64. */
uint16_t svio_settings_vectors(const struct svio_vif_settings *settings);

/*
 * What looks most like word among count names: for "did you mean". NULL when
 * nothing is near.
 */
const char *svio_nearest(const char *word, const char *const *names, size_t count);

#endif /* SVIO_SETTINGS_H */
