// SPDX-License-Identifier: Apache-2.0
/*
 * Text: building and reading short strings where stdio may not be used.
 *
 * BOTH worlds, any thread, signal handlers too: no allocation, no locale.
 */
#ifndef CAIRN_BASE_TEXT_H
#define CAIRN_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A string under construction in the caller's storage.  It is always terminated; what does not fit
// is left out and is_cut says so.
struct text {
	char *start;
	size_t size_bytes; // of the storage, at least 1
	size_t length;
	bool is_cut;
};

#define TEXT_ON(array) { .start = (array), .size_bytes = sizeof(array) }

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t num_bytes);
void text_add_number(struct text *text, uint64_t number);
void text_add_signed(struct text *text, int64_t number);
// With leading zeros up to min_digits.
void text_add_padded(struct text *text, uint64_t number, int min_digits);
void text_add_hex(struct text *text, uint64_t number);
// A count of bytes for people: "512 B", "1.21 GiB".
void text_add_size(struct text *text, uint64_t size_bytes);

// Read a decimal number that fills the string up to its end, with an optional suffix K, M or G
// (powers of 1024).  False if it is anything else or does not fit.
bool text_read_size(const char *string, uint64_t *size_bytes);
// Read "30s", "5m", "2h", "250ms"; a bare number means seconds.
bool text_read_duration(const char *string, int64_t *duration_ns);

// What follows the last '/'.
const char *text_base_name(const char *path);

static inline bool text_begins_with(const char *string, const char *beginning)
{
	return strncmp(string, beginning, strlen(beginning)) == 0;
}

static inline bool text_ends_with(const char *string, const char *ending)
{
	size_t length = strlen(string), ending_length = strlen(ending);
	return length >= ending_length && strcmp(string + length - ending_length, ending) == 0;
}

#endif
