// SPDX-License-Identifier: BSD-3-Clause
/* What fits into a tree, and how it is said when something does not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "qos_tree.h"
#include "settings.h"
#include "svio_test.h"

#define G 1000000000ull

static struct svio_qos_tree *tree;
static char error[SVIO_ERROR_BYTES];

/*
 * port (max 20G): group blue (1, max 10G) with VIFs web and db, and group lab (2) in blue with VIF
 * sim, which has two classes; VIF free below the port.
 */
static void setup(void)
{
	static const struct {
		const char *name;
		uint32_t group;
	} vifs[] = { { "web", 1 }, { "db", 1 }, { "sim", 2 }, { "free", 0 } };

	tree = svio_qos_tree_new(4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	if (!tree)
		return;
	tree->group[0].qos.max_bps = 20 * G;
	snprintf(tree->group[1].name, sizeof(tree->group[1].name), "blue");
	tree->group[1].qos.max_bps = 10 * G;
	snprintf(tree->group[2].name, sizeof(tree->group[2].name), "lab");
	tree->group[2].parent = 1;
	for (uint32_t i = 0; i < 4; i++) {
		snprintf(tree->vif[i].name, sizeof(tree->vif[i].name), "%s", vifs[i].name);
		tree->vif[i].qos.group = vifs[i].group;
	}
	tree->vif[2].qos.classes = 2;
	tree->vif_count = 4;
	error[0] = '\0';
}

static void teardown(void)
{
	svio_qos_tree_free(tree);
}

static void expect_sentence(const char *sentence)
{
	CU_ASSERT_STRING_EQUAL(error, sentence);
}

static void check_mins_within_every_max_fit(void)
{
	CU_ASSERT_EQUAL(svio_qos_tree_check(tree, error), 0);
	tree->vif[0].qos.node.min_bps = 4 * G;
	tree->vif[1].qos.node.min_bps = 3 * G;
	tree->vif[2].qos.class_node[1].min_bps = 3 * G;
	tree->vif[3].qos.node.min_bps = 10 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check(tree, error), 0);
	for (uint32_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(svio_qos_tree_check_vif(tree, i, error), 0);
}

static void check_vif_whose_min_has_no_room_is_named_with_the_group(void)
{
	tree->vif[1].qos.node.min_bps = 8800000000ull;
	tree->vif[0].qos.node.min_bps = 3 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check_vif(tree, 0, error), -E2BIG);
	expect_sentence("min 3G of VIF web does not fit: group blue has 1.2G left of its max 10G: "
			"ask for less, or raise that max");
	tree->vif[1].qos.node.min_bps = 10 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check_vif(tree, 0, error), -E2BIG);
	expect_sentence("min 3G of VIF web does not fit: group blue has nothing left of its max "
			"10G: ask for less, or raise that max");
}

static void check_min_that_is_too_much_further_up_names_both(void)
{
	tree->vif[0].qos.node.min_bps = 9 * G;
	tree->vif[2].qos.class_node[1].min_bps = 2 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check_vif(tree, 2, error), -E2BIG);
	expect_sentence("min 2G of class 1 of VIF sim does not fit: group blue has 1G left of its "
			"max 10G for all of group lab: ask for less, or raise that max");
	tree->vif[0].qos.node.min_bps = 0;
	tree->vif[3].qos.node.min_bps = 19 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check_vif(tree, 2, error), -E2BIG);
	expect_sentence("min 2G of class 1 of VIF sim does not fit: the port has 1G left of its "
			"max 20G for all of group blue: ask for less, or raise that max");
}

static void check_min_above_the_own_max_is_said(void)
{
	tree->vif[0].qos.node.min_bps = 3 * G;
	tree->vif[0].qos.node.max_bps = 2 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check(tree, error), -E2BIG);
	expect_sentence("min 3G of VIF web is above its own max 2G: lower min, or raise max");
}

