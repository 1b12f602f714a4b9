// SPDX-License-Identifier: Apache-2.0
// File of rules: LeakSanitizer's lines and valgrind's blocks, read line by line.  OUTSIDE.
#include "leaks/rule_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define MAX_SHOWN 60 // bytes of a line that is wrong

struct span { // a part of the text
	const char *begin;
	size_t length;
};

struct reading {
	const char *what;
	struct span rest;  // of the text
	struct span line;  // without white space around it
	unsigned number;   // of that line
	struct rule_list *list;
	struct error *error;
};

static const char *const memcheck_kinds[] = {
	"Leak", "Param", "Cond", "Jump", "Free", "Overlap", "FishyValue", "ReallocZero", "Mempool", "User", "BadAlign", "BadSize",
	"SizeMismatch", "AlignMismatch", "Value0", "Value1", "Value2", "Value4", "Value8", "Value16", "Value32", "Addr1",
	"Addr2", "Addr4", "Addr8", "Addr16", "Addr32",
};

// valgrind's words for kinds of leaks, and ours.  What is possibly lost there is definite here, since a pointer to anywhere
// in a block keeps it; the word alone therefore stands for nothing.
static const struct kind_word {
	const char *word;
	bool has_kind[LEAK_NUM_KINDS];
} kind_words[] = {
	{ "definite", { [LEAK_DEFINITE] = true } },
	{ "indirect", { [LEAK_INDIRECT] = true } },
	{ "possible", { false } },
	{ "reachable", { [LEAK_REACHABLE] = true } },
	{ "all", { true, true, true, true } },
	{ "none", { false } },
};
#define NUM_KIND_WORDS (sizeof(kind_words) / sizeof(*kind_words))

static const struct {
	const char *word;
	enum rule_pattern_type type;
} pattern_words[] = { { "fun:", RULE_FUNCTION }, { "obj:", RULE_BINARY }, { "src:", RULE_SOURCE } };
#define NUM_PATTERN_WORDS (sizeof(pattern_words) / sizeof(*pattern_words))

static bool is_equal(struct span span, const char *string)
{
	return span.length == strlen(string) && memcmp(span.begin, string, span.length) == 0;
}

static bool begins_with(struct span span, const char *string)
{
	return span.length >= strlen(string) && memcmp(span.begin, string, strlen(string)) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span span)
{
	for (; span.length && is_space(*span.begin); span.begin++)
		span.length--;
	while (span.length && is_space(span.begin[span.length - 1]))
		span.length--;
	return span;
}

static struct span skip(struct span span, size_t num_bytes)
{
	return trim((struct span){ span.begin + num_bytes, span.length - num_bytes });
}

// Take what comes before a separator, or all, off the beginning.
static struct span take(struct span *span, char separator)
{
	const char *end = memchr(span->begin, separator, span->length);
	struct span taken = { span->begin, end ? (size_t)(end - span->begin) : span->length };
	size_t num_bytes = taken.length + (end != NULL);
	*span = (struct span){ span->begin + num_bytes, span->length - num_bytes };
	return taken;
}

static char *copy(struct span span)
{
	char *string = memory_get(span.length + 1, 1);
	memcpy(string, span.begin, span.length);
	return string;
}

// What was found in the line, and what is accepted.
static bool fail(struct reading *reading, const char *expected)
{
	struct span line = reading->line;
	bool is_cut = line.length > MAX_SHOWN;
	return error_set(reading->error, "%s:%u: found '%.*s%s'; expected %s", reading->what, reading->number,
			 (int)(is_cut ? MAX_SHOWN : line.length), line.begin, is_cut ? "..." : "", expected);
}

static bool is_text(struct span span)
{
	for (size_t i = 0; i < span.length; i++)
		if ((unsigned char)span.begin[i] < ' ' && !is_space(span.begin[i]))
			return false;
	return true;
}

