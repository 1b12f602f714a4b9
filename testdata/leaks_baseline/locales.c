// SPDX-License-Identifier: Apache-2.0
// Locales: set, asked for by name, duplicated and given back.  Leaks nothing.
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

int main(void)
{
	char *name = setlocale(LC_ALL, "C.UTF-8");
	setlocale(LC_NUMERIC, "C");
	setlocale(LC_TIME, "C.UTF-8");
	locale_t other = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
	locale_t same = other ? duplocale(other) : (locale_t)0;
	if (same)
		freelocale(same);
	if (other)
		freelocale(other);
	wchar_t wide[8];
	mbstowcs(wide, "\xc3\xa4", 8);
	printf("%s %s\n", name ? name : "-", nl_langinfo(CODESET));
	return 0;
}
