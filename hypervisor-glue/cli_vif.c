// SPDX-License-Identifier: BSD-3-Clause
/*
 * svio vif ...
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "settings.h"

enum {
	OPTION_RX_MAX = CLI_OPTION_OWN,
	OPTION_RX_WAIT,
	OPTION_MAC,
	OPTION_VLAN,
	OPTION_QUEUES,
	OPTION_MTU,
	OPTION_TRUSTED,
	OPTION_NO_TRUSTED,
	OPTION_MAP_QUEUE,
	OPTION_NO_MAP_QUEUE,
	OPTION_LINK,
	OPTION_GROUP,
	OPTION_CLASSES,
	OPTION_LANES,
	OPTION_DSCP,
	OPTION_MEMORY,
};

#define SETTING_OPTIONS                                                        \
	CLI_QOS_OPTIONS, { "rx-max", required_argument, NULL, OPTION_RX_MAX }, \
		{ "rx-wait", required_argument, NULL, OPTION_RX_WAIT },        \
		{ "group", required_argument, NULL, OPTION_GROUP },            \
		{ "classes", required_argument, NULL, OPTION_CLASSES },        \
		{ "lanes", required_argument, NULL, OPTION_LANES },            \
		{ "dscp", required_argument, NULL, OPTION_DSCP },              \
		{ "mac", required_argument, NULL, OPTION_MAC },                \
		{ "vlan", required_argument, NULL, OPTION_VLAN },              \
		{ "mtu", required_argument, NULL, OPTION_MTU },                \
		{ "trusted", no_argument, NULL, OPTION_TRUSTED },              \
		{ "no-trusted", no_argument, NULL, OPTION_NO_TRUSTED },        \
		{ "map-queue", no_argument, NULL, OPTION_MAP_QUEUE },          \
		{ "no-map-queue", no_argument, NULL, OPTION_NO_MAP_QUEUE },    \
	{                                                                      \
		"link", required_argument, NULL, OPTION_LINK                   \
	}

static void add_mac(struct json_object *request, const char *text)
{
	char error[SVIO_ERROR_BYTES];
	uint8_t mac[6];

	if (svio_mac_parse(text, mac, error))
		cli_fail(CLI_USAGE, "--mac: %s", error);
	json_object_object_add(request, "mac", json_object_new_string(text));
}

static void add_link(struct json_object *request, const char *text)
{
	if (strcmp(text, "up") != 0 && strcmp(text, "down") != 0)
		cli_fail(CLI_USAGE, "--link: \"%s\" is neither up nor down", text);
	json_object_object_add(request, "link", json_object_new_string(text));
}

static void add_rx_wait(struct json_object *request, const char *text)
{
	char error[SVIO_ERROR_BYTES];
	uint64_t us;

	if (svio_time_parse(text, SVIO_RX_WAIT_MAX_US, &us, error))
		cli_fail(CLI_USAGE, "--rx-wait: %s", error);
	cli_add_number(request, "rx_wait_us", us);
}

static void add_setting(struct json_object *request, int option)
{
	if (cli_add_qos(request, option))
		return;
	switch (option) {
	case OPTION_RX_MAX:
		cli_add_rate(request, "--rx-max", "rx_max_bps", optarg);
		break;
	case OPTION_RX_WAIT:
		add_rx_wait(request, optarg);
		break;
	case OPTION_GROUP:
		json_object_object_add(request, "group", json_object_new_string(optarg));
		break;
	case OPTION_CLASSES:
		cli_add_whole(request, "--classes", "classes", strcmp(optarg, "off") ? optarg : "0",
			      0, SVIO_HOST_CLASSES);
		break;
	case OPTION_LANES:
		cli_add_lanes(request, optarg);
		break;
	case OPTION_DSCP:
		cli_add_dscp(request, optarg);
		break;
	case OPTION_MAC:
		add_mac(request, optarg);
		break;
	case OPTION_VLAN:
		cli_add_whole(request, "--vlan", "vlan", strcmp(optarg, "off") ? optarg : "0", 0,
			      4094);
		break;
	case OPTION_QUEUES:
		cli_add_whole(request, "--queues", "queues", optarg, 1, SVIO_QUEUES_MAX);
		break;
	case OPTION_MTU:
		cli_add_whole(request, "--mtu", "mtu", optarg, SVIO_MTU_MIN, SVIO_MTU_MAX);
		break;
	case OPTION_TRUSTED:
	case OPTION_NO_TRUSTED:
		json_object_object_add(request, "trusted",
				       json_object_new_boolean(option == OPTION_TRUSTED));
		break;
	case OPTION_MAP_QUEUE:
	case OPTION_NO_MAP_QUEUE:
		json_object_object_add(request, "map_queue",
				       json_object_new_boolean(option == OPTION_MAP_QUEUE));
		break;
	default:
		add_link(request, optarg);
		break;
	}
}

/* "trunk", "off", "up": what a value of zero means is said in words. */
static const char *format_vlan(struct json_object *vif, char *text)
{
	uint64_t vlan = cli_number(vif, "vlan");

	if (vlan == 0)
		return memcpy(text, "trunk", sizeof("trunk"));
	snprintf(text, CLI_CELL_BYTES, "%" PRIu64, vlan);
	return text;
}

