// SPDX-License-Identifier: Apache-2.0
// Text: building and reading short strings where stdio may not be used.  BOTH worlds.
#include "base/text.h"

#include <string.h>

void text_add_bytes(struct text *text, const char *bytes, size_t num_bytes)
{
	size_t room = text->size_bytes - 1 - text->length;
	if (num_bytes > room) {
		num_bytes = room;
		text->is_cut = true;
	}
	memcpy(text->start + text->length, bytes, num_bytes);
	text->length += num_bytes;
	text->start[text->length] = 0;
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

static void add_in_base(struct text *text, uint64_t number, unsigned base, int min_digits)
{
	char digits[64];
	int position = sizeof(digits);
	for (; number || min_digits > 0; number /= base, min_digits--)
		digits[--position] = "0123456789abcdef"[number % base];
	text_add_bytes(text, digits + position, sizeof(digits) - (size_t)position);
}

void text_add_padded(struct text *text, uint64_t number, int min_digits)
{
	add_in_base(text, number, 10, min_digits);
}

void text_add_number(struct text *text, uint64_t number)
{
	add_in_base(text, number, 10, 1);
}

void text_add_signed(struct text *text, int64_t number)
{
	if (number < 0)
		text_add(text, "-");
	text_add_number(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void text_add_hex(struct text *text, uint64_t number)
{
	text_add(text, "0x");
	add_in_base(text, number, 16, 1);
}

void text_add_size(struct text *text, uint64_t size_bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = size_bytes ? (63 - (unsigned)__builtin_clzll(size_bytes)) / 10 : 0;
	uint64_t one = UINT64_C(1) << unit * 10;
	uint64_t whole = size_bytes / one;
	uint64_t hundredths = (uint64_t)((double)(size_bytes % one) * 100 / (double)one);
	text_add_number(text, whole);
	if (unit) {
		text_add(text, ".");
		text_add_padded(text, hundredths, 2);
	}
	text_add(text, " ");
	text_add(text, units[unit]);
}

// The decimal number at *string, which is moved behind it.
static bool read_number(const char **string, uint64_t *number)
{
	const char *at = *string;
	uint64_t value = 0;
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return false;
	if (at == *string)
		return false;
	*string = at;
	*number = value;
	return true;
}

bool text_read_size(const char *string, uint64_t *size_bytes)
{
	uint64_t value;
	if (!read_number(&string, &value))
		return false;
	unsigned shift = 0;
	switch (*string) {
	case 'k': case 'K': shift = 10; break;
	case 'm': case 'M': shift = 20; break;
	case 'g': case 'G': shift = 30; break;
	}
	if (string[shift != 0] || value > UINT64_MAX >> shift)
		return false;
	*size_bytes = value << shift;
	return true;
}

bool text_read_duration(const char *string, int64_t *duration_ns)
{
	static const struct {
		const char *suffix;
		uint64_t ns;
	} units[] = { { "", 1000000000 }, { "s", 1000000000 }, { "ms", 1000000 },
		      { "m", UINT64_C(60000000000) }, { "h", UINT64_C(3600000000000) } };
	uint64_t value;
	if (!read_number(&string, &value))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(string, units[i].suffix) != 0)
			continue;
		if (value > INT64_MAX / units[i].ns)
			return false;
		*duration_ns = (int64_t)(value * units[i].ns);
		return true;
	}
	return false;
}

const char *text_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}
