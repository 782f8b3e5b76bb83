// SPDX-License-Identifier: BSD-3-Clause
#include "qos_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "svio_sched.h"

#define NO_VIF        UINT32_MAX
#define NO_CLASS      UINT32_MAX
#define TITLE_BYTES   64
#define NODES_AT_MOST (SVIO_HOST_GROUPS_MAX + SVIO_HOST_VIFS_MAX * (1 + SVIO_HOST_CLASSES))

_Static_assert(NODES_AT_MOST < 65536, "every tree has room in a scheduler");

struct svio_qos_tree *svio_qos_tree_new(uint32_t vif_room)
{
	struct svio_qos_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return NULL;
	tree->vif = calloc(vif_room + 1, sizeof(*tree->vif));
	if (!tree->vif) {
		free(tree);
		return NULL;
	}
	memcpy(tree->group[0].name, SVIO_PORT_NAME, sizeof(SVIO_PORT_NAME));
	return tree;
}

struct svio_qos_tree *svio_qos_tree_copy(const struct svio_qos_tree *tree)
{
	struct svio_qos_tree *copy = svio_qos_tree_new(tree->vif_count);

	if (!copy)
		return NULL;
	memcpy(copy->group, tree->group, sizeof(copy->group));
	memcpy(copy->vif, tree->vif, tree->vif_count * sizeof(*tree->vif));
	copy->vif_count = tree->vif_count;
	return copy;
}

void svio_qos_tree_free(struct svio_qos_tree *tree)
{
	if (!tree)
		return;
	free(tree->vif);
	free(tree);
}

int svio_qos_tree_group(const struct svio_qos_tree *tree, const char *name)
{
	for (int i = 0; i < SVIO_HOST_GROUPS_MAX; i++)
		if (*tree->group[i].name && !strcmp(tree->group[i].name, name))
			return i;
	return -1;
}

int svio_qos_tree_vif(const struct svio_qos_tree *tree, const char *name)
{
	for (uint32_t i = 0; i < tree->vif_count; i++)
		if (!strcmp(tree->vif[i].name, name))
			return (int)i;
	return -1;
}

/* What a node of the scheduler stands for. */
struct subject {
	uint32_t group; /* where vif is NO_VIF */
	uint32_t vif;
	uint32_t class; /* NO_CLASS: the VIF itself */
};

/* A tree that is being built in a scheduler. */
struct model {
	const struct svio_qos_tree *tree;
	struct svio_sched *sched;
	struct subject *subject; /* by node */
	svio_sched_node group_node[SVIO_HOST_GROUPS_MAX];
	char *error;
};

static const char *title_of(const struct model *model, struct subject subject, char *text)
{
	const struct svio_qos_tree *tree = model->tree;

	if (subject.vif == NO_VIF && subject.group == 0)
		snprintf(text, TITLE_BYTES, "the port");
	else if (subject.vif == NO_VIF)
		snprintf(text, TITLE_BYTES, "group %s", tree->group[subject.group].name);
	else if (subject.class == NO_CLASS)
		snprintf(text, TITLE_BYTES, "VIF %s", tree->vif[subject.vif].name);
	else
		snprintf(text, TITLE_BYTES, "class %u of VIF %s", subject.class,
			 tree->vif[subject.vif].name);
	return text;
}

static const struct svio_host_qos *qos_of(const struct model *model, struct subject subject)
{
	const struct svio_host_vif_qos *vif;

	if (subject.vif == NO_VIF)
		return &model->tree->group[subject.group].qos;
	vif = &model->tree->vif[subject.vif].qos;
	return subject.class == NO_CLASS ? &vif->node : &vif->class_node[subject.class];
}

/* The node above; of the port: itself. */
static struct subject above(const struct model *model, struct subject subject)
{
	struct subject result = { .vif = NO_VIF, .class = NO_CLASS };

	if (subject.vif == NO_VIF)
		result.group = model->tree->group[subject.group].parent;
	else if (subject.class == NO_CLASS)
		result.group = model->tree->vif[subject.vif].qos.group;
	else
		result.vif = subject.vif;
	return result;
}

static bool same(struct subject a, struct subject b)
{
	return a.vif == b.vif && (a.vif == NO_VIF ? a.group == b.group : a.class == b.class);
}

