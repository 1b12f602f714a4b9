// SPDX-License-Identifier: Apache-2.0
// Rules: which stacks are not to be called leaks.  OUTSIDE.
#include "leaks/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/sums.h"
#include "leaks/labels.h"
#include "leaks/own.h"
#include "leaks/rule_file.h"
#include "leaks/rule_stack.h"
#include "leaks/rule_table.h"

#define MAX_FILE_BYTES (8 << 20)
#define NO_RULE SIZE_MAX

struct leak_rules {
	struct rule_list list;
	struct leak_rule_use *uses; // of each of these
	bool *has_matched;
	char **files; // that uses name
	size_t num_files;
	struct leak_rule_use *used; // those that hid something
	size_t num_used;
};

struct leak_rules *leak_rules_create(void)
{
	return memory_get(1, sizeof(struct leak_rules));
}

void leak_rules_destroy(struct leak_rules *rules)
{
	if (!rules)
		return;
	rule_list_deinit(&rules->list);
	for (size_t i = 0; i < rules->num_files; i++)
		free(rules->files[i]);
	free(rules->files);
	free(rules->uses);
	free(rules->has_matched);
	free(rules->used);
	free(rules);
}

// The rules from first on are of this file (NULL: cairn's own).
static void add_uses(struct leak_rules *rules, size_t first, const char *file)
{
	size_t num_rules = rules->list.num_rules;
	char *name = file ? memory_copy_string(file) : NULL;
	rules->files = memory_grow(rules->files, rules->num_files, sizeof(*rules->files));
	rules->files[rules->num_files++] = name;
	rules->uses = memory_resize(rules->uses, num_rules, sizeof(*rules->uses));
	rules->has_matched = memory_resize(rules->has_matched, num_rules, sizeof(*rules->has_matched));
	for (size_t i = first; i < num_rules; i++) {
		const struct rule *rule = &rules->list.rules[i];
		rules->uses[i] = (struct leak_rule_use){ .name = rule->name, .file = name, .line = rule->line };
		rules->has_matched[i] = false;
	}
}

static bool add_text(struct leak_rules *rules, const char *file, const char *what, const char *text, size_t length,
		     struct error *error)
{
	size_t num_before = rules->list.num_rules;
	if (!rule_file_read(&rules->list, what, text, length, error))
		return false;
	add_uses(rules, num_before, file);
	return true;
}

bool leak_rules_add_text(struct leak_rules *rules, const char *what, const char *text, size_t length, struct error *error)
{
	static const char mark[] = "\xef\xbb\xbf"; // that it is UTF-8
	size_t begin = length >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
	return add_text(rules, what, what, text + begin, length - begin, error);
}

void leak_rules_add_own(struct leak_rules *rules)
{
	struct error error;
	if (add_text(rules, NULL, "own.supp", rules_own, strlen(rules_own), &error))
		return;
	fprintf(stderr, "cairn: %s\n", error.message); // which the tests exclude
	abort();
}

const char *leak_rules_get_own(void)
{
	return rules_own;
}

// At most size_bytes of a file; below 0: errno says why not.
static ssize_t read_file(const char *path, char *buffer, size_t size_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t length = 0;
	ssize_t num_bytes;
	do {
		num_bytes = read(fd, buffer + length, size_bytes - length);
		length += num_bytes > 0 ? (size_t)num_bytes : 0;
	} while (num_bytes > 0 || (num_bytes < 0 && errno == EINTR));
	int reason = errno;
	close(fd);
	errno = reason;
	return num_bytes < 0 ? -1 : (ssize_t)length;
}

bool leak_rules_add_file(struct leak_rules *rules, const char *path, struct error *error)
{
	char *text = memory_get(MAX_FILE_BYTES + 1, 1);
	ssize_t length = read_file(path, text, MAX_FILE_BYTES + 1);
	bool is_read = length >= 0 && length <= MAX_FILE_BYTES && leak_rules_add_text(rules, path, text, (size_t)length, error);
	if (length < 0)
		error_set(error, "%s: cannot be read: %s; expected a file of rules", path, strerror(errno));
	if (length > MAX_FILE_BYTES)
		error_set(error, "%s: is larger than %d MiB; expected a file of rules", path, MAX_FILE_BYTES >> 20);
	free(text);
	return is_read;
}

static bool has_values(const struct store *store, const struct store_sample *sample)
{
	for (size_t i = 0; i < store->num_types; i++)
		if (sample->values[i])
			return true;
	return false;
}

