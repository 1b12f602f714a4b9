// SPDX-License-Identifier: Apache-2.0
/*
 * Labels: what the labels of a sample say of blocks that were never freed.
 *
 * OUTSIDE; any thread.
 */
#ifndef CAIRN_LEAKS_LABELS_H
#define CAIRN_LEAKS_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "leaks/kind.h"
#include "profile/store.h"

struct leak_labels {
	enum leak_kind kind; // LEAK_UNKNOWN if none says
	int64_t head;        // of what is lost: the same for what is lost with it; 0: not known
	bool is_inherited;   // it was allocated by the process's parent
};

struct leak_labels leak_labels_of(const struct store *store, uint32_t label_set);

#endif
