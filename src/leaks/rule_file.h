// SPDX-License-Identifier: Apache-2.0
/*
 * File of rules: LeakSanitizer's lines and valgrind's blocks (rules.h says which), read line by line.
 *
 * Blank lines and those that begin with # say nothing, and so does white space around a line.  A block:
 *
 *   {
 *      what people call it
 *      Memcheck:Leak                          also Memcheck,Addrcheck:Leak
 *      match-leak-kinds: definite,reachable   also indirect, possible, all, none; optional: all
 *      fun:malloc                             at most 24 lines fun:, obj:, src: and "...", from the leaf on
 *      obj:*libfoo.so*
 *   }
 *
 * OUTSIDE; any thread.  Files are not trusted.
 */
#ifndef CAIRN_LEAKS_RULE_FILE_H
#define CAIRN_LEAKS_RULE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "leaks/rule.h"

#define RULE_FILE_MAX_LINE_BYTES 2000
#define RULE_FILE_MAX_RULES 10000 // of all files together

// Add the rules of a file's text to a list; what is what errors call the file.  False: the list is as it was.  Blocks that
// are not about leaks are checked for their braces only and left out.
bool rule_file_read(struct rule_list *list, const char *what, const char *text, size_t length, struct error *error);

// Give the last rules back, down to so many.
void rule_list_shorten(struct rule_list *list, size_t num_rules);
void rule_list_deinit(struct rule_list *list);

#endif
