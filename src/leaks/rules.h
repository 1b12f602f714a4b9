// SPDX-License-Identifier: Apache-2.0
/*
 * Rules: which stacks are not to be called leaks.
 *
 * A rule is one of LeakSanitizer's lines ("leak:PATTERN", a part of the name of a function, source file or binary of any
 * frame; * stands for anything, ^ and $ for its ends; # begins a comment line) or one of valgrind's blocks ({ name,
 * Memcheck:Leak, optionally match-leak-kinds: ..., then fun:, obj:, src: lines and "..." from the leaf on, with * and ?, };
 * blocks of other tools and kinds are taken, never match and are no rules below).  Files may hold both.
 *
 * Stacks here begin at the caller of malloc(), valgrind's blocks with malloc() itself.  So a first line of a block that names
 * an allocation function (fun:malloc, fun:_Znwm, fun:*alloc) stands for the frame that is not there; blocks without such a
 * line may begin with the caller.  Where C++'s operator new is on the stack, fun:malloc does not stand for it, and any operator does
 * for any other.  A block with nothing but fun:malloc hides all that malloc() returned, as in valgrind.  "leak:malloc" is
 * compared with the caller and its callers only: it hides what functions, files and binaries with malloc in their names asked
 * for, not everything; nor does "leak:libstdc++" hide all that operator new returned.
 *
 * What valgrind calls possibly lost is definite here, so match-leak-kinds: possible alone matches nothing.  Where nobody looked
 * what became of a block (LEAK_UNKNOWN) only rules without match-leak-kinds, or with all, match.
 *
 * OUTSIDE; one thread.  Files are not trusted: length and number of rules are bounded, and matching takes no longer than
 * length of pattern times length of name.
 */
#ifndef CAIRN_LEAKS_RULES_H
#define CAIRN_LEAKS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "leaks/kind.h"
#include "profile/store.h"

struct leak_rules;

struct leak_rule_use {
	const char *name;  // of the rule: a block's name, or the line "leak:PATTERN"
	const char *file;  // where it is from; NULL: cairn's own
	unsigned line;
	int64_t objects, bytes; // that it hid
};

struct leak_rules *leak_rules_create(void);
void leak_rules_destroy(struct leak_rules *rules); // NULL: nothing to do

// Add those that come with cairn: what the C and C++ libraries, the loader and language run-times keep on purpose.
void leak_rules_add_own(struct leak_rules *rules);
// The text of these, as a file.
const char *leak_rules_get_own(void);
// Add a file's.  False: it cannot be read, or the error names the file, the line and what is wrong there.
bool leak_rules_add_file(struct leak_rules *rules, const char *path, struct error *error);
// The same of a text in memory; what names it in errors.
bool leak_rules_add_text(struct leak_rules *rules, const char *what, const char *text, size_t length, struct error *error);

// What is lost with a head (kind.h) that is hidden is hidden with it.
//
// Compare all samples of side 0 of a store, which has names (symbolizer.h), with the rules, the first that matches counts.
// What a rule hides becomes 0 in the store and is added to the rule's use.  The kind of a sample is its label
// (kind.h); without one it is LEAK_UNKNOWN.  The store has objects and bytes as its first two types.
void leak_rules_apply(struct leak_rules *rules, struct store *store);

// The rules that hid something, in the order in which they were added; valid until the next change.
const struct leak_rule_use *leak_rules_get_used(const struct leak_rules *rules, size_t *num_used);
// Of the user's files: rules that matched nothing.
size_t leak_rules_get_num_unused(const struct leak_rules *rules);

#endif