/* A min that has no room. at: the node above whose max is used up. */
static void explain_min(const struct model *model, struct subject subject, struct subject at,
			const struct svio_host_qos *qos, uint64_t available)
{
	char who[TITLE_BYTES], where[TITLE_BYTES], min[SVIO_RATE_BYTES], max[SVIO_RATE_BYTES],
		left[SVIO_RATE_BYTES], via[TITLE_BYTES];
	struct subject child = subject;

	svio_rate_format(qos->min_bps, min);
	title_of(model, subject, who);
	if (qos->max_bps && qos->min_bps > qos->max_bps) {
		snprintf(model->error, SVIO_ERROR_BYTES,
			 "min %s of %s is above its own max %s: lower min, or raise max", min, who,
			 svio_rate_format(qos->max_bps, max));
		return;
	}
	while (!same(above(model, child), at) && (child.vif != NO_VIF || child.group != 0))
		child = above(model, child);
	svio_rate_format(qos_of(model, at)->max_bps, max);
	if (available)
		svio_rate_format(available, left);
	else
		snprintf(left, sizeof(left), "nothing");
	snprintf(model->error, SVIO_ERROR_BYTES,
		 "min %s of %s does not fit: %s has %s left of its max %s%s%s: ask for less, or "
		 "raise that max",
		 min, who, title_of(model, at, where), left, max,
		 same(child, subject) ? "" : " for all of ",
		 same(child, subject) ? "" : title_of(model, child, via));
}

static void explain_max(const struct model *model, struct subject subject,
			const struct svio_host_qos *qos, uint64_t available)
{
	char who[TITLE_BYTES], max[SVIO_RATE_BYTES], other[SVIO_RATE_BYTES];

	svio_rate_format(qos->max_bps, max);
	svio_rate_format(available, other);
	title_of(model, subject, who);
	if (available > qos->max_bps)
		snprintf(
			model->error, SVIO_ERROR_BYTES,
			"max %s of %s is below the %s that it and those below it are guaranteed: at "
			"least %s, or lower those mins",
			max, who, other, other);
	else
		snprintf(model->error, SVIO_ERROR_BYTES, "max %s of %s is too high: at most %s",
			 max, who, other);
}

static void explain(const struct model *model, struct subject subject,
		    const struct svio_host_qos *qos, const struct svio_sched_refusal *refusal)
{
	char who[TITLE_BYTES];

	if (!strcmp(refusal->parameter, "min"))
		explain_min(model, subject, model->subject[refusal->node], qos, refusal->available);
	else if (!strcmp(refusal->parameter, "max"))
		explain_max(model, subject, qos, refusal->available);
	else
		snprintf(model->error, SVIO_ERROR_BYTES,
			 "%s of %s is out of range: %" PRIu64 " fits", refusal->parameter,
			 title_of(model, subject, who), refusal->available);
}

static struct svio_sched_params params_of(const struct svio_host_qos *qos)
{
	return (struct svio_sched_params){
		.min_bps = qos->min_bps,
		.max_bps = qos->max_bps,
		.max_pps = qos->max_pps,
		.burst_bytes = qos->burst_bytes,
		.weight = qos->weight,
		.priority = qos->priority < SVIO_SCHED_PRIORITIES ? (uint8_t)qos->priority
								  : UINT8_MAX,
	};
}

static int add_node(struct model *model, svio_sched_node parent, enum svio_sched_kind kind,
		    struct subject subject, const struct svio_host_qos *qos, svio_sched_node *node)
{
	struct svio_sched_params params = params_of(qos);
	struct svio_sched_refusal refusal;
	int status = svio_sched_add(model->sched, parent, kind, &params, 0, node, &refusal);

	if (status)
		explain(model, subject, qos, &refusal);
	else
		model->subject[*node] = subject;
	return status;
}

static int set_group(struct model *model, uint32_t number, const struct svio_host_qos *qos)
{
	struct subject subject = { .group = number, .vif = NO_VIF };
	struct svio_sched_params params = params_of(qos);
	struct svio_sched_refusal refusal;
	int status = svio_sched_set(model->sched, model->group_node[number], &params, 0, &refusal);

	if (status)
		explain(model, subject, qos, &refusal);
	return status;
}

