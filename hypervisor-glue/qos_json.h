/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QoS settings as JSON: readers for requests and files, and reports.
 *
 * A reader's error is SVIO_ERROR_BYTES and gets a sentence. Rates are numbers of
 * bits a second, or text as svio_rate_parse() takes it.
 */
#ifndef SVIO_QOS_JSON_H
#define SVIO_QOS_JSON_H

#include <json-c/json.h>
#include <stdbool.h>

#include "qos_tree.h"

/* A rate into *bps. 0; -EINVAL. */
int svio_qos_read_rate(const char *key, struct json_object *value, uint64_t *bps, char *error);
/* One setting of a node: min_bps, max_bps, max_pps, burst_bytes, weight, priority. 0; -EINVAL;
 * -ENOENT: key is none of them.
 */
int svio_qos_read_node(const char *key, struct json_object *value, struct svio_host_qos *qos,
		       char *error);
/*
 * What a VIF has besides, from an object that may have "classes" (how many, or an array of their
 * settings), "lanes" and "dscp". Other classes than before get lanes by default. 0; -EINVAL.
 */
int svio_qos_read_classes(struct json_object *from, struct svio_host_vif_qos *qos, char *error);

/* Add the settings of a node; all: also those that are as without a word. */
void svio_qos_report_node(struct json_object *to, const struct svio_host_qos *qos, bool all);
/* Add "classes", "lanes" and "dscp" (as it differs from the default). */
void svio_qos_report_classes(struct json_object *to, const struct svio_host_vif_qos *qos, bool all);

/* {"port": {}, "groups": [], "vifs": []}: what qos save writes. NULL: no memory. */
struct json_object *svio_qos_tree_report(const struct svio_qos_tree *tree);
/*
 * The tree that a report (or a file) asks for, on a device that is as now: VIFs that it does not
 * name stay as they are. 0 and *tree, of which groups and VIFs exist and lie well, but that may
 * not fit; -EINVAL; -ENOENT; -EEXIST; -ENOSPC; -ENOMEM.
 */
int svio_qos_tree_read(struct json_object *from, const struct svio_qos_tree *now,
		       struct svio_qos_tree **tree, char *error);
/*
 * What differs: an array of {"node", "change": "add", "del", "set"}; of "set" also "setting",
 * "from", "to".
 */
struct json_object *svio_qos_tree_diff(const struct svio_qos_tree *before,
				       const struct svio_qos_tree *after);

#endif /* SVIO_QOS_JSON_H */