static enum cli_colour state_colour(struct json_object *vif)
{
	const char *state = cli_text(vif, "state");

	if (!strcmp(state, "error"))
		return CLI_BAD;
	return !strcmp(state, "ready") ? CLI_GOOD : CLI_PLAIN;
}

static void print_error(struct json_object *vif)
{
	struct json_object *error = json_object_object_get(vif, "error");

	if (!error)
		return;
	printf("  stopped    %s (%s), queue %s, address 0x%" PRIx64 "\n", cli_text(error, "text"),
	       cli_text(error, "name"), cli_text(error, "queue"), cli_number(error, "address"));
	printf("             the guest's driver brings it back by a reset\n");
}

/* "min 1G, weight 2": what is not as it is without a word. */
static void print_node(struct json_object *node)
{
	static const char *const keys[][2] = {
		{ "min", "min_bps" },   { "max-pps", "max_pps" },   { "burst", "burst_bytes" },
		{ "weight", "weight" }, { "priority", "priority" },
	};
	char text[CLI_CELL_BYTES];

	printf("max %s", svio_rate_format(cli_number(node, "max_bps"), text));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct json_object *value = json_object_object_get(node, keys[i][1]);

		if (json_object_get_uint64(value) > !strcmp(keys[i][0], "weight"))
			printf(", %s %s", keys[i][0], cli_format_setting(keys[i][1], value, text));
	}
}

static void print_qos(struct json_object *vif)
{
	size_t classes = cli_count(vif, "classes");
	char text[CLI_CELL_BYTES];

	printf("  sends      ");
	print_node(vif);
	printf(", group %s\n", cli_text(vif, "group"));
	printf("  receives   rx-max %s", svio_rate_format(cli_number(vif, "rx_max_bps"), text));
	printf(", rx-wait %s\n", svio_time_format(cli_number(vif, "rx_wait_us"), text));
	for (size_t i = 0; i < classes; i++) {
		printf("  class %zu    ", i);
		print_node(cli_item(vif, "classes", i));
		putchar('\n');
	}
	if (classes > 0)
		printf("  lanes      %s (of service levels 0 to 7)\n",
		       cli_format_setting("lanes", json_object_object_get(vif, "lanes"), text));
	if (classes > 0 && json_object_object_length(json_object_object_get(vif, "dscp")) > 0)
		printf("  dscp       %s (others: dscp / 8)\n",
		       cli_format_setting("dscp", json_object_object_get(vif, "dscp"), text));
}

