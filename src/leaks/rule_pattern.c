// SPDX-License-Identifier: Apache-2.0
// Pattern of a rule: what a line of it says of one frame of a stack.  OUTSIDE.
#include "leaks/rule_pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define MAX_NAME_BYTES 4096 // of a name for people, whose parameters are left out; longer ones keep them
#define MAX_LINE_DIGITS 9
#define INTERNAL_PREFIX "__GI_"

// C++'s as the linker knows them and as people do.
static const char *const functions[] = {
	"malloc", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc",
};
static const char *const operators[] = {
	"_Znwm", "_Znam", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t", "_ZnwmSt11align_val_t", "_ZnamSt11align_val_t",
	"_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZnamSt11align_val_tRKSt9nothrow_t", "operator new", "operator new[]",
};
#define NUM_FUNCTIONS (sizeof(functions) / sizeof(*functions))
#define NUM_OPERATORS (sizeof(operators) / sizeof(*operators))

// Where the text goes on after what stands between two stars may only be found further to the right, so that only the
// last star is tried again.
bool rule_pattern_matches_text(const char *glob, const char *text, bool with_query)
{
	const char *after_star = NULL, *tried = NULL;
	for (;;) {
		if (*glob == '*') {
			after_star = ++glob;
			tried = text;
			continue;
		}
		if (!*text && !*glob)
			return true;
		if (*text && (*glob == *text || (with_query && *glob == '?'))) {
			glob++;
			text++;
			continue;
		}
		if (!after_star || !*tried)
			return false;
		if (!*after_star)
			return true;
		tried = with_query && *after_star == '?' ? tried + 1 : strchr(tried + 1, *after_star);
		if (!tried)
			return false;
		glob = after_star;
		text = tried;
	}
}

static bool matches(const struct rule_pattern *pattern, const char *name)
{
	if (pattern->type == RULE_ANYTHING)
		return *name && rule_pattern_matches_text(pattern->glob, name, false);
	return rule_pattern_matches_text(pattern->glob, name, true);
}

static bool matches_one(const struct rule_pattern *pattern, const char *const *names, size_t num_names)
{
	for (size_t i = 0; i < num_names; i++)
		if (matches(pattern, names[i]))
			return true;
	return false;
}

// Take :LINE off the end; 0: there is none.
static int64_t take_line(char *file)
{
	char *colon = strrchr(file, ':');
	size_t num_digits = colon ? strspn(colon + 1, "0123456789") : 0;
	if (!num_digits || colon == file || colon[1 + num_digits] || num_digits > MAX_LINE_DIGITS)
		return 0;
	*colon = 0;
	return atoll(colon + 1);
}

struct rule_pattern rule_pattern_create(enum rule_pattern_type type, const char *text, size_t length)
{
	struct rule_pattern pattern = { .type = type };
	if (type == RULE_ANY_FRAMES)
		return pattern;
	pattern.glob = memory_get(length + 1, 1);
	memcpy(pattern.glob, text, length);
	if (type == RULE_SOURCE)
		pattern.line = take_line(pattern.glob);
	pattern.is_operator = type == RULE_FUNCTION && matches_one(&pattern, operators, NUM_OPERATORS);
	pattern.is_allocation = pattern.is_operator ||
				(type == RULE_FUNCTION && matches_one(&pattern, functions, NUM_FUNCTIONS));
	return pattern;
}

struct rule_pattern rule_pattern_create_part(const char *text, size_t length)
{
	bool has_begin = length && *text == '^', has_end = length > has_begin && text[length - 1] == '$';
	size_t inner = length - has_begin - has_end;
	struct rule_pattern pattern = { .type = RULE_ANYTHING, .glob = memory_get(inner + 3, 1) };
	char *to = pattern.glob;
	if (!has_begin)
		*to++ = '*';
	to = mempcpy(to, text + has_begin, inner);
	if (!has_end)
		*to = '*';
	return pattern;
}

void rule_pattern_deinit(struct rule_pattern *pattern)
{
	free(pattern->glob);
}