// Go to the next line that says something.  has_line false: there is none.
static bool read_line(struct reading *reading, bool *has_line)
{
	while (reading->rest.length) {
		struct span whole = take(&reading->rest, '\n');
		reading->number++;
		reading->line = trim(whole);
		if (!is_text(whole))
			return error_set(reading->error, "%s:%u: found binary data; expected a file of rules (text)", reading->what,
					 reading->number);
		if (whole.length > RULE_FILE_MAX_LINE_BYTES)
			return error_set(reading->error, "%s:%u: found a line of %zu bytes; expected at most %d", reading->what,
					 reading->number, whole.length, RULE_FILE_MAX_LINE_BYTES);
		*has_line = reading->line.length && *reading->line.begin != '#';
		if (*has_line)
			return true;
	}
	*has_line = false;
	return true;
}

// Within the block of a rule, which must end.
static bool read_block_line(struct reading *reading, unsigned begin)
{
	bool has_line;
	if (!read_line(reading, &has_line))
		return false;
	if (!has_line)
		return error_set(reading->error, "%s:%u: found a block that does not end; expected '}' on a line of its own",
				 reading->what, begin);
	if (is_equal(reading->line, "{"))
		return error_set(reading->error, "%s:%u: found '{' in the block that begins in line %u; expected '}' before it",
				 reading->what, reading->number, begin);
	return true;
}

static bool add_kind(struct rule *rule, struct span word)
{
	for (size_t i = 0; i < NUM_KIND_WORDS; i++) {
		if (!is_equal(word, kind_words[i].word))
			continue;
		for (int kind = 0; kind < LEAK_NUM_KINDS; kind++)
			rule->has_kind[kind] |= kind_words[i].has_kind[kind];
		return true;
	}
	return false;
}

static bool read_kinds(struct reading *reading, struct rule *rule)
{
	struct span words = skip(reading->line, strlen("match-leak-kinds:"));
	memset(rule->has_kind, 0, sizeof(rule->has_kind));
	do {
		if (!add_kind(rule, trim(take(&words, ','))))
			return fail(reading, "match-leak-kinds: with definite, indirect, possible, reachable, all or none, separated "
					     "by commas");
	} while (words.length);
	return true;
}

static void add_pattern(struct rule *rule, struct rule_pattern pattern)
{
	rule->patterns = memory_grow(rule->patterns, rule->num_patterns, sizeof(*rule->patterns));
	rule->patterns[rule->num_patterns++] = pattern;
}

static bool read_pattern(struct reading *reading, struct rule *rule)
{
	if (rule->num_patterns == RULE_MAX_PATTERNS)
		return fail(reading, "'}', since a block has at most 24 lines of frames");
	if (is_equal(reading->line, "...")) {
		add_pattern(rule, rule_pattern_create(RULE_ANY_FRAMES, "", 0));
		return true;
	}
	for (size_t i = 0; i < NUM_PATTERN_WORDS; i++) {
		if (!begins_with(reading->line, pattern_words[i].word))
			continue;
		struct span text = skip(reading->line, strlen(pattern_words[i].word));
		if (!text.length)
			return fail(reading, "a pattern after the colon; * stands for anything");
		add_pattern(rule, rule_pattern_create(pattern_words[i].type, text.begin, text.length));
		return true;
	}
	return fail(reading, "fun:PATTERN, obj:PATTERN, src:PATTERN, '...' or '}'");
}

static bool has_frame(const struct rule *rule)
{
	for (size_t i = 0; i < rule->num_patterns; i++)
		if (rule->patterns[i].type != RULE_ANY_FRAMES)
			return true;
	return false;
}

// What follows the kind.
static bool read_frames(struct reading *reading, struct rule *rule)
{
	bool is_first = true;
	for (;; is_first = false) {
		if (!read_block_line(reading, rule->line))
			return false;
		if (is_equal(reading->line, "}"))
			return has_frame(rule) || fail(reading, "at least one line fun:, obj: or src: before it");
		bool is_kinds = is_first && begins_with(reading->line, "match-leak-kinds:");
		if (is_kinds ? !read_kinds(reading, rule) : !read_pattern(reading, rule))
			return false;
	}
}

