// SPDX-License-Identifier: BSD-3-Clause
/*
 * svio qos show: the tree, what it does, and who is limited by what.
 *
 * A node's state changes thousands of times a second, so the firmware is asked
 * several times, and what was most often the case is told.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "settings.h"

#define SAMPLES        20
#define ONCE_S         0.5
#define NO_NODE        SIZE_MAX
#define INDENT         2
#define RECEIVER_SHARE 100 /* one packet in so many lost at receivers: they are the limit */

enum {
	OPTION_WATCH = CLI_OPTION_OWN,
	OPTION_COUNT,
};

enum state {
	STATE_IDLE,
	STATE_READY,
	STATE_HELD,
	STATE_BEHIND,
	STATE_COUNT,
};

static const char *const state_names[] = { "idle", "ready", "held", "behind" };

struct node {
	char name[SVIO_HOST_NAME_BYTES + 24];
	const char *kind;
	size_t parent; /* index; NO_NODE: the port */
	int depth;
	struct json_object *settings; /* in the tree's report */
	struct json_object *first;    /* in the first reading; NULL: not in it */
	struct json_object *last;
	uint32_t states[STATE_COUNT]; /* how often it was so */
};

struct show {
	struct cli *cli;
	struct json_object *tree;
	struct json_object *index; /* of nodes by name */
	struct json_object *first; /* readings */
	struct json_object *last;
	struct node *nodes; /* as shown: what is below a node follows it */
	size_t count;
	double seconds;
};

static size_t add_node(struct show *show, const char *name, const char *kind, size_t parent,
		       struct json_object *settings)
{
	struct node *node = &show->nodes[show->count];

	snprintf(node->name, sizeof(node->name), "%s", name);
	node->kind = kind;
	node->parent = parent;
	node->depth = parent == NO_NODE ? 0 : show->nodes[parent].depth + 1;
	node->settings = settings;
	json_object_object_add(show->index, name, json_object_new_uint64(show->count));
	return show->count++;
}

static void add_vif(struct show *show, struct json_object *vif, size_t parent)
{
	size_t index = add_node(show, cli_text(vif, "name"), "vif", parent, vif);
	char name[SVIO_HOST_NAME_BYTES + 24];

	for (size_t i = 0; i < cli_count(vif, "classes"); i++) {
		snprintf(name, sizeof(name), "%.31s/%zu", cli_text(vif, "name"), i);
		add_node(show, name, "class", index, cli_item(vif, "classes", i));
	}
}

static bool is_below(struct json_object *thing, const char *key, const char *name)
{
	const char *parent = cli_text(thing, key);

	return !strcmp(*parent ? parent : SVIO_PORT_NAME, name);
}

/* Its VIFs, then its groups with theirs; groups nest once. */
static void add_members(struct show *show, size_t parent)
{
	const char *name = show->nodes[parent].name;

	for (size_t i = 0; i < cli_count(show->tree, "vifs"); i++)
		if (is_below(cli_item(show->tree, "vifs", i), "group", name))
			add_vif(show, cli_item(show->tree, "vifs", i), parent);
}

static void add_groups(struct show *show, size_t parent)
{
	for (size_t i = 0; i < cli_count(show->tree, "groups"); i++) {
		struct json_object *group = cli_item(show->tree, "groups", i);
		size_t index;

		if (!is_below(group, "parent", show->nodes[parent].name))
			continue;
		index = add_node(show, cli_text(group, "name"), "group", parent, group);
		add_members(show, index);
		if (show->nodes[parent].parent == NO_NODE)
			add_groups(show, index);
	}
}

static void open_show(struct show *show, struct cli *cli)
{
	size_t room = 1;

	*show = (struct show){ .cli = cli,
			       .tree = cli_call(cli, cli_request_new("qos-show", NULL)),
			       .index = json_object_new_object() };
	room += cli_count(show->tree, "groups");
	room += cli_count(show->tree, "vifs") * (1 + SVIO_HOST_CLASSES);
	show->nodes = calloc(room, sizeof(*show->nodes));
	if (!show->nodes)
		cli_fail(CLI_FAILED, "out of memory");
	add_node(show, SVIO_PORT_NAME, "port", NO_NODE, json_object_object_get(show->tree, "port"));
	add_members(show, 0);
	add_groups(show, 0);
}

static void close_show(struct show *show)
{
	json_object_put(show->tree);
	json_object_put(show->index);
	json_object_put(show->first);
	json_object_put(show->last);
	free(show->nodes);
}

static struct node *find_node(const struct show *show, const char *name)
{
	struct json_object *index;

	if (!json_object_object_get_ex(show->index, name, &index))
		return NULL;
	return &show->nodes[json_object_get_uint64(index)];
}

static void note_state(struct node *node, const char *state)
{
	for (int i = 0; i < STATE_COUNT; i++)
		node->states[i] += !strcmp(state, state_names[i]);
}

