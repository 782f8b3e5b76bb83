// SPDX-License-Identifier: BSD-3-Clause
/* A tree as JSON: written, read, compared; and files of all kinds of wrong. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "qos_json.h"
#include "settings.h"
#include "svio_test.h"

#define G 1000000000ull

static struct svio_qos_tree *now;
static char error[SVIO_ERROR_BYTES];

static void setup(void)
{
	static const char *const vifs[] = { "web", "db", "sim" };

	now = svio_qos_tree_new(3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(now);
	snprintf(now->group[4].name, sizeof(now->group[4].name), "blue");
	now->group[4].qos.max_bps = 10 * G;
	for (uint32_t i = 0; i < 3; i++) {
		snprintf(now->vif[i].name, sizeof(now->vif[i].name), "%s", vifs[i]);
		svio_dscp_default(now->vif[i].qos.dscp_level);
	}
	now->vif[0].qos.group = 4;
	now->vif[0].qos.node.min_bps = G;
	now->vif_count = 3;
}

static void teardown(void)
{
	svio_qos_tree_free(now);
}

static int read_text(const char *text, struct svio_qos_tree **tree)
{
	struct json_object *json = json_tokener_parse(text);
	int status = svio_qos_tree_read(json, now, tree, error);

	CU_ASSERT_PTR_NOT_NULL(json);
	json_object_put(json);
	return status;
}

static void refused(const char *text, int status, const char *part)
{
	struct svio_qos_tree *tree = NULL;

	error[0] = '\0';
	CU_ASSERT_EQUAL(read_text(text, &tree), status);
	CU_ASSERT_PTR_NULL(tree);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, part));
	if (!strstr(error, part))
		fprintf(stderr, "%s -> %s\n", text, error);
}

static size_t count_changes(const struct svio_qos_tree *before, const struct svio_qos_tree *after)
{
	struct json_object *changes = svio_qos_tree_diff(before, after);
	size_t count = json_object_array_length(changes);

	json_object_put(changes);
	return count;
}

static void report_read_again_is_the_same_tree(void)
{
	struct svio_qos_tree *tree;
	struct json_object *report;

	now->group[0].qos = (struct svio_host_qos){ .max_bps = 25 * G, .burst_bytes = 1 << 20 };
	snprintf(now->group[9].name, sizeof(now->group[9].name), "lab");
	now->group[9].parent = 4;
	now->group[9].qos = (struct svio_host_qos){ .weight = 7, .priority = 3, .max_pps = 1000 };
	now->vif[1].rx_max_bps = 2 * G;
	now->vif[2].qos.classes = 3;
	now->vif[2].qos.group = 9;
	now->vif[2].qos.lane[7] = 2;
	now->vif[2].qos.dscp_level[46] = 7;
	now->vif[2].qos.class_node[1].max_bps = 1234567891;
	report = svio_qos_tree_report(now);
	CU_ASSERT_EQUAL_FATAL(svio_qos_tree_read(report, now, &tree, error), 0);
	CU_ASSERT_EQUAL(count_changes(now, tree), 0);
	CU_ASSERT_EQUAL(tree->vif[2].qos.class_node[1].max_bps, 1234567891);
	CU_ASSERT_EQUAL(tree->group[0].qos.burst_bytes, 1 << 20);
	CU_ASSERT_EQUAL(memcmp(tree->vif[2].qos.lane, now->vif[2].qos.lane, 8), 0);
	json_object_put(report);
	svio_qos_tree_free(tree);
}

static void read_what_people_write_is_understood(void)
{
	struct svio_qos_tree *tree;
	const struct svio_host_vif_qos *qos;

	CU_ASSERT_EQUAL_FATAL(
		read_text("{\"port\":{\"max_bps\":\"25G\"},"
			  "\"groups\":[{\"name\":\"lab\",\"parent\":\"red\"},{\"name\":\"red\","
			  "\"min_bps\":\"2.5G\",\"weight\":2},{\"name\":\"blue\"}],"
			  "\"vifs\":[{\"name\":\"web\",\"group\":\"lab\",\"rx_max_bps\":\"1G\","
			  "\"classes\":2,\"dscp\":{\"46\":7}}]}",
			  &tree),
		0);
	CU_ASSERT_EQUAL(tree->group[0].qos.max_bps, 25 * G);
	CU_ASSERT_EQUAL(tree->group[1].parent, 2); /* named before it was there */
	CU_ASSERT_EQUAL(tree->group[2].qos.min_bps, 2500000000ull);
	CU_ASSERT_EQUAL(tree->group[3].qos.max_bps, 0); /* what is left out is at its default */
	qos = &tree->vif[0].qos;
	CU_ASSERT_EQUAL(qos->group, 1);
	CU_ASSERT_EQUAL(qos->node.min_bps, 0);
	CU_ASSERT_EQUAL(qos->classes, 2);
	CU_ASSERT_EQUAL(qos->lane[3], 0);
	CU_ASSERT_EQUAL(qos->lane[4], 1);
	CU_ASSERT_EQUAL(qos->dscp_level[46], 7);
	CU_ASSERT_EQUAL(qos->dscp_level[45], 5);
	CU_ASSERT_EQUAL(tree->vif[0].rx_max_bps, G);
	svio_qos_tree_free(tree);
}

