// SPDX-License-Identifier: Apache-2.0
/*
 * Labels: each distinct set of labels of samples once.  Sets are equal if they have the same labels, whatever the order
 * of their keys; the order of the labels of one key matters.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_PROFILE_LABELS_H
#define CAIRN_PROFILE_LABELS_H

#include "profile/profile.h"
#include "profile/strings.h"

struct label_set;

struct labels {
	struct strings *strings;
	struct label_set *table, **sets; // sets: by number - 1
	uint32_t num_sets;
	struct profile_label *asked; // PROFILE_MAX_LABELS: those that are looked up
};

void labels_init(struct labels *labels, struct strings *strings);
void labels_deinit(struct labels *labels);

// The number of the set of these labels, PROFILE_MAX_LABELS at most; 0: of none.
uint32_t labels_get_set(struct labels *labels, const struct profile_label *given, size_t num_labels);

// The labels of a set in the order of their keys; live as long as the table.
const struct profile_label *labels_get(const struct labels *labels, uint32_t set, size_t *num_labels);

#endif