/* One reading of all nodes; those that came or went meanwhile are left out. */
static void take_sample(struct show *show, bool first)
{
	struct json_object *reading = cli_call(show->cli, cli_request_new("qos-read", NULL));

	for (size_t i = 0; i < cli_count(reading, "nodes"); i++) {
		struct json_object *live = cli_item(reading, "nodes", i);
		struct node *node = find_node(show, cli_text(live, "node"));

		if (!node)
			continue;
		if (first)
			node->first = live;
		node->last = live;
		note_state(node, cli_text(live, "state"));
	}
	if (first) {
		show->first = reading;
		return;
	}
	json_object_put(show->last);
	show->last = reading;
}

static void sample(struct show *show, double seconds)
{
	take_sample(show, true);
	for (int i = 1; i <= SAMPLES; i++) {
		cli_sleep(seconds / SAMPLES);
		take_sample(show, false);
	}
	show->seconds =
		(double)(cli_number(show->last, "time_ns") - cli_number(show->first, "time_ns")) /
		1e9;
}

/* How much a counter has grown; a new firmware begins at zero. */
static uint64_t growth(const struct node *node, const char *key)
{
	uint64_t first = cli_number(node->first, key), last = cli_number(node->last, key);

	return node->first && last > first ? last - first : 0;
}

static uint64_t per_second(const struct show *show, uint64_t count)
{
	return show->seconds > 0 ? (uint64_t)((double)count / show->seconds + 0.5) : 0;
}

static enum state usual_state(const struct node *node)
{
	int usual = STATE_IDLE;

	for (int i = 1; i < STATE_COUNT; i++)
		if (node->states[i] > node->states[usual])
			usual = i;
	return (enum state)usual;
}

/* Who above it holds it back: the nearest that was most often held; else the nearest with a max. */
static const struct node *find_ceiling(const struct show *show, const struct node *node)
{
	const struct node *with_max = NULL;

	while (node->parent != NO_NODE) {
		node = &show->nodes[node->parent];
		if (usual_state(node) == STATE_HELD)
			return node;
		if (!with_max && (cli_number(node->settings, "max_bps") ||
				  cli_number(node->settings, "max_pps")))
			with_max = node;
	}
	return with_max ? with_max : node;
}

/* Which of its two ceilings: bits, unless only packets are limited or bits are far from it. */
static bool is_held_by_packets(const struct show *show, const struct node *node)
{
	uint64_t max_bps = cli_number(node->settings, "max_bps");

	if (!cli_number(node->settings, "max_pps"))
		return false;
	return !max_bps || 8 * per_second(show, growth(node, "bytes")) < max_bps / 10 * 9;
}

/* One of the codes below; *ceiling: the node above, where it is that. */
static const char *find_limit(const struct show *show, const struct node *node,
			      const struct node **ceiling)
{
	enum state state = usual_state(node);
	uint64_t lost = growth(node, "tx_drop_receiver");

	*ceiling = NULL;
	if (state == STATE_HELD)
		return is_held_by_packets(show, node) ? "max_pps" : "max";
	if (state == STATE_BEHIND) {
		*ceiling = find_ceiling(show, node);
		return "above";
	}
	if (lost > 0 && lost * RECEIVER_SHARE >= growth(node, "tx_packets"))
		return "receiver";
	if (state == STATE_READY)
		return "share";
	return growth(node, "packets") > 0 ? "demand" : "idle";
}

static const char *format_limit(const char *limit, const struct node *ceiling, char *text)
{
	static const char *const texts[][2] = {
		{ "max", "its max" },
		{ "max_pps", "its max-pps" },
		{ "receiver", "its receivers" },
		{ "share", "its share" },
		{ "demand", "its demand" },
	};

	if (ceiling) {
		snprintf(text, CLI_CELL_BYTES, "max of %s", ceiling->name);
		return text;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(limit, texts[i][0]))
			return texts[i][1];
	return "-";
}

/* Nodes from wanted on, as long as they are below it. */
static size_t find_end(const struct show *show, size_t from)
{
	size_t end = from + 1;

	while (end < show->count && show->nodes[end].depth > show->nodes[from].depth)
		end++;
	return end;
}

static void add_settings(struct cli_table *table, struct json_object *settings)
{
	static const char *const keys[] = { "min_bps", "max_bps", "max_pps" };
	char text[CLI_CELL_BYTES];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct json_object *value = json_object_object_get(settings, keys[i]);

		cli_table_add(table, CLI_PLAIN, "%s",
			      value ? cli_format_setting(keys[i], value, text) : "-");
	}
	cli_table_add(table, CLI_PLAIN, "%" PRIu64,
		      json_object_object_get(settings, "weight") ? cli_number(settings, "weight")
								 : 1);
	cli_table_add(table, CLI_PLAIN, "%" PRIu64, cli_number(settings, "priority"));
}