/* VIFs that the file does not name stay, in the group of the same name. */
static void read_vifs_not_named_stay(void)
{
	struct svio_qos_tree *tree;

	CU_ASSERT_EQUAL_FATAL(
		read_text("{\"groups\":[{\"name\":\"a\"},{\"name\":\"blue\"}]}", &tree), 0);
	CU_ASSERT_EQUAL(tree->vif[0].qos.group, 2);
	CU_ASSERT_EQUAL(tree->vif[0].qos.node.min_bps, G);
	svio_qos_tree_free(tree);
	refused("{\"groups\":[]}", -EINVAL, "VIF web, which it does not name");
	refused("{}", -EINVAL, "group blue");
}

static void read_mistakes_name_the_entry(void)
{
	refused("[]", -EINVAL, "not an object");
	refused("{\"vif\":[]}", -EINVAL, "only \"port\"");
	refused("{\"vifs\":{}}", -EINVAL, "\"vifs\" must be an array");
	refused("{\"port\":7}", -EINVAL, "\"port\" must be an object");
	refused("{\"port\":{\"colour\":1}}", -EINVAL, "port: unknown setting \"colour\"");
	refused("{\"port\":{\"max_bps\":\"fast\"}}", -EINVAL, "port: \"fast\" is not a rate");
	refused("{\"port\":{\"max_bps\":999}}", -EINVAL, "at least 1k");
	refused("{\"groups\":[7]}", -EINVAL, "groups[0]: not an object");
	refused("{\"groups\":[{}]}", -EINVAL, "groups[0]: \"\" cannot be");
	refused("{\"groups\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", -EEXIST,
		"groups[1] (a): another");
	refused("{\"groups\":[{\"name\":\"a\",\"parent\":\"b\"}]}", -ENOENT, "groups[0] (a)");
	refused("{\"groups\":[{\"name\":\"a\",\"parent\":\"a\"}]}", -ENOENT, "groups[0] (a)");
	refused("{\"groups\":[{\"name\":\"a\",\"parent\":\"b\"},{\"name\":\"b\",\"parent\":\"a\"}]}",
		-EINVAL, "groups nest once");
	refused("{\"groups\":[{\"name\":\"a\"},{\"name\":\"b\",\"parent\":\"a\"},"
		"{\"name\":\"c\",\"parent\":\"b\"}]}",
		-EINVAL, "groups[2] (c): it cannot be below b");
	refused("{\"groups\":[{\"name\":\"blue\"},{\"name\":\"db\"}]}", -EEXIST, "name of a VIF");
	refused("{\"groups\":[{\"name\":\"a\",\"priority\":8}]}", -EINVAL, "at most 7");
	refused("{\"vifs\":[{\"name\":\"wbe\"}]}", -ENOENT,
		"vifs[0] (wbe): there is no VIF wbe: did you mean web?");
	refused("{\"vifs\":[{\"name\":\"mail-server\"}]}", -ENOENT, "add it first");
	refused("{\"vifs\":[{\"name\":\"web\"},{\"name\":\"web\"}]}", -EEXIST, "vifs[1] (web)");
	refused("{\"vifs\":[{\"name\":\"web\",\"group\":\"red\"}]}", -ENOENT,
		"there is no group red");
	refused("{\"vifs\":[{\"name\":\"web\",\"mac\":\"x\"}]}", -EINVAL,
		"unknown setting \"mac\"");
	refused("{\"vifs\":[{\"name\":\"web\",\"classes\":9}]}", -EINVAL, "at most 8");
	refused("{\"vifs\":[{\"name\":\"web\",\"classes\":[{},{\"x\":1}]}]}", -EINVAL,
		"a class has no setting");
	refused("{\"vifs\":[{\"name\":\"web\",\"classes\":[7]}]}", -EINVAL, "array of objects");
	refused("{\"vifs\":[{\"name\":\"web\",\"classes\":2,\"lanes\":[0,0,0]}]}", -EINVAL,
		"array of 8");
	refused("{\"vifs\":[{\"name\":\"web\",\"classes\":2,\"lanes\":[0,0,0,0,0,0,0,2]}]}",
		-EINVAL, "level 7 cannot go to class 2");
	refused("{\"vifs\":[{\"name\":\"web\",\"dscp\":{\"64\":1}}]}", -EINVAL, "not a DSCP");
	refused("{\"vifs\":[{\"name\":\"web\",\"dscp\":{\"46\":8}}]}", -EINVAL, "at most 7");
	refused("{\"vifs\":[{\"name\":\"web\",\"dscp\":[46]}]}", -EINVAL, "like {\"46\": 5}");
	refused("{\"vifs\":[{}]}", -ENOENT, "vifs[0]");
	refused("{\"vifs\":[null]}", -ENOENT, "vifs[0]");
}

