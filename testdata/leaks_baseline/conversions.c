// SPDX-License-Identifier: Apache-2.0
// Conversions: character sets whose converters the C library loads and keeps.  Leaks nothing.
#include <iconv.h>
#include <locale.h>
#include <stdio.h>
#include <wchar.h>

static void convert(const char *to, const char *from)
{
	char in[] = "text", out[64], *at = in, *end = out;
	size_t num_in = 4, num_out = sizeof(out);
	iconv_t conversion = iconv_open(to, from);
	if (conversion == (iconv_t)-1)
		return;
	iconv(conversion, &at, &num_in, &end, &num_out);
	iconv_close(conversion);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	convert("UTF-16LE", "UTF-8");
	convert("ISO-8859-15", "UTF-8");
	convert("EUC-JP", "ISO-8859-1");
	convert("NO-SUCH-SET", "UTF-8");
	FILE *file = fopen("/dev/null", "r,ccs=ISO-8859-15");
	if (file)
		fclose(file);
	return 0;
}