static int add_group(struct model *model, uint32_t number)
{
	const struct svio_qos_group *group = &model->tree->group[number];
	struct subject subject = { .group = number, .vif = NO_VIF };

	return add_node(model, model->group_node[group->parent], SVIO_SCHED_GROUP, subject,
			&group->qos, &model->group_node[number]);
}

/* The port, then groups below it, then those below groups. */
static int add_groups(struct model *model)
{
	const struct svio_qos_group *group = model->tree->group;
	int status = set_group(model, 0, &group[0].qos);

	for (int nested = 0; nested <= 1; nested++)
		for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX && !status; i++)
			if (*group[i].name && (group[i].parent != 0) == nested)
				status = add_group(model, i);
	return status;
}

static int add_vif(struct model *model, uint32_t index)
{
	const struct svio_host_vif_qos *qos = &model->tree->vif[index].qos;
	struct subject subject = { .vif = index, .class = NO_CLASS };
	svio_sched_node node, leaf;
	int status = add_node(model, model->group_node[qos->group],
			      qos->classes ? SVIO_SCHED_VIF : SVIO_SCHED_LEAF, subject, &qos->node,
			      &node);

	for (uint32_t i = 0; i < qos->classes && !status; i++) {
		subject.class = i;
		status =
			add_node(model, node, SVIO_SCHED_LEAF, subject, &qos->class_node[i], &leaf);
	}
	return status;
}

/* All VIFs, the one in doubt last: a refusal then names it and not another. */
static int add_vifs(struct model *model, uint32_t doubtful)
{
	int status = 0;

	for (uint32_t i = 0; i < model->tree->vif_count && !status; i++)
		if (i != doubtful)
			status = add_vif(model, i);
	if (!status && doubtful != NO_VIF)
		status = add_vif(model, doubtful);
	return status;
}

/* An empty scheduler with room for this tree. */
static int open_model(struct model *model, const struct svio_qos_tree *tree, char *error)
{
	struct svio_sched_limits limits = { 0 };
	size_t bytes;

	*model = (struct model){ .tree = tree, .error = error };
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++)
		limits.groups += *tree->group[i].name != '\0';
	for (uint32_t i = 0; i < tree->vif_count; i++) {
		limits.vifs += tree->vif[i].qos.classes > 0;
		limits.leaves += tree->vif[i].qos.classes ? tree->vif[i].qos.classes : 1;
	}
	bytes = (svio_sched_bytes(&limits) + 63) / 64 * 64;
	model->sched = aligned_alloc(64, bytes);
	model->subject =
		calloc(limits.leaves + limits.vifs + limits.groups + 1, sizeof(*model->subject));
	if (!model->sched || !model->subject) {
		snprintf(error, SVIO_ERROR_BYTES, "out of memory");
		return -ENOMEM;
	}
	if (!svio_sched_init(model->sched, &limits, 0, 0)) {
		snprintf(error, SVIO_ERROR_BYTES, "the tree is too large");
		return -E2BIG;
	}
	model->subject[SVIO_SCHED_PORT] = (struct subject){ .vif = NO_VIF };
	return 0;
}

static void close_model(struct model *model)
{
	free(model->sched);
	free(model->subject);
}

/* One of qos (of a group) and doubtful, or neither. */
static int check(const struct svio_qos_tree *tree, uint32_t number, const struct svio_host_qos *qos,
		 uint32_t doubtful, char *error)
{
	struct model model;
	int status = open_model(&model, tree, error);

	if (!status)
		status = add_groups(&model);
	if (!status)
		status = add_vifs(&model, doubtful);
	if (!status && qos)
		status = set_group(&model, number, qos);
	close_model(&model);
	return status;
}

int svio_qos_tree_check(const struct svio_qos_tree *tree, char *error)
{
	return check(tree, 0, NULL, NO_VIF, error);
}

int svio_qos_tree_check_group(const struct svio_qos_tree *tree, uint32_t number,
			      const struct svio_host_qos *qos, char *error)
{
	return check(tree, number, qos, NO_VIF, error);
}

int svio_qos_tree_check_vif(const struct svio_qos_tree *tree, uint32_t index, char *error)
{
	return check(tree, 0, NULL, index, error);
}