static void hide(struct leak_rules *rules, size_t rule, const struct store *store, struct store_sample *sample)
{
	struct leak_rule_use *use = &rules->uses[rule];
	use->objects = sums_add(use->objects, sample->values[0]);
	use->bytes = sums_add(use->bytes, sample->values[1]);
	rules->has_matched[rule] = true;
	memset(sample->values, 0, store->num_types * sizeof(*sample->values));
}

// Compare with the rules from first on; matches[] receives what is found for samples that have no match yet.  The number of
// rules that there was room for.
static size_t match_some(const struct leak_rules *rules, size_t first, const struct store *store, struct rule_stack *stack,
			 size_t *matches)
{
	struct rule_table *table =
		rule_table_create(rules->list.rules + first, rules->list.num_rules - first, &store->places);
	size_t num_rules = rule_table_get_num_rules(table);
	for (size_t i = 0; i < store->num_samples; i++) {
		const struct store_sample *sample = store->samples[i];
		if (matches[i] != NO_RULE || !has_values(store, sample))
			continue;
		rule_stack_read(stack, sample);
		size_t found = rule_table_find(table, stack, leak_labels_of(store, sample->label_set).kind);
		if (found < num_rules)
			matches[i] = first + found;
	}
	rule_table_destroy(table);
	return num_rules;
}

// Samples that have a head in common.
struct group {
	UT_hash_handle hh;
	int64_t head;
	bool has_definite;
	size_t rule; // that hides all of it
};

static struct group *find_group(struct group **groups, int64_t head)
{
	struct group *group;
	HASH_FIND(hh, *groups, &head, sizeof(head), group);
	if (!group) {
		group = memory_get(1, sizeof(*group));
		group->head = head;
		group->rule = NO_RULE;
		HASH_ADD(hh, *groups, head, sizeof(group->head), group);
	}
	return group;
}

// What is lost with something that is hidden is hidden with it, as valgrind and LeakSanitizer have it.  Of a circle any part hides
// all.
static void match_groups(const struct store *store, size_t *matches)
{
	struct group *groups = NULL, *group, *next;
	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; i < store->num_samples; i++) {
			const struct leak_labels labels = leak_labels_of(store, store->samples[i]->label_set);
			if (!labels.head)
				continue;
			group = find_group(&groups, labels.head);
			bool is_definite = labels.kind == LEAK_DEFINITE;
			if (pass == 0)
				group->has_definite |= is_definite;
			else if (pass == 1 && (is_definite || !group->has_definite) && group->rule == NO_RULE)
				group->rule = matches[i];
			else if (pass == 2 && matches[i] == NO_RULE)
				matches[i] = group->rule;
		}
	}
	HASH_ITER(hh, groups, group, next) {
		HASH_DEL(groups, group);
		free(group);
	}
}

static void collect_used(struct leak_rules *rules)
{
	size_t num_rules = rules->list.num_rules;
	free(rules->used);
	rules->used = memory_get(num_rules, sizeof(*rules->used));
	rules->num_used = 0;
	for (size_t i = 0; i < num_rules; i++)
		if (rules->has_matched[i])
			rules->used[rules->num_used++] = rules->uses[i];
}

void leak_rules_apply(struct leak_rules *rules, struct store *store)
{
	struct rule_stack stack;
	size_t *matches = memory_get(store->num_samples, sizeof(*matches));
	for (size_t i = 0; i < store->num_samples; i++)
		matches[i] = NO_RULE;
	rule_stack_init(&stack, &store->places);
	for (size_t first = 0; first < rules->list.num_rules && store->num_types >= 2;)
		first += match_some(rules, first, store, &stack, matches);
	rule_stack_deinit(&stack);
	match_groups(store, matches);
	for (size_t i = 0; i < store->num_samples; i++)
		if (matches[i] != NO_RULE)
			hide(rules, matches[i], store, store->samples[i]);
	free(matches);
	collect_used(rules);
}

const struct leak_rule_use *leak_rules_get_used(const struct leak_rules *rules, size_t *num_used)
{
	*num_used = rules->num_used;
	return rules->used;
}

size_t leak_rules_get_num_unused(const struct leak_rules *rules)
{
	size_t num_unused = 0;
	for (size_t i = 0; i < rules->list.num_rules; i++)
		num_unused += rules->uses[i].file && !rules->has_matched[i];
	return num_unused;
}
