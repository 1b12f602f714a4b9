// SPDX-License-Identifier: Apache-2.0
// Match: a regular expression that names of functions are compared with.  OUTSIDE.
#include "report/match.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/memory.h"

#define MAX_PATTERN_BYTES 65536
#define MAX_STEPS 200000 // of a comparison from one place in the name: a few milliseconds
#define MAX_HEAP_KIB 16384
#define MAX_EXHAUSTED 100 // comparisons that took more than this; then nothing matches any more

struct match {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	unsigned num_exhausted; // comparisons that were given up
};

static void *get(size_t size_bytes, void *context)
{
	(void)context;
	return memory_get(1, size_bytes);
}

static void give_back(void *memory, void *context)
{
	(void)context;
	free(memory);
}

static pcre2_code *compile(pcre2_general_context *memory, const char *what, const char *pattern, uint32_t options,
			   struct error *error)
{
	pcre2_compile_context *context = pcre2_compile_context_create(memory);
	int problem;
	size_t offset;
	char why[200];
	pcre2_set_max_pattern_length(context, MAX_PATTERN_BYTES);
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &problem, &offset, context);
	pcre2_compile_context_free(context);
	if (code)
		return code;
	pcre2_get_error_message(problem, (PCRE2_UCHAR *)why, sizeof(why));
	error_set(error, "%s %.400s: %s (at offset %zu); expected a regular expression as in Perl", what, pattern, why, offset);
	return NULL;
}

bool match_create(struct match **match, const char *what, const char *pattern, bool is_whole, struct error *error)
{
	// Names may hold any bytes.
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
	pcre2_general_context *memory = pcre2_general_context_create(get, give_back, NULL);
	pcre2_code *code = compile(memory, what, pattern, options | (is_whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0), error);
	struct match *made = code ? memory_get(1, sizeof(*made)) : NULL;
	if (made) {
		made->code = code;
		made->data = pcre2_match_data_create_from_pattern(code, memory);
		made->context = pcre2_match_context_create(memory);
		pcre2_set_match_limit(made->context, MAX_STEPS);
		pcre2_set_heap_limit(made->context, MAX_HEAP_KIB);
	}
	pcre2_general_context_free(memory);
	*match = made;
	return made;
}

void match_destroy(struct match *match)
{
	if (!match)
		return;
	pcre2_match_context_free(match->context);
	pcre2_match_data_free(match->data);
	pcre2_code_free(match->code);
	free(match);
}

bool match_finds(struct match *match, const char *name, size_t length)
{
	size_t compared = length < MATCH_MAX_NAME_BYTES ? length : MATCH_MAX_NAME_BYTES;
	if (match->num_exhausted >= MAX_EXHAUSTED)
		return false;
	int result = pcre2_match(match->code, (PCRE2_SPTR)name, compared, 0, 0, match->data, match->context);
	match->num_exhausted += result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_HEAPLIMIT;
	return result >= 0;
}