static void print_nodes(const struct show *show, size_t from)
{
	static const char *const headings[] = { "NODE",     ">MIN",       ">MAX",
						">MAX-PPS", ">WEIGHT",    ">PRIORITY",
						">BIT/s",   ">PACKETS/s", "LIMITED BY" };
	struct cli_table *table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	char text[CLI_CELL_BYTES];

	for (size_t i = from; i < find_end(show, from); i++) {
		const struct node *node = &show->nodes[i], *ceiling;
		const char *limit = find_limit(show, node, &ceiling);

		cli_table_add(table, CLI_BOLD, "%*s%s", INDENT * node->depth, "", node->name);
		add_settings(table, node->settings);
		cli_table_add(table, CLI_PLAIN, "%s",
			      cli_format_count(8 * per_second(show, growth(node, "bytes")), "",
					       text));
		cli_table_add(table, CLI_PLAIN, "%s",
			      cli_format_count(per_second(show, growth(node, "packets")), "",
					       text));
		cli_table_add(table, !strcmp(limit, "receiver") ? CLI_BAD : CLI_PLAIN, "%s",
			      format_limit(limit, ceiling, text));
	}
	cli_table_print(table);
}

static struct json_object *report_states(const struct node *node)
{
	struct json_object *report = json_object_new_object();

	for (int i = 0; i < STATE_COUNT; i++)
		cli_add_number(report, state_names[i], node->states[i]);
	return report;
}

static struct json_object *report_node(const struct show *show, const struct node *node)
{
	struct json_object *report = json_object_new_object();
	const struct node *ceiling;
	const char *limit = find_limit(show, node, &ceiling);

	json_object_object_add(report, "node", json_object_new_string(node->name));
	json_object_object_add(report, "kind", json_object_new_string(node->kind));
	json_object_object_add(report, "parent",
			       node->parent == NO_NODE
				       ? NULL
				       : json_object_new_string(show->nodes[node->parent].name));
	json_object_object_add(report, "settings", json_object_get(node->settings));
	cli_add_number(report, "bps", 8 * per_second(show, growth(node, "bytes")));
	cli_add_number(report, "pps", per_second(show, growth(node, "packets")));
	cli_add_number(report, "held_per_s", per_second(show, growth(node, "held")));
	json_object_object_add(report, "limited_by", json_object_new_string(limit));
	if (ceiling)
		json_object_object_add(report, "ceiling", json_object_new_string(ceiling->name));
	json_object_object_add(report, "samples", report_states(node));
	return report;
}

static void print_report(const struct show *show, size_t from, bool watch)
{
	struct json_object *report = json_object_new_object(), *nodes = json_object_new_array();

	cli_add_number(report, "time_ns", cli_number(show->last, "time_ns"));
	cli_add_number(report, "interval_ms", (uint64_t)(show->seconds * 1000));
	for (size_t i = from; i < find_end(show, from); i++)
		json_object_array_add(nodes, report_node(show, &show->nodes[i]));
	json_object_object_add(report, "nodes", nodes);
	if (watch)
		puts(json_object_to_json_string_ext(report, JSON_C_TO_STRING_PLAIN));
	else
		cli_print_json(report);
	json_object_put(report);
}

static void fail_missing(const struct show *show, const char *name)
{
	const char **names = calloc(show->count, sizeof(*names));
	const char *nearest;

	if (!names)
		cli_fail(CLI_FAILED, "out of memory");
	for (size_t i = 0; i < show->count; i++)
		names[i] = show->nodes[i].name;
	nearest = svio_nearest(name, names, show->count);
	cli_fail(CLI_FAILED, "there is no group, VIF or class %.40s%s%s%s", name,
		 nearest ? ": did you mean " : ": svio qos show names those there are",
		 nearest ? nearest : "", nearest ? "?" : "");
}

static void show_once(struct cli *cli, const char *name, double seconds, bool watch)
{
	const struct node *node;
	struct show show;

	open_show(&show, cli);
	node = find_node(&show, name ? name : SVIO_PORT_NAME);
	if (!node)
		fail_missing(&show, name);
	sample(&show, seconds);
	if (cli->json)
		print_report(&show, (size_t)(node - show.nodes), watch);
	else
		print_nodes(&show, (size_t)(node - show.nodes));
	close_show(&show);
	fflush(stdout);
}

int cli_qos_show(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	struct cli_watch watch;
	const char *name;

	cli_watch_take(command, cli, argc, argv, &watch, &name);
	if (watch.interval_s <= 0) {
		show_once(cli, name, ONCE_S, false);
		return CLI_OK;
	}
	for (uint64_t i = 0; cli_watch_goes_on(&watch, i); i++) {
		if (i > 0 && !cli->json)
			putchar('\n');
		show_once(cli, name, watch.interval_s, true);
	}
	return CLI_OK;
}
