// SPDX-License-Identifier: BSD-3-Clause
/* Groups and QoS over the control socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control_client.h"
#include "device.h"
#include "svio_test.h"

static void open_with(const char *wire)
{
	fixture_open(&fixture, wire, 8, true);
	memset(&client, 0, sizeof(client));
	client.fd = connect_control();
}

static void setup(void)
{
	open_with("fake");
}

static void teardown(void)
{
	close(client.fd);
	fixture_close(&fixture);
}

static void done(struct json_object *result)
{
	json_object_put(result);
}

static size_t changes_of(struct json_object *result)
{
	return json_object_array_length(json_object_object_get(result, "changes"));
}

static struct json_object *change_of(struct json_object *result, size_t index)
{
	return json_object_array_get_idx(json_object_object_get(result, "changes"), index);
}

static void vif_has_all_settings(void)
{
	struct json_object *vif, *lanes;

	done(ask("{\"cmd\":\"group-add\",\"name\":\"blue\",\"max_bps\":\"10G\",\"weight\":2}"));
	vif = ask("{\"cmd\":\"vif-add\",\"name\":\"web\",\"group\":\"blue\",\"min_bps\":1000000000,"
		  "\"max_bps\":\"2.5G\",\"burst_bytes\":65536,\"max_pps\":1000,\"weight\":5,"
		  "\"priority\":7,\"classes\":2,\"dscp\":{\"46\":7}}");
	CU_ASSERT_STRING_EQUAL(field(vif, "group"), "blue");
	CU_ASSERT_STRING_EQUAL(field(vif, "max_bps"), "2500000000");
	CU_ASSERT_STRING_EQUAL(field(vif, "burst_bytes"), "65536");
	CU_ASSERT_STRING_EQUAL(field(vif, "max_pps"), "1000");
	CU_ASSERT_STRING_EQUAL(field(vif, "weight"), "5");
	CU_ASSERT_STRING_EQUAL(field(vif, "priority"), "7");
	CU_ASSERT_EQUAL(json_object_array_length(json_object_object_get(vif, "classes")), 2);
	lanes = json_object_object_get(vif, "lanes");
	CU_ASSERT_EQUAL(json_object_get_int(json_object_array_get_idx(lanes, 7)), 1);
	CU_ASSERT_STRING_EQUAL(field(json_object_object_get(vif, "dscp"), "46"), "7");
	done(vif);
	/* Other classes have lanes of their own; what is not said stays. */
	vif = ask("{\"cmd\":\"vif-set\",\"name\":\"web\",\"classes\":4,\"dscp\":{\"10\":3}}");
	lanes = json_object_object_get(vif, "lanes");
	CU_ASSERT_EQUAL(json_object_get_int(json_object_array_get_idx(lanes, 7)), 3);
	CU_ASSERT_STRING_EQUAL(field(json_object_object_get(vif, "dscp"), "46"), "7");
	CU_ASSERT_STRING_EQUAL(field(vif, "weight"), "5");
	done(vif);
	vif = ask("{\"cmd\":\"vif-set\",\"name\":\"web\",\"lanes\":[3,3,3,3,3,3,3,0],"
		  "\"dscp\":\"default\",\"group\":\"port\"}");
	CU_ASSERT_EQUAL(json_object_object_length(json_object_object_get(vif, "dscp")), 0);
	CU_ASSERT_STRING_EQUAL(field(vif, "group"), "port");
	done(vif);
	CU_ASSERT_EQUAL(svio_vif_shared(svio_device_vif_find(fixture.device, "web"))->qos.lane[0],
			3);
}