bool rule_pattern_is_equal(const struct rule_pattern *a, const struct rule_pattern *b)
{
	return a->type == b->type && a->line == b->line && (!a->glob || strcmp(a->glob, b->glob) == 0);
}

// The parameters of "a::f(int) const" begin here; NULL: it has none.  "(anonymous namespace)::f" has none.
static const char *find_parameters(const char *name)
{
	const char *end = strrchr(name, ')');
	if (!end || strstr(end, "::"))
		return NULL;
	int depth = 0;
	for (const char *at = end; at > name; at--) {
		depth += (*at == ')') - (*at == '(');
		if (depth == 0)
			return at;
	}
	return NULL;
}

static bool matches_without_parameters(const struct rule_pattern *pattern, const char *name)
{
	const char *parameters = find_parameters(name);
	char shorter[MAX_NAME_BYTES];
	if (!parameters || parameters - name >= MAX_NAME_BYTES)
		return false;
	memcpy(shorter, name, (size_t)(parameters - name));
	shorter[parameters - name] = 0;
	return matches(pattern, shorter);
}

// glibc's functions have several names, of which debug information, symbol tables and valgrind each prefer another:
// __GI_setlocale, __newlocale, __clone3.
static bool matches_alias(const struct rule_pattern *pattern, const char *name)
{
	static const char *const aliases[][2] = {
		{ "__libc_start_call_main", "(below main)" }, { "__libc_start_main_impl", "(below main)" },
		{ "__libc_start_main", "(below main)" }, { "__clone3", "clone" }, { "clone3", "clone" },
	};
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (strcmp(name, aliases[i][0]) == 0 && matches(pattern, aliases[i][1]))
			return true;
	size_t length = strlen(INTERNAL_PREFIX);
	if (strncmp(name, INTERNAL_PREFIX, length) == 0 && name[length] && matches(pattern, name + length))
		return true;
	size_t num_underscores = strspn(name, "_");
	bool is_mangled = strncmp(name, "_Z", 2) == 0 || strncmp(name, "__Z", 3) == 0;
	return num_underscores && !is_mangled && name[num_underscores] && matches(pattern, name + num_underscores);
}

static bool matches_name(const struct rule_pattern *pattern, const struct profile_function *function)
{
	bool has_system_name = *function->system_name && strcmp(function->system_name, function->name) != 0;
	return (has_system_name && matches(pattern, function->system_name)) || matches(pattern, function->name) ||
	       matches_alias(pattern, function->name) || matches_without_parameters(pattern, function->name);
}

static bool matches_file(const struct rule_pattern *pattern, const char *path)
{
	return matches(pattern, path) || matches(pattern, text_base_name(path));
}

bool rule_pattern_matches_function(const struct rule_pattern *pattern, const struct profile_function *function)
{
	switch (pattern->type) {
	case RULE_FUNCTION:
		return matches_name(pattern, function);
	case RULE_SOURCE:
		return matches_file(pattern, function->filename);
	case RULE_ANYTHING:
		return matches_name(pattern, function) || matches(pattern, function->filename);
	default:
		return false;
	}
}

bool rule_pattern_matches_binary(const struct rule_pattern *pattern, const char *path)
{
	if (pattern->type != RULE_BINARY && pattern->type != RULE_ANYTHING)
		return false;
	if (matches(pattern, path))
		return true;
	// As it is named where links are followed: /lib is /usr/lib, and libx.so.6 libx.so.6.0.30.
	char *resolved = pattern->type == RULE_BINARY && *path == '/' ? realpath(path, NULL) : NULL;
	bool is_matched = resolved && matches(pattern, resolved);
	free(resolved);
	return is_matched;
}

static bool is_one(const char *name, const char *const *names, size_t num_names)
{
	for (size_t i = 0; i < num_names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool rule_pattern_is_allocator(const struct profile_function *function)
{
	const char *const names[] = { function->system_name, function->name };
	for (size_t i = 0; i < 2; i++)
		if (is_one(names[i], functions, NUM_FUNCTIONS) || is_one(names[i], operators, NUM_OPERATORS))
			return true;
	return false;
}
