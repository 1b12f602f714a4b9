// SPDX-License-Identifier: Apache-2.0
/*
 * Own names: which functions a program's frames are in, by the symbol tables of the files that it has mapped, found by
 * the program itself while it dumps.
 *
 * One mapping after another: its file is opened again, and if it is still the same (by build id) its symbol table is
 * read through once in small pieces.  Files may be replaced or cut meanwhile, so they are read and never mapped.  What
 * does not fit into memory or takes too long is left without names.  Names are as linkers know them.
 *
 * BOTH worlds; one thread; no malloc.  Neither the ledger nor the files are trusted.
 */
#ifndef CAIRN_PROFILE_OWN_NAMES_H
#define CAIRN_PROFILE_OWN_NAMES_H

#include "base/arena.h"
#include "ledger/ledger.h"
#include "profile/profile.h"

#define OWN_NAMES_MAX_FRAMES (1 << 20)    // those beyond have no names
#define OWN_NAMES_MAX_QUESTIONS (1 << 17) // frames of one mapping, likewise
#define OWN_NAMES_MAX_BYTES 8192          // of a name; a longer one is none
// Little of this is touched where frames are few.
#define OWN_NAMES_ARENA_BYTES (OWN_NAMES_MAX_FRAMES * 4 + OWN_NAMES_MAX_QUESTIONS * 32 + 256 * 1024)

struct own_question;

struct own_names {
	const struct ledger *ledger;
	uint32_t *functions; // ids, by frame; 0: no name
	uint32_t num_frames;
	struct own_question *questions; // about frames of one mapping
	unsigned char *piece;           // of a file
	char *name;                     // OWN_NAMES_MAX_BYTES
	uint32_t last_id;               // of a function
	int64_t deadline_ns;            // CLOCK_MONOTONIC
};

// False if the arena has not OWN_NAMES_ARENA_BYTES left.
bool own_names_init(struct own_names *names, struct arena *arena, const struct ledger *ledger);

// Push the functions that frames of the ledger are in, each with an id of its own above first_id.  False if the sink
// ended the stream.
bool own_names_push(struct own_names *names, uint32_t first_id, const struct profile_sink *sink);

// After that: the id of a frame's function; 0: not known.
static inline uint32_t own_names_get(const struct own_names *names, uint32_t frame)
{
	return frame < names->num_frames ? names->functions[frame] : 0;
}

#endif