static void group_list_tells_members(void)
{
	struct json_object *list, *group;

	done(ask("{\"cmd\":\"group-add\",\"name\":\"blue\"}"));
	done(ask("{\"cmd\":\"group-add\",\"name\":\"lab\",\"parent\":\"blue\",\"min_bps\":1000}"));
	done(ask("{\"cmd\":\"vif-add\",\"name\":\"a\",\"group\":\"lab\"}"));
	list = ask("{\"cmd\":\"group-list\"}");
	CU_ASSERT_EQUAL_FATAL(json_object_array_length(list), 2);
	group = json_object_array_get_idx(list, 1);
	CU_ASSERT_STRING_EQUAL(field(group, "name"), "lab");
	CU_ASSERT_STRING_EQUAL(field(group, "parent"), "blue");
	CU_ASSERT_STRING_EQUAL(field(group, "vifs"), "1");
	CU_ASSERT_STRING_EQUAL(field(group, "min_bps"), "1000");
	CU_ASSERT_STRING_EQUAL(field(group, "weight"), "1");
	done(list);
	expect_error("{\"cmd\":\"group-del\",\"name\":\"lab\"}", "EBUSY", "a is in it");
	done(ask("{\"cmd\":\"vif-del\",\"name\":\"a\"}"));
	done(ask("{\"cmd\":\"group-del\",\"name\":\"lab\"}"));
	done(ask("{\"cmd\":\"group-del\",\"name\":\"blue\"}"));
	list = ask("{\"cmd\":\"group-list\"}");
	CU_ASSERT_EQUAL(json_object_array_length(list), 0);
	done(list);
}

static void qos_set_changes_any_node(void)
{
	struct json_object *result;
	struct svio_vif *vif;

	done(ask("{\"cmd\":\"group-add\",\"name\":\"blue\"}"));
	done(ask("{\"cmd\":\"vif-add\",\"name\":\"web\",\"classes\":2,\"group\":\"blue\"}"));
	vif = svio_device_vif_find(fixture.device, "web");
	done(ask("{\"cmd\":\"qos-set\",\"node\":\"port\",\"max_bps\":\"10G\"}"));
	done(ask("{\"cmd\":\"qos-set\",\"node\":\"blue\",\"max_bps\":\"5G\"}"));
	done(ask("{\"cmd\":\"qos-set\",\"node\":\"web\",\"min_bps\":\"4G\"}"));
	result = ask("{\"cmd\":\"qos-set\",\"node\":\"web/1\",\"weight\":9,\"priority\":0}");
	CU_ASSERT_EQUAL(changes_of(result), 1); /* priority is as it was */
	CU_ASSERT_STRING_EQUAL(field(change_of(result, 0), "node"), "web/1");
	CU_ASSERT_STRING_EQUAL(field(change_of(result, 0), "setting"), "weight");
	CU_ASSERT_STRING_EQUAL(field(change_of(result, 0), "from"), "1");
	CU_ASSERT_STRING_EQUAL(field(change_of(result, 0), "to"), "9");
	done(result);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->group[0].qos.max_bps, 10000000000ull);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->group[1].qos.max_bps, 5000000000ull);
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->qos.node.min_bps, 4000000000ull);
	CU_ASSERT_EQUAL(svio_vif_shared(vif)->qos.class_node[1].weight, 9);
	/* Only so far as it says, and not at all. */
	result = ask("{\"cmd\":\"qos-set\",\"node\":\"blue\",\"max_bps\":\"6G\",\"dry_run\":true}");
	CU_ASSERT_STRING_EQUAL(field(result, "dry_run"), "true");
	CU_ASSERT_EQUAL(changes_of(result), 1);
	done(result);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->group[1].qos.max_bps, 5000000000ull);
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"blue\",\"max_bps\":\"3G\",\"dry_run\":true}",
		     "E2BIG", "max 3G of group blue is below the 4G");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web\",\"min_bps\":\"6G\"}", "E2BIG",
		     "group blue has 5G left of its max 5G");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web/0\",\"min_bps\":\"6G\"}", "E2BIG",
		     "for all of VIF web");
}