static void check_class_with_more_than_its_vif_may_names_the_vif(void)
{
	tree->vif[2].qos.node.max_bps = G;
	tree->vif[2].qos.class_node[0].min_bps = 2 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check(tree, error), -E2BIG);
	expect_sentence("min 2G of class 0 of VIF sim does not fit: VIF sim has 1G left of its max "
			"1G: ask for less, or raise that max");
}

static void check_group_whose_max_is_lowered_below_its_mins_is_refused(void)
{
	struct svio_host_qos qos = { .max_bps = 4 * G };

	tree->vif[0].qos.node.min_bps = 3 * G;
	tree->vif[1].qos.node.min_bps = 2 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check_group(tree, 1, &qos, error), -E2BIG);
	expect_sentence("max 4G of group blue is below the 5G that it and those below it are "
			"guaranteed: at least 5G, or lower those mins");
	CU_ASSERT_EQUAL(svio_qos_tree_check_group(tree, 0, &qos, error), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "max 4G of the port"));
	qos.max_bps = 5 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check_group(tree, 1, &qos, error), 0);
	qos.min_bps = 6 * G;
	qos.max_bps = 0;
	CU_ASSERT_EQUAL(svio_qos_tree_check_group(tree, 1, &qos, error), 0);
	qos.min_bps = 21 * G;
	CU_ASSERT_EQUAL(svio_qos_tree_check_group(tree, 1, &qos, error), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "min 21G of group blue does not fit: the port"));
}

static void check_values_out_of_range_are_refused_by_name(void)
{
	struct svio_host_qos qos = { .priority = 8 };

	CU_ASSERT_EQUAL(svio_qos_tree_check_group(tree, 1, &qos, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "priority of group blue"));
	tree->vif[0].qos.node.weight = 65536;
	CU_ASSERT_EQUAL(svio_qos_tree_check_vif(tree, 0, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "weight of VIF web"));
	tree->vif[0].qos.node.weight = 0;
	tree->vif[2].qos.class_node[1].max_bps = 500;
	CU_ASSERT_EQUAL(svio_qos_tree_check(tree, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "max 500 of class 1 of VIF sim"));
}

/* As many nodes as there may be: the scheduler has room for them. */
static void check_the_largest_tree_fits(void)
{
	struct svio_qos_tree *large = svio_qos_tree_new(SVIO_HOST_VIFS_MAX);

	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	if (!large)
		return;
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		snprintf(large->group[i].name, sizeof(large->group[i].name), "g%u", i);
		large->group[i].parent = i % 2 ? 0 : i - 1;
	}
	for (uint32_t i = 0; i < SVIO_HOST_VIFS_MAX; i++) {
		snprintf(large->vif[i].name, sizeof(large->vif[i].name), "v%u", i);
		large->vif[i].qos.group = i % SVIO_HOST_GROUPS_MAX;
		large->vif[i].qos.classes = SVIO_HOST_CLASSES;
	}
	large->vif_count = SVIO_HOST_VIFS_MAX;
	CU_ASSERT_EQUAL(svio_qos_tree_check(large, error), 0);
	CU_ASSERT_STRING_EQUAL(error, "");
	svio_qos_tree_free(large);
}

SVIO_TEST_MAIN_WITH("glue qos tree", setup, teardown, SVIO_TEST(check_mins_within_every_max_fit),
		    SVIO_TEST(check_vif_whose_min_has_no_room_is_named_with_the_group),
		    SVIO_TEST(check_min_that_is_too_much_further_up_names_both),
		    SVIO_TEST(check_min_above_the_own_max_is_said),
		    SVIO_TEST(check_class_with_more_than_its_vif_may_names_the_vif),
		    SVIO_TEST(check_group_whose_max_is_lowered_below_its_mins_is_refused),
		    SVIO_TEST(check_values_out_of_range_are_refused_by_name),
		    SVIO_TEST(check_the_largest_tree_fits))
