// SPDX-License-Identifier: BSD-3-Clause
/*
 * Groups and whole trees in the registry, with a firmware that refuses what does not fit at the
 * moment it hears of it, and that may die at any moment.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "glue_fixture.h"
#include "settings.h"
#include "svio_test.h"

#define G 1000000000ull

static struct fixture fixture;
static char error[SVIO_ERROR_BYTES];

static int add_group(const char *name, uint32_t parent, uint64_t min_bps, uint64_t max_bps)
{
	struct svio_qos_group group = { .parent = parent,
					.qos = { .min_bps = min_bps, .max_bps = max_bps } };

	snprintf(group.name, sizeof(group.name), "%s", name);
	return svio_group_add_then(fixture.device, &group, error, NULL, NULL);
}

static uint32_t number_of(const char *name)
{
	struct svio_group *group = svio_group_find(fixture.device, name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(group);
	return group ? group->number : 0;
}

static int add_vif(const char *name, const char *group, uint64_t min_bps)
{
	struct svio_vif_settings settings = { 0 };

	snprintf(settings.name, sizeof(settings.name), "%s", name);
	settings.qos.group = number_of(group);
	settings.qos.node.min_bps = min_bps;
	return svio_device_vif_add(fixture.device, &settings, error);
}

static int set_vif(const char *name, const char *group, uint64_t min_bps)
{
	struct svio_vif_settings settings =
		*svio_vif_settings_get(svio_device_vif_find(fixture.device, name));

	settings.qos.group = number_of(group);
	settings.qos.node.min_bps = min_bps;
	return svio_device_vif_set(fixture.device, &settings, error);
}

static int del_group(const char *name)
{
	return svio_group_del_then(svio_group_find(fixture.device, name), error, NULL, NULL);
}

static void kill_firmware(void)
{
	kill(svio_fw_process_pid(fixture.device->firmware), SIGKILL);
}

static const struct svio_host_group *shared(const char *name)
{
	return &svio_device_segment(fixture.device)->group[number_of(name)];
}

static void group_life_from_add_to_del(void)
{
	struct svio_host_qos qos = { .max_bps = 5 * G, .weight = 3 };

	fixture_open(&fixture, "fake", 4, true);
	CU_ASSERT_EQUAL(add_group("blue", 0, G, 10 * G), 0);
	CU_ASSERT_EQUAL(add_group("lab", number_of("blue"), 0, 0), 0);
	CU_ASSERT_EQUAL(shared("blue")->in_use, 1);
	CU_ASSERT_EQUAL(shared("blue")->qos.max_bps, 10 * G);
	CU_ASSERT_EQUAL(shared("lab")->parent, number_of("blue"));
	CU_ASSERT_EQUAL(svio_group_set_then(svio_group_find(fixture.device, "blue"), &qos, error,
					    NULL, NULL),
			0);
	CU_ASSERT_EQUAL(shared("blue")->qos.weight, 3);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_GROUP_SET), 3);
	CU_ASSERT_EQUAL(del_group("blue"), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "lab is in it"));
	CU_ASSERT_EQUAL(del_group("lab"), 0);
	CU_ASSERT_EQUAL(del_group("blue"), 0);
	CU_ASSERT_PTR_NULL(svio_group_find(fixture.device, "blue"));
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_GROUP_DEL), 2);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->group[1].in_use, 0);
	CU_ASSERT_EQUAL(del_group("port"), -EINVAL);
	fixture_close(&fixture);
}

static void group_that_cannot_be_is_refused_with_a_sentence(void)
{
	fixture_open(&fixture, "fake", 4, true);
	CU_ASSERT_EQUAL(add_group("blue", 0, 0, 10 * G), 0);
	fixture_vif(&fixture, "web");
	CU_ASSERT_EQUAL(add_group("blue", 0, 0, 0), -EEXIST);
	CU_ASSERT_EQUAL(add_group("web", 0, 0, 0), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "name of a VIF"));
	CU_ASSERT_EQUAL(add_vif("blue", "port", 0), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "name of a group"));
	CU_ASSERT_EQUAL(add_group("port", 0, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(add_group("Blue", 0, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(add_group("lab", number_of("blue"), 0, 0), 0);
	CU_ASSERT_EQUAL(add_group("deep", number_of("lab"), 0, 0), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "groups nest once"));
	CU_ASSERT_EQUAL(add_group("much", number_of("blue"), 11 * G, 0), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "group blue has 10G left"));
	CU_ASSERT_PTR_NULL(svio_group_find(fixture.device, "much"));
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_GROUP_SET), 2);
	fixture_close(&fixture);
}

static void groups_as_many_as_there_may_be(void)
{
	char name[16];

	fixture_open(&fixture, "fake", 1, true);
	for (int i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		CU_ASSERT_EQUAL(add_group(name, 0, 0, 0), 0);
	}
	CU_ASSERT_EQUAL(add_group("more", 0, 0, 0), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "255 groups"));
	CU_ASSERT_EQUAL(del_group("g7"), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(add_group("more", 0, 0, 0), 0);
	CU_ASSERT_EQUAL(number_of("more"), 7);
	fixture_wait_idle(&fixture);
	fixture_close(&fixture);
}

static void vif_whose_min_does_not_fit_changes_nothing(void)
{
	struct svio_vif *web;

	fixture_open(&fixture, "fake", 4, true);
	CU_ASSERT_EQUAL(add_group("blue", 0, 0, 10 * G), 0);
	CU_ASSERT_EQUAL(add_vif("web", "blue", 8 * G), 0);
	CU_ASSERT_EQUAL(add_vif("db", "blue", 3 * G), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "min 3G of VIF db does not fit: group blue has 2G"));
	CU_ASSERT_PTR_NULL(svio_device_vif_find(fixture.device, "db"));
	CU_ASSERT_EQUAL(add_vif("db", "blue", 2 * G), 0);
	CU_ASSERT_EQUAL(set_vif("web", "blue", 9 * G), -E2BIG);
	web = svio_device_vif_find(fixture.device, "web");
	CU_ASSERT_EQUAL(svio_vif_settings_get(web)->qos.node.min_bps, 8 * G);
	CU_ASSERT_EQUAL(svio_vif_shared(web)->qos.node.min_bps, 8 * G);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_VIF_UPDATE), 0);
	fixture_close(&fixture);
}

static void group_del_with_a_vif_in_it_is_refused(void)
{
	fixture_open(&fixture, "fake", 4, true);
	CU_ASSERT_EQUAL(add_group("blue", 0, 0, 0), 0);
	CU_ASSERT_EQUAL(add_vif("web", "blue", 0), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(del_group("blue"), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "svio vif set web --group port"));
	CU_ASSERT_EQUAL(set_vif("web", "port", 0), 0);
	/* If the firmware refused that, web would be in blue again. */
	CU_ASSERT_EQUAL(del_group("blue"), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "just leaving"));
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(del_group("blue"), 0);
	/* Its slot is free when the firmware has heard it; VIFs before their group. */
	CU_ASSERT_EQUAL(add_group("red", 0, 0, 0), 0);
	CU_ASSERT_EQUAL(set_vif("web", "red", 0), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "web", error), 0);
	CU_ASSERT_EQUAL(del_group("red"), 0);
	fixture_wait_idle(&fixture);
	fixture_close(&fixture);
}