static void mistakes_are_answered_with_a_sentence(void)
{
	done(ask("{\"cmd\":\"vif-add\",\"name\":\"web\"}"));
	done(ask("{\"cmd\":\"group-add\",\"name\":\"blue\"}"));
	expect_error("{\"cmd\":\"qos-set\"}", "EINVAL", "node");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"wbe\"}", "ENOENT", "did you mean web");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"bleu\"}", "ENOENT", "did you mean blue");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"zzzzzzzzz\"}", "ENOENT", "qos show");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"blue/0\"}", "ENOENT", "blue/0");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web/0\"}", "ENOENT", "has no classes");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web\",\"colour\":1}", "EINVAL", "colour");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web\",\"dry_run\":1}", "EINVAL", "dry_run");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web\",\"weight\":-1}", "EINVAL", "weight");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web\",\"max_bps\":\"10 parsecs\"}", "EINVAL",
		     "is not a rate");
	done(ask("{\"cmd\":\"vif-set\",\"name\":\"web\",\"classes\":2}"));
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web/2\"}", "ENOENT", "0 to 1");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web/x\"}", "ENOENT", "no class \"x\"");
	expect_error("{\"cmd\":\"qos-set\",\"node\":\"web/\"}", "ENOENT", "no class");
	expect_error("{\"cmd\":\"vif-set\",\"name\":\"web\",\"lanes\":[0,0,0,0,0,0,0,2]}", "EINVAL",
		     "level 7");
	expect_error("{\"cmd\":\"vif-set\",\"name\":\"web\",\"group\":\"bleu\"}", "ENOENT",
		     "did you mean blue");
	expect_error("{\"cmd\":\"vif-set\",\"name\":\"web\",\"group\":7}", "EINVAL", "group");
	expect_error("{\"cmd\":\"group-add\",\"name\":\"a\",\"parent\":\"x\"}", "ENOENT",
		     "group x");
	expect_error("{\"cmd\":\"group-add\",\"name\":\"a\",\"parent\":1}", "EINVAL", "parent");
	expect_error("{\"cmd\":\"group-add\",\"name\":\"a\",\"colour\":1}", "EINVAL", "colour");
	expect_error("{\"cmd\":\"group-add\"}", "EINVAL", "which group");
	expect_error("{\"cmd\":\"group-del\",\"name\":\"blu\"}", "ENOENT", "did you mean blue");
	expect_error("{\"cmd\":\"qos-load\"}", "EINVAL", "not an object");
	expect_error("{\"cmd\":\"qos-load\",\"tree\":{\"groups\":[]},\"dry_run\":1}", "EINVAL",
		     "dry_run");
}

static void qos_load_is_all_or_nothing(void)
{
	struct json_object *result, *tree;

	done(ask("{\"cmd\":\"vif-add\",\"name\":\"web\",\"min_bps\":\"1G\"}"));
	done(ask("{\"cmd\":\"group-add\",\"name\":\"old\"}"));
	expect_error("{\"cmd\":\"qos-load\",\"tree\":{\"groups\":[{\"name\":\"blue\","
		     "\"max_bps\":\"1G\"}],\"vifs\":[{\"name\":\"web\",\"group\":\"blue\","
		     "\"min_bps\":\"2G\"}]}}",
		     "E2BIG", "min 2G of VIF web does not fit: group blue has 1G left");
	CU_ASSERT_PTR_NULL(svio_group_find(fixture.device, "blue"));
	CU_ASSERT_PTR_NOT_NULL(svio_group_find(fixture.device, "old"));
	for (int dry_run = 1; dry_run >= 0; dry_run--) {
		result = ask(
			"{\"cmd\":\"qos-load\",\"dry_run\":%s,\"tree\":{\"port\":{\"max_bps\":"
			"\"8G\"},\"groups\":[{\"name\":\"blue\",\"max_bps\":\"3G\"}],\"vifs\":[{"
			"\"name\":\"web\",\"group\":\"blue\",\"min_bps\":\"2G\"}]}}",
			dry_run ? "true" : "false");
		CU_ASSERT_EQUAL(changes_of(result), 6);
		done(result);
		CU_ASSERT_EQUAL(svio_group_find(fixture.device, "blue") == NULL, dry_run);
	}
	tree = ask("{\"cmd\":\"qos-show\"}");
	CU_ASSERT_STRING_EQUAL(field(json_object_object_get(tree, "port"), "max_bps"),
			       "8000000000");
	CU_ASSERT_EQUAL(json_object_array_length(json_object_object_get(tree, "groups")), 1);
	result = ask("{\"cmd\":\"qos-load\",\"tree\":%s}", json_object_to_json_string(tree));
	CU_ASSERT_EQUAL(changes_of(result), 0);
	done(result);
	done(tree);
}