static void print_vif(struct json_object *vif)
{
	struct json_object *maps = json_object_object_get(vif, "maps");
	char text[CLI_CELL_BYTES];

	printf("VIF %s\n", cli_text(vif, "name"));
	printf("  state      %s, %s\n", cli_text(vif, "state"),
	       cli_flag(vif, "connected") ? "a VM is connected" : "no VM is connected");
	print_error(vif);
	printf("  link       %s\n", cli_text(vif, "link"));
	printf("  mac        %s\n", cli_text(vif, "mac"));
	printf("  vlan       %s\n", format_vlan(vif, text));
	print_qos(vif);
	printf("  mtu        %" PRIu64 " at most\n", cli_number(vif, "mtu"));
	printf("  queues     %" PRIu64 " pairs, %" PRIu64 " interrupt vectors\n",
	       cli_number(vif, "queues"), cli_number(vif, "vectors"));
	printf("  trusted    %s\n",
	       cli_flag(vif, "trusted") ? "yes: any source MAC, promiscuous" : "no");
	printf("  map queue  %s\n", cli_flag(vif, "map_queue") ? "offered" : "no");
	printf("  memory     %" PRIu64 " maps, ", cli_number(maps, "count"));
	printf("%s\n", cli_format_count(cli_number(maps, "bytes"), "B", text));
	printf("  socket     %s\n", cli_text(vif, "socket"));
}

static int run_add_or_set(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option add_options[] = { SETTING_OPTIONS,
						     { "queues", required_argument, NULL,
						       OPTION_QUEUES },
						     CLI_COMMON_OPTIONS,
						     { 0 } };
	static const struct option set_options[] = { SETTING_OPTIONS, CLI_COMMON_OPTIONS, { 0 } };
	bool add = !strcmp(command->name, "add");
	struct json_object *request = cli_request_new(add ? "vif-add" : "vif-set", NULL);
	struct json_object *vif;
	const char *name;
	int option, settings = 0;

	for (; (option = cli_next_option(command, cli, argc, argv,
					 add ? add_options : set_options)) >= 0;
	     settings++)
		add_setting(request, option);
	cli_take_arguments(command, argc, argv, 1, 1, &name);
	if (!add && settings == 0) {
		json_object_put(request);
		cli_fail(CLI_USAGE,
			 "vif set %s: what? For example --max 500M (see svio vif set --help)",
			 name);
	}
	json_object_object_add(request, "name", json_object_new_string(name));
	vif = cli_call(cli, request);
	if (cli->json)
		cli_print_json(vif);
	else
		print_vif(vif);
	json_object_put(vif);
	return CLI_OK;
}

/* A command that has no options of its own and takes one name. */
static struct json_object *call_with_name(const struct cli_command *command, struct cli *cli,
					  int argc, char **argv, const char *request)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	const char *name;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		;
	cli_take_arguments(command, argc, argv, 1, 1, &name);
	return cli_call(cli, cli_request_new(request, name));
}

static int run_del(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	json_object_put(call_with_name(command, cli, argc, argv, "vif-del"));
	if (cli->json)
		puts("{}");
	return CLI_OK;
}

static int run_show(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	struct json_object *vif = call_with_name(command, cli, argc, argv, "vif-show");

	if (cli->json)
		cli_print_json(vif);
	else
		print_vif(vif);
	json_object_put(vif);
	return CLI_OK;
}