static void firmware_killed_successor_hears_parents_first(void)
{
	struct svio_host_qos port = { .max_bps = 20 * G };

	fixture_open(&fixture, "fake", 4, true);
	/* The nested one gets a lower number than its parent. */
	CU_ASSERT_EQUAL(add_group("gone", 0, 0, 0), 0);
	CU_ASSERT_EQUAL(add_group("blue", 0, 0, 10 * G), 0);
	CU_ASSERT_EQUAL(del_group("gone"), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(add_group("lab", number_of("blue"), 0, 0), 0);
	CU_ASSERT(number_of("lab") < number_of("blue"));
	CU_ASSERT_EQUAL(add_vif("web", "lab", 10 * G), 0);
	CU_ASSERT_EQUAL(svio_group_set_then(svio_group_get(fixture.device, 0), &port, error, NULL,
					    NULL),
			0);
	fixture_wait_idle(&fixture);
	kill_firmware();
	fixture_wait_generation(&fixture, 2);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_GROUP_SET), 3);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_VIF_ADD), 1);
	CU_ASSERT_EQUAL(fake_log_of(&fixture)->mistakes, 0);
	/* And what is done while there is none. */
	kill_firmware();
	CU_ASSERT_EQUAL(set_vif("web", "blue", 9 * G), 0);
	fixture_wait_generation(&fixture, 3);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(del_group("lab"), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(svio_vif_shared(svio_device_vif_find(fixture.device, "web"))->qos.group,
			number_of("blue"));
	fixture_close(&fixture);
}