static void qos_read_brings_every_node_up_to_date(void)
{
	struct json_object *reading, *nodes;
	struct svio_vif *vif;

	done(ask("{\"cmd\":\"group-add\",\"name\":\"blue\"}"));
	done(ask("{\"cmd\":\"vif-add\",\"name\":\"web\",\"classes\":2,\"group\":\"blue\"}"));
	vif = svio_device_vif_find(fixture.device, "web");
	vif->shared->class_live[1].state = 77;
	done(ask("{\"cmd\":\"qos-read\"}"));
	vif->shared->class_live[1].state = SVIO_HOST_QOS_HELD;
	vif->shared->counters[SVIO_COUNTER_tx_drop_receiver] = 5;
	reading = ask("{\"cmd\":\"qos-read\"}");
	nodes = json_object_object_get(reading, "nodes");
	CU_ASSERT_EQUAL_FATAL(json_object_array_length(nodes), 5);
	for (size_t i = 0; i < 5; i++) {
		static const char *const names[] = { "port", "blue", "web", "web/0", "web/1" };
		struct json_object *node = json_object_array_get_idx(nodes, i);

		CU_ASSERT_STRING_EQUAL(field(node, "node"), names[i]);
		CU_ASSERT_STRING_EQUAL(field(node, "bytes"), "2000");
		CU_ASSERT_STRING_EQUAL(field(node, "packets"), "2");
		CU_ASSERT_STRING_EQUAL(field(node, "state"), "ready");
	}
	CU_ASSERT_STRING_EQUAL(field(json_object_array_get_idx(nodes, 2), "tx_drop_receiver"), "5");
	done(reading);
}

static void firmware_that_refuses_is_said(void)
{
	char wire[64];

	teardown();
	snprintf(wire, sizeof(wire), "fake,refuse=%d,refuse=%d", SVIO_HOST_GROUP_SET,
		 SVIO_HOST_QOS_READ);
	open_with(wire);
	expect_error("{\"cmd\":\"group-add\",\"name\":\"blue\"}", "EINVAL",
		     "group blue could not be made: the firmware answered");
	expect_error("{\"cmd\":\"qos-read\"}", "EINVAL", "the tree could not be read");
	expect_error("{\"cmd\":\"qos-load\",\"tree\":{\"groups\":[{\"name\":\"a\"}]}}", "EINVAL",
		     "could not be changed in all that was asked");
	CU_ASSERT_PTR_NULL(svio_group_find(fixture.device, "a"));
}

/* Changes are made at once, and the next firmware hears of them. */
static void firmware_that_is_not_there_keeps_nobody_waiting(void)
{
	teardown();
	fixture_open(&fixture, "fake,exit=1", 2, false); /* never ready */
	memset(&client, 0, sizeof(client));
	client.fd = connect_control();
	done(ask("{\"cmd\":\"group-add\",\"name\":\"blue\"}"));
	done(ask("{\"cmd\":\"qos-set\",\"node\":\"blue\",\"max_bps\":\"1G\"}"));
	done(ask("{\"cmd\":\"qos-read\"}"));
	done(ask("{\"cmd\":\"qos-load\",\"tree\":{\"groups\":[{\"name\":\"red\"}]}}"));
	CU_ASSERT_PTR_NULL(svio_group_find(fixture.device, "blue"));
	done(ask("{\"cmd\":\"group-del\",\"name\":\"red\"}"));
}

SVIO_TEST_MAIN_WITH("glue qos", setup, teardown, SVIO_TEST(vif_has_all_settings),
		    SVIO_TEST(group_list_tells_members), SVIO_TEST(qos_set_changes_any_node),
		    SVIO_TEST(mistakes_are_answered_with_a_sentence),
		    SVIO_TEST(qos_load_is_all_or_nothing),
		    SVIO_TEST(qos_read_brings_every_node_up_to_date),
		    SVIO_TEST(firmware_that_refuses_is_said),
		    SVIO_TEST(firmware_that_is_not_there_keeps_nobody_waiting))