static void print_list(struct json_object *list)
{
	static const char *const headings[] = { "NAME",  "STATE", "VM",      "LINK",    "MAC",
						">VLAN", ">MAX",  ">RX-MAX", ">QUEUES", "TRUSTED" };
	struct cli_table *table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	char text[CLI_CELL_BYTES];

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vif = json_object_array_get_idx(list, i);
		bool down = !strcmp(cli_text(vif, "link"), "down");

		cli_table_add(table, CLI_BOLD, "%s", cli_text(vif, "name"));
		cli_table_add(table, state_colour(vif), "%s", cli_text(vif, "state"));
		cli_table_add(table, CLI_PLAIN, "%s", cli_flag(vif, "connected") ? "yes" : "-");
		cli_table_add(table, down ? CLI_BAD : CLI_PLAIN, "%s", cli_text(vif, "link"));
		cli_table_add(table, CLI_PLAIN, "%s", cli_text(vif, "mac"));
		cli_table_add(table, CLI_PLAIN, "%s", format_vlan(vif, text));
		cli_table_add(table, CLI_PLAIN, "%s",
			      svio_rate_format(cli_number(vif, "max_bps"), text));
		cli_table_add(table, CLI_PLAIN, "%s",
			      svio_rate_format(cli_number(vif, "rx_max_bps"), text));
		cli_table_add(table, CLI_PLAIN, "%" PRIu64, cli_number(vif, "queues"));
		cli_table_add(table, CLI_PLAIN, "%s", cli_flag(vif, "trusted") ? "yes" : "no");
	}
	cli_table_print(table);
}

static int run_list(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	struct json_object *list;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		;
	cli_take_arguments(command, argc, argv, 0, 0, NULL);
	list = cli_call(cli, cli_request_new("vif-list", NULL));
	if (cli->json)
		cli_print_json(list);
	else if (json_object_array_length(list) == 0)
		puts("There is no VIF. svio vif add NAME makes one.");
	else
		print_list(list);
	json_object_put(list);
	return CLI_OK;
}

/* The arguments that give the VIF to a VM, as an array of words. */
static struct json_object *qemu_arguments(struct json_object *vif, const char *memory)
{
	struct json_object *words = json_object_new_array();
	struct json_object *device = json_object_new_object();
	struct json_object *socket = json_object_new_object();
	char text[CLI_CELL_BYTES];

