// SPDX-License-Identifier: Apache-2.0
// Pattern: names of profiles.  BOTH worlds.
#include "control/pattern.h"

#include <string.h>

bool pattern_is_valid(const char *pattern)
{
	for (const char *at = pattern; *at; at++)
		if (*at == '%' && (!at[1] || !strchr("pneth%", *++at)))
			return false;
	return true;
}

bool pattern_has_number(const char *pattern)
{
	for (const char *at = pattern; *at; at++)
		if (*at == '%' && *++at == 'n')
			return true;
	return false;
}

void pattern_expand(struct text *path, const char *pattern, const struct pattern_values *values, bool is_peak)
{
	static const char suffix[] = ".pb.gz";
	size_t length = strlen(pattern), suffix_length = sizeof(suffix) - 1;
	bool has_suffix = length >= suffix_length && memcmp(pattern + length - suffix_length, suffix, suffix_length) == 0;
	const char *peak_at = pattern + length - (has_suffix ? suffix_length : 0);
	for (const char *at = pattern;; at++) {
		if (is_peak && at == peak_at)
			text_add(path, ".peak");
		if (!*at)
			return;
		if (*at != '%') {
			text_add_bytes(path, at, 1);
			continue;
		}
		switch (*++at) {
		case 'p': text_add_number(path, values->pid); break;
		case 'n': text_add_padded(path, values->number, 4); break;
		case 'e': text_add(path, values->program); break;
		case 't': text_add_signed(path, values->time_s); break;
		case 'h': text_add(path, values->host); break;
		default: text_add(path, "%");
		}
	}
}
