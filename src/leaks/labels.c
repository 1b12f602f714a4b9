// SPDX-License-Identifier: Apache-2.0
// Labels: what the labels of a sample say of blocks that were never freed.  OUTSIDE.
#include "leaks/labels.h"

#include <string.h>

struct leak_labels leak_labels_of(const struct store *store, uint32_t label_set)
{
	struct leak_labels found = { .kind = LEAK_UNKNOWN };
	size_t num_labels;
	const struct profile_label *labels = store_get_labels(store, label_set, &num_labels);
	for (size_t i = 0; i < num_labels; i++) {
		for (int kind = 0; kind < LEAK_NUM_KINDS && labels[i].string; kind++)
			if (strcmp(labels[i].key, LEAK_LABEL) == 0 && strcmp(labels[i].string, leak_kind_names[kind]) == 0)
				found.kind = (enum leak_kind)kind;
		if (!labels[i].string && strcmp(labels[i].key, LEAK_HEAD_LABEL) == 0)
			found.head = labels[i].number;
		if (!labels[i].string && strcmp(labels[i].key, LEAK_INHERITED_LABEL) == 0)
			found.is_inherited = true;
	}
	return found;
}