static bool skip_block(struct reading *reading, unsigned begin)
{
	do {
		if (!read_block_line(reading, begin))
			return false;
	} while (!is_equal(reading->line, "}"));
	return true;
}

static bool is_memcheck_kind(struct span kind)
{
	for (size_t i = 0; i < sizeof(memcheck_kinds) / sizeof(*memcheck_kinds); i++)
		if (is_equal(kind, memcheck_kinds[i]))
			return true;
	return false;
}

// Tool1,Tool2:Kind.  Which kinds other tools have is theirs to know.
static bool read_tools(struct reading *reading, bool *is_leak)
{
	struct span kind = reading->line, tools = take(&kind, ':');
	bool has_memcheck = false;
	if (tools.length == reading->line.length || !tools.length || !kind.length)
		return fail(reading, "TOOL:KIND, such as Memcheck:Leak");
	while (tools.length)
		has_memcheck |= is_equal(trim(take(&tools, ',')), "Memcheck");
	*is_leak = has_memcheck && is_equal(trim(kind), "Leak");
	return !has_memcheck || is_memcheck_kind(trim(kind)) || fail(reading, "Memcheck:Leak or another kind that memcheck has");
}

static bool read_block(struct reading *reading, struct rule *rule, bool *is_leak)
{
	if (!read_block_line(reading, rule->line))
		return false;
	if (is_equal(reading->line, "}"))
		return fail(reading, "a name, TOOL:KIND and frames before it");
	rule->name = copy(reading->line);
	if (!read_block_line(reading, rule->line) || !read_tools(reading, is_leak))
		return false;
	return *is_leak ? read_frames(reading, rule) : skip_block(reading, rule->line);
}

static bool read_part(struct reading *reading, struct rule *rule)
{
	struct span text = skip(reading->line, strlen("leak:"));
	if (!text.length)
		return fail(reading, "leak:PATTERN, where PATTERN is a part of the name of a function, source file or binary");
	rule->name = copy(reading->line);
	add_pattern(rule, rule_pattern_create_part(text.begin, text.length));
	return true;
}

static void deinit_rule(struct rule *rule)
{
	for (size_t i = 0; i < rule->num_patterns; i++)
		rule_pattern_deinit(&rule->patterns[i]);
	free(rule->patterns);
	free(rule->name);
}

// What begins in this line.
static bool read_rule(struct reading *reading)
{
	struct rule rule = { .line = reading->number, .is_block = is_equal(reading->line, "{"),
			     .has_kind = { true, true, true, true } };
	struct rule_list *list = reading->list;
	bool is_leak = true, is_sound;
	if (list->num_rules == RULE_FILE_MAX_RULES)
		return fail(reading, "the end of the file, since there are 10000 rules already");
	if (rule.is_block)
		is_sound = read_block(reading, &rule, &is_leak);
	else if (begins_with(reading->line, "leak:"))
		is_sound = read_part(reading, &rule);
	else
		return fail(reading, "leak:PATTERN, '{' on a line of its own, or a comment that begins with #");
	if (!is_sound || !is_leak) {
		deinit_rule(&rule);
		return is_sound;
	}
	list->rules = memory_grow(list->rules, list->num_rules, sizeof(*list->rules));
	list->rules[list->num_rules++] = rule;
	return true;
}

void rule_list_shorten(struct rule_list *list, size_t num_rules)
{
	while (list->num_rules > num_rules)
		deinit_rule(&list->rules[--list->num_rules]);
}

bool rule_file_read(struct rule_list *list, const char *what, const char *text, size_t length, struct error *error)
{
	struct reading reading = { .what = what, .rest = { text, length }, .list = list, .error = error };
	size_t num_before = list->num_rules;
	bool has_line, is_sound;
	do {
		is_sound = read_line(&reading, &has_line) && (!has_line || read_rule(&reading));
	} while (is_sound && has_line);
	if (!is_sound)
		rule_list_shorten(list, num_before);
	return is_sound;
}

void rule_list_deinit(struct rule_list *list)
{
	rule_list_shorten(list, 0);
	free(list->rules);
}
