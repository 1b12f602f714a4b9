// SPDX-License-Identifier: Apache-2.0
/*
 * Image: a private copy of a ledger that may be changing, of the parts in use that readers need.
 *
 * OUTSIDE.  The source may be hostile: nothing that it says makes the copy larger than the limit that a ledger has,
 * and what is in the image was checked as ledger_open() does.
 */
#ifndef CAIRN_TARGET_IMAGE_H
#define CAIRN_TARGET_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/read.h"
#include "target/source.h"

// Zeroed: none yet.  Address space for all of the ledger, of which the parts in use are accessible: not the tables of
// blocks and buckets.
struct image {
	char *memory; // NULL: none
	uint64_t size_bytes;
	struct ledger ledger;
	int64_t time_ns; // of the copy, since 1970
	uint64_t ticks;  // the machine's counter then
};

// Copy a ledger into an image, in the place of what it held.  On failure it holds nothing of use, and the error says why,
// without a name.
bool image_copy(struct image *image, const struct source *source, struct error *error);

void image_deinit(struct image *image);

#endif
