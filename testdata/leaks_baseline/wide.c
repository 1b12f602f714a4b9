// SPDX-License-Identifier: Apache-2.0
// Wide: standard output in wide characters.  Leaks nothing.
#include <locale.h>
#include <stdio.h>
#include <wchar.h>

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	wint_t c = getwchar();
	wprintf(L"wide %lc\n", c == WEOF ? L'.' : c);
	return 0;
}