	if (memory) {
		snprintf(text, sizeof(text), "memory-backend-memfd,id=svio-ram,size=%s,share=on",
			 memory);
		json_object_array_add(words, json_object_new_string("-object"));
		json_object_array_add(words, json_object_new_string(text));
		json_object_array_add(words, json_object_new_string("-machine"));
		json_object_array_add(words, json_object_new_string("memory-backend=svio-ram"));
	}
	json_object_object_add(socket, "type", json_object_new_string("unix"));
	json_object_object_add(socket, "path", json_object_new_string(cli_text(vif, "socket")));
	json_object_object_add(device, "driver", json_object_new_string("vfio-user-pci"));
	snprintf(text, sizeof(text), "vif-%s", cli_text(vif, "name"));
	json_object_object_add(device, "id", json_object_new_string(text));
	json_object_object_add(device, "socket", socket);
	json_object_array_add(words, json_object_new_string("-device"));
	json_object_array_add(
		words, json_object_new_string(json_object_to_json_string_ext(
			       device, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(device);
	return words;
}

static int run_qemu_args(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "memory", required_argument, NULL, OPTION_MEMORY }, CLI_COMMON_OPTIONS, { 0 }
	};
	const char *memory = NULL, *name;
	struct json_object *vif, *words;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		memory = optarg;
	if (memory && (strspn(memory, "0123456789") == 0 ||
		       strspn(memory, "0123456789kKMGT") != strlen(memory) || strlen(memory) > 15))
		cli_fail(CLI_USAGE, "--memory: \"%s\" is not a size as QEMU takes it, like 4G",
			 memory);
	cli_take_arguments(command, argc, argv, 1, 1, &name);
	vif = cli_call(cli, cli_request_new("vif-show", name));
	words = qemu_arguments(vif, memory);
	if (cli->json)
		cli_print_json(words);
	for (size_t i = 0; !cli->json && i < json_object_array_length(words); i++) {
		if (i > 0)
			putchar(' '); /* one line, so that eval takes it quoted or not */
		cli_print_quoted(json_object_get_string(json_object_array_get_idx(words, i)));
	}
	if (!cli->json) {
		putchar('\n');
		if (!memory)
			fputs("The VM's memory must be shared with the device, or it will not start:\n"
			      "  -object memory-backend-memfd,id=svio-ram,size=4G,share=on "
			      "-machine memory-backend=svio-ram\n"
			      "(printed with the rest by --memory 4G). QEMU 10.1 or newer.\n",
			      stderr);
	}
	json_object_put(words);
	json_object_put(vif);
	return CLI_OK;
}

#define SETTING_HELP                                                                               \
	"What the guest sends:\n" CLI_QOS_HELP                                                     \
	"  --group GROUP    who shares with whom; port (default): nobody in particular\n"          \
	"  --classes N      classes within the VIF, 1 to 8, each with settings (svio qos set\n"    \
	"                   NAME/CLASS); off (default)\n"                                          \
	"  --lanes C,C,...  the class of each of the service levels 0 to 7\n"                      \
	"  --dscp D=L,...   the service level L (0 to 7) of packets with DSCP D; others stay as\n" \
	"                   they were; default: D / 8. A VLAN tag's priority counts before\n"      \
	"What it receives:\n"                                                                      \
	"  --rx-max RATE    ceiling\n"                                                             \
	"  --rx-wait TIME   how long other VIFs' packets wait for the guest's buffers before\n"    \
	"                   they are dropped, 1us to 1s; off (default): they do not wait\n"        \
	"And:\n"                                                                                   \
	"  --mac MAC        MAC address (default: made from the name)\n"                           \
	"  --vlan ID        access VLAN, 1 to 4094; off (default): trunk, the guest's tags pass\n" \
	"  --mtu N          largest MTU that the guest may set, 68 to 9000 (default)\n"            \
	"  --trusted        the guest may use other source MACs and be promiscuous;\n"             \
	"                   --no-trusted takes that back\n"                                        \
	"  --map-queue      the guest may grant and revoke its pages without exits;\n"             \
	"                   --no-map-queue: not offered, from its driver's next reset on\n"        \
	"  --link up|down   the cable, so to say\n"

const struct cli_command cli_vif_commands[] = {
	{ "vif", "add", "NAME [SETTINGS]", "make a VIF",
	  SETTING_HELP
	  "  --queues N       pairs of queues, 1 to 32 (default 4); fixed while the VIF exists\n"
	  "\n"
	  "Examples:\n"
	  "  svio vif add web\n"
	  "  svio vif add db --max 2.5G --vlan 100 --queues 8\n"
	  "  svio vif add router --trusted --mac 52:54:00:12:34:56\n",
	  run_add_or_set },
	{ "vif", "set", "NAME SETTINGS", "change a VIF while it runs",
	  SETTING_HELP "\n"
		       "Examples:\n"
		       "  svio vif set web --max 500M\n"
		       "  svio vif set web --max off --rx-max 1G\n"
		       "  svio vif set web --group blue --min 1G --weight 3\n"
		       "  svio vif set phone --classes 2 --lanes 0,0,0,0,0,1,1,1 --dscp 46=5\n"
		       "  svio vif set db --link down\n",
	  run_add_or_set },
	{ "vif", "del", "NAME", "delete a VIF; a VM that has it loses it for good",
	  "Examples:\n"
	  "  svio vif del web\n",
	  run_del },
	{ "vif", "list", "", "list all VIFs",
	  "Examples:\n"
	  "  svio vif list\n"
	  "  svio vif list --json | jq -r '.[].name'\n",
	  run_list },
	{ "vif", "show", "NAME", "show one VIF",
	  "Examples:\n"
	  "  svio vif show web\n",
	  run_show },
	{ "vif", "qemu-args", "NAME [--memory SIZE]",
	  "print the QEMU arguments that give a VIF to a VM",
	  "  --memory SIZE    also those that make SIZE of memory and share it with the device\n"
	  "\n"
	  "The words are quoted for a shell; --json prints them as an array.\n"
	  "\n"
	  "Examples:\n"
	  "  svio vif qemu-args web\n"
	  "  eval qemu-system-x86_64 -M q35 -accel kvm disk.img \\\n"
	  "       $(svio vif qemu-args web --memory 4G)\n",
	  run_qemu_args },
	{ 0 },
};