static void diff_says_what_changes(void)
{
	struct svio_qos_tree *tree;
	struct json_object *changes, *change;

	CU_ASSERT_EQUAL_FATAL(
		read_text("{\"groups\":[{\"name\":\"red\",\"weight\":3}],"
			  "\"vifs\":[{\"name\":\"web\",\"group\":\"red\",\"min_bps\":1000000000}]}",
			  &tree),
		0);
	changes = svio_qos_tree_diff(now, tree);
	CU_ASSERT_EQUAL_FATAL(json_object_array_length(changes), 4);
	CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(json_object_array_get_idx(changes, 0),
							      JSON_C_TO_STRING_PLAIN),
			       "{\"node\":\"red\",\"change\":\"add\",\"parent\":\"port\"}");
	change = json_object_array_get_idx(changes, 1);
	CU_ASSERT_STRING_EQUAL(
		json_object_to_json_string_ext(change, JSON_C_TO_STRING_PLAIN),
		"{\"node\":\"red\",\"change\":\"set\",\"setting\":\"weight\",\"from\":1,\"to\":3}");
	change = json_object_array_get_idx(changes, 2);
	CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(change, JSON_C_TO_STRING_PLAIN),
			       "{\"node\":\"web\",\"change\":\"set\",\"setting\":\"group\","
			       "\"from\":\"blue\",\"to\":\"red\"}");
	change = json_object_array_get_idx(changes, 3);
	CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(change, JSON_C_TO_STRING_PLAIN),
			       "{\"node\":\"blue\",\"change\":\"del\"}");
	json_object_put(changes);
	svio_qos_tree_free(tree);
}

SVIO_TEST_MAIN_WITH("glue qos file", setup, teardown, SVIO_TEST(report_read_again_is_the_same_tree),
		    SVIO_TEST(read_what_people_write_is_understood),
		    SVIO_TEST(read_vifs_not_named_stay), SVIO_TEST(read_mistakes_name_the_entry),
		    SVIO_TEST(diff_says_what_changes))