static bool is_alone(void *context)
{
	(void)context;
	return svio_group_find(fixture.device, "blue") == NULL;
}

/* A group that never came into being: who was put into it goes on below the port. */
static void group_firmware_refuses_is_taken_back(void)
{
	struct svio_host_qos qos = { .weight = 7 };
	char wire[32];

	snprintf(wire, sizeof(wire), "fake,refuse=%d", SVIO_HOST_GROUP_SET);
	fixture_open(&fixture, wire, 4, true);
	fixture_vif(&fixture, "web");
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(add_group("blue", 0, 0, 0), 0);
	CU_ASSERT_EQUAL(set_vif("web", "blue", 0), 0);
	fixture_wait(&fixture, is_alone, NULL);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(
		svio_vif_settings_get(svio_device_vif_find(fixture.device, "web"))->qos.group, 0);
	CU_ASSERT_PTR_NULL(fixture.device->groups[1]);
	CU_ASSERT_EQUAL(
		svio_group_set_then(svio_group_get(fixture.device, 0), &qos, error, NULL, NULL), 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(svio_group_get(fixture.device, 0)->qos.weight, 0);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->group[0].qos.weight, 0);
	CU_ASSERT_EQUAL(log_count("the firmware refused its settings"), 2);
	fixture_close(&fixture);
}

/* Two trees that use every bit of the port, each in another way; the second has another shape. */
static struct svio_qos_tree *make_tree(bool second)
{
	struct svio_qos_tree *tree = svio_device_qos_tree(fixture.device);

	memset(&tree->group[1], 0, sizeof(tree->group) - sizeof(tree->group[0]));
	tree->group[0].qos.max_bps = second ? 9 * G : 10 * G;
	snprintf(tree->group[1].name, sizeof(tree->group[1].name), "blue");
	tree->group[1].qos = (struct svio_host_qos){ .min_bps = second ? G : 6 * G,
						     .max_bps = second ? G : 6 * G };
	snprintf(tree->group[2].name, sizeof(tree->group[2].name), second ? "red" : "lab");
	tree->group[2].parent = second ? 0 : 1;
	snprintf(tree->group[3].name, sizeof(tree->group[3].name), "turn");
	tree->group[3].parent = second ? 2 : 0;
	tree->group[3].qos.min_bps = second ? 5 * G : 2 * G;
	for (uint32_t i = 0; i < tree->vif_count; i++) {
		struct svio_host_vif_qos *qos = &tree->vif[i].qos;

		memset(qos->class_node, 0, sizeof(qos->class_node));
		qos->group = second ? (3 - i) % 4 : i;
		qos->classes = (i % 2) != second ? 2 : 0;
		svio_lanes_default(qos->classes, qos->lane);
		qos->node.min_bps = (qos->group == 0 ? 2 : 1) * G;
		qos->class_node[0].min_bps = qos->classes ? G : 0;
	}
	return tree;
}

