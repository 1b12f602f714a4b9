// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: a file of rules that somebody has damaged, or made to do harm, is refused with a line that it has, or applied.
 *
 * The input is the file.  It is applied to some stacks: what it hides and what it leaves are together what there was, and
 * doing it again hides nothing.  The first two lines are besides compared as a pattern and a name, with a table of all pairs of
 * their ends for comparison.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/rule_pattern.h"
#include "unit/rules_by_hand.h"

#define MAX_COMPARED 200

static void push_stacks(struct store *store)
{
	static const struct by_hand_frame stacks[][5] = {
		{ { .name = "f", .file = "f.c", .line = 3, .binary = "/bin/a" }, { .name = "main", .binary = "/bin/a" } },
		{ { .name = "operator new", .system_name = "_Znwm" }, { .name = "a::f(int) const", .system_name = "_ZNK1a1fEi" } },
		{ { .name = "" }, { .name = "g", .is_inlined = true }, { .name = "h", .binary = "/lib/b.so" }, { .name = "f" } },
		{ { .name = "__GI_f" }, { .name = "", .binary = "/lib/b.so" }, { .name = "f" }, { .name = "f" } },
	};
	for (unsigned i = 0; i < 16; i++)
		if (!by_hand_push(store, (enum leak_kind)(i / 4), i + 1, 10 * (i + 1), stacks[i % 4]))
			abort();
}

static int64_t count(const struct store *store)
{
	int64_t bytes = 0;
	for (size_t i = 0; i < store->num_samples; i++)
		bytes += store->samples[i]->values[1];
	return bytes;
}

static int64_t count_used(const struct leak_rules *rules)
{
	size_t num_used;
	const struct leak_rule_use *used = leak_rules_get_used(rules, &num_used);
	int64_t bytes = 0;
	for (size_t i = 0; i < num_used; i++) {
		if (!*used[i].name || !used[i].line || used[i].bytes <= 0)
			abort();
		bytes += used[i].bytes;
	}
	return bytes;
}

static void apply(struct leak_rules *rules)
{
	struct store *store = store_create(1);
	push_stacks(store);
	int64_t before = count(store);
	leak_rules_apply(rules, store);
	int64_t used = count_used(rules);
	if (count(store) + used != before)
		abort();
	leak_rules_apply(rules, store);
	if (count_used(rules) != used)
		abort();
	store_destroy(store);
}

static void check_error(const char *message, const uint8_t *bytes, size_t num_bytes)
{
	unsigned line = 0, num_lines = 1;
	for (size_t i = 0; i < num_bytes; i++)
		num_lines += bytes[i] == '\n';
	if (sscanf(message, "input:%u: found", &line) != 1 || line < 1 || line > num_lines || !strstr(message, "; expected "))
		abort();
}

// The plainest way: does what begins here of the pattern match what begins here of the name?
static bool matches_plainly(const char *glob, const char *text, bool with_query)
{
	static bool table[MAX_COMPARED + 1][MAX_COMPARED + 1];
	size_t num_glob = strlen(glob), num_text = strlen(text);
	for (size_t i = num_glob + 1; i-- > 0;)
		for (size_t j = num_text + 1; j-- > 0;) {
			bool is_end = j == num_text;
			if (i == num_glob)
				table[i][j] = is_end;
			else if (glob[i] == '*')
				table[i][j] = table[i + 1][j] || (!is_end && table[i][j + 1]);
			else
				table[i][j] = !is_end && (glob[i] == text[j] || (with_query && glob[i] == '?')) &&
					      table[i + 1][j + 1];
		}
	return table[0][0];
}

static void compare(const uint8_t *bytes, size_t num_bytes)
{
	char glob[MAX_COMPARED + 1] = "", text[MAX_COMPARED + 1] = "";
	const uint8_t *end = memchr(bytes, '\n', num_bytes);
	if (!end || end - bytes > MAX_COMPARED)
		return;
	size_t num_text = num_bytes - (size_t)(end + 1 - bytes);
	memcpy(glob, bytes, (size_t)(end - bytes));
	memcpy(text, end + 1, num_text < MAX_COMPARED ? num_text : MAX_COMPARED);
	text[strcspn(text, "\n")] = 0;
	for (int with_query = 0; with_query < 2; with_query++)
		if (rule_pattern_matches_text(glob, text, with_query) != matches_plainly(glob, text, with_query))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
	struct error error = { "" };
	struct leak_rules *rules = leak_rules_create();
	if (leak_rules_add_text(rules, "input", (const char *)bytes, num_bytes, &error))
		apply(rules);
	else
		check_error(error.message, bytes, num_bytes);
	leak_rules_destroy(rules);
	if (num_bytes)
		compare(bytes, num_bytes);
	return 0;
}
