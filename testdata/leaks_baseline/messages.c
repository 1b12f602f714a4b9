// SPDX-License-Identifier: Apache-2.0
// Messages: translations that are looked for, errors and signals by name.  Leaks nothing.
#include <dlfcn.h>
#include <libintl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	setenv("LANGUAGE", "de:fr", 1);
	setlocale(LC_ALL, "C.UTF-8");
	bindtextdomain("cairn-example", "/nonexistent");
	bind_textdomain_codeset("cairn-example", "UTF-8");
	textdomain("cairn-example");
	printf("%s %s\n", gettext("hello"), ngettext("block", "blocks", 2));
	printf("%s %s %s\n", strerror(2), strerror(12345), strsignal(SIGTERM));
	printf("%s\n", strsignal(12345));
	if (!dlopen("/nonexistent.so", RTLD_NOW))
		printf("%s\n", dlerror());
	if (!dlsym(RTLD_DEFAULT, "no_such_function"))
		printf("%s\n", dlerror());
	dlopen("/nonexistent.so", RTLD_NOW); // whose message nobody asks for
	return 0;
}
