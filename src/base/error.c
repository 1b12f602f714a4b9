// SPDX-License-Identifier: Apache-2.0
// Error: why something did not work.  OUTSIDE.
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void make_printable(char *message)
{
	for (unsigned char *at = (unsigned char *)message; *at; at++) {
		if (*at < ' ' || *at == 127)
			*at = '?';
		if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) // U+0080 to U+009F
			*at = at[1] = '?';
	}
}

bool error_set(struct error *error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	make_printable(error->message);
	return false;
}

bool error_prefix(struct error *error, const char *what)
{
	struct error before = *error;
	return error_set(error, "%s: %s", what, before.message);
}
