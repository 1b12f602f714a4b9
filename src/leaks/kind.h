// SPDX-License-Identifier: Apache-2.0
/*
 * Kind: what became of a block that was never freed, and how a profile says it: samples have the label "leak".
 *
 * OUTSIDE.
 */
#ifndef CAIRN_LEAKS_KIND_H
#define CAIRN_LEAKS_KIND_H

enum leak_kind {
	LEAK_DEFINITE,  // nobody has a pointer to it any more
	LEAK_INDIRECT,  // only blocks that are lost themselves have, or blocks that point to each other
	LEAK_REACHABLE, // the program can still find it
	LEAK_UNKNOWN,   // it was not looked for
	LEAK_NUM_KINDS,
};

#define LEAK_LABEL "leak"

// A number for each stack of each process that lost something: its own definite blocks have it, and the indirect ones that
// are lost with them.  Of blocks that point to each other in a circle the first is taken for the head.
#define LEAK_HEAD_LABEL "leak_head"

// 1: the blocks are those of a process's parent, before it was forked (inherited.h).
#define LEAK_INHERITED_LABEL "leak_inherited"

extern const char *const leak_kind_names[LEAK_NUM_KINDS]; // "definite", "indirect", "reachable", "unknown"

#endif