static void expect_tree(const struct svio_qos_tree *wanted)
{
	struct svio_qos_tree *is = svio_device_qos_tree(fixture.device);

	CU_ASSERT_EQUAL(is->group[0].qos.max_bps, wanted->group[0].qos.max_bps);
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		int number = *wanted->group[i].name ? svio_qos_tree_group(is, wanted->group[i].name)
						    : -1;

		if (!*wanted->group[i].name)
			continue;
		CU_ASSERT_FATAL(number > 0);
		CU_ASSERT_EQUAL(is->group[number].qos.min_bps, wanted->group[i].qos.min_bps);
		CU_ASSERT_STRING_EQUAL(is->group[is->group[number].parent].name,
				       wanted->group[wanted->group[i].parent].name);
	}
	for (uint32_t i = 0; i < is->vif_count; i++) {
		struct svio_vif *vif = svio_device_vif_find(fixture.device, is->vif[i].name);

		CU_ASSERT_STRING_EQUAL(is->group[is->vif[i].qos.group].name,
				       wanted->group[wanted->vif[i].qos.group].name);
		CU_ASSERT_EQUAL(is->vif[i].qos.node.min_bps, wanted->vif[i].qos.node.min_bps);
		CU_ASSERT_EQUAL(is->vif[i].qos.classes, wanted->vif[i].qos.classes);
		CU_ASSERT_EQUAL(memcmp(&svio_vif_shared(vif)->qos, &is->vif[i].qos,
				       sizeof(is->vif[i].qos)),
				0);
	}
	svio_qos_tree_free(is);
}

static void load_tree(bool second)
{
	struct svio_qos_tree *tree = make_tree(second);
	struct answers answers = { 0 };

	CU_ASSERT_EQUAL(svio_qos_tree_check(tree, error), 0);
	CU_ASSERT_EQUAL(svio_device_qos_load(fixture.device, tree, count_answer, &answers), 0);
	fixture_wait_answers(&fixture, &answers, 1);
	CU_ASSERT_EQUAL(answers.last, 0);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(answers.count, 1);
	expect_tree(tree);
	svio_qos_tree_free(tree);
}

/* The fake firmware judges every step: none may pass through something that does not fit. */
static void load_full_trees_in_turns_fits_at_every_step(void)
{
	fixture_open(&fixture, "fake", 4, true);
	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "v%d", i);
		fixture_vif(&fixture, name);
	}
	for (int i = 0; i < 10; i++)
		load_tree(i % 2);
	load_tree(true); /* nothing to do is done at once */
	CU_ASSERT_EQUAL(fake_log_of(&fixture)->mistakes, 0);
	CU_ASSERT_EQUAL(log_count("refused"), 0);
	fixture_close(&fixture);
}

static void load_firmware_dies_at_any_message_ends_the_same(void)
{
	for (int n = 6; n <= 40; n++) {
		char wire[32];

		snprintf(wire, sizeof(wire), "fake,die=%d@1", n);
		fixture_open(&fixture, wire, 4, true);
		for (int i = 0; i < 4; i++) {
			char name[16];

			snprintf(name, sizeof(name), "v%d", i);
			fixture_vif(&fixture, name);
		}
		load_tree(false);
		load_tree(true);
		CU_ASSERT_EQUAL(log_count("refused"), 0);
		fixture_close(&fixture);
	}
}

static void load_without_room_for_new_groups_changes_nothing(void)
{
	struct svio_qos_tree *tree;
	char name[16];

	fixture_open(&fixture, "fake", 1, true);
	for (int i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		CU_ASSERT_EQUAL(add_group(name, 0, 0, 0), 0);
	}
	tree = svio_device_qos_tree(fixture.device);
	snprintf(tree->group[9].name, sizeof(tree->group[9].name), "other");
	CU_ASSERT_EQUAL(svio_device_qos_load(fixture.device, tree, NULL, NULL), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(svio_group_find(fixture.device, "g9"));
	svio_qos_tree_free(tree);
	fixture_wait_idle(&fixture);
	fixture_close(&fixture);
}

SVIO_TEST_MAIN("glue group", SVIO_TEST(group_life_from_add_to_del),
	       SVIO_TEST(group_that_cannot_be_is_refused_with_a_sentence),
	       SVIO_TEST(groups_as_many_as_there_may_be),
	       SVIO_TEST(vif_whose_min_does_not_fit_changes_nothing),
	       SVIO_TEST(group_del_with_a_vif_in_it_is_refused),
	       SVIO_TEST(firmware_killed_successor_hears_parents_first),
	       SVIO_TEST(group_firmware_refuses_is_taken_back),
	       SVIO_TEST(load_full_trees_in_turns_fits_at_every_step),
	       SVIO_TEST(load_firmware_dies_at_any_message_ends_the_same),
	       SVIO_TEST(load_without_room_for_new_groups_changes_nothing))
