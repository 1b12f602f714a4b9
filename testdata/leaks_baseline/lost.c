// SPDX-License-Identifier: Apache-2.0
// Lost: what the program itself has not given back, although the C library allocated it or called the program.  The rules that
// come with cairn must hide nothing of it.  The directory of keeper.so is the first argument.
#include <dirent.h>
#include <dlfcn.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

static void *volatile lost[32];
static int num_lost;

static void lose(void *block)
{
	lost[num_lost++ % 32] = block;
}

static int lose_in_comparison(const void *a, const void *b)
{
	static int num_calls;
	if (num_calls++ == 0)
		lose(strdup("in a comparison that qsort() calls"));
	return *(const int *)a - *(const int *)b;
}

static ssize_t lose_in_stream(void *cookie, char *buffer, size_t size_bytes)
{
	(void)cookie;
	lose(strdup("in a function that a stream calls"));
	memset(buffer, 'x', size_bytes);
	return (ssize_t)size_bytes;
}

static void lose_at_exit(void)
{
	lose(strdup("in a function that exit() calls"));
}

static void *lose_in_thread(void *unused)
{
	(void)unused;
	lose(strdup("in a thread"));
	return NULL;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void lose_in_callbacks(const char *directory)
{
	static const cookie_io_functions_t functions = { .read = lose_in_stream };
	static int numbers[] = { 3, 1, 2 };
	char path[4096];
	pthread_t thread;
	qsort(numbers, 3, sizeof(*numbers), lose_in_comparison);
	FILE *stream = fopencookie(NULL, "r", functions);
	if (stream) {
		fgetc(stream);
		fclose(stream);
	}
	snprintf(path, sizeof(path), "%s/keeper.so", directory);
	dlopen(path, RTLD_NOW);
	if (pthread_create(&thread, NULL, lose_in_thread, NULL) == 0)
		pthread_join(thread, NULL);
	atexit(lose_at_exit);
}

int main(int argc, char **argv)
{
	static void *tree;
	struct addrinfo *found = NULL;
	char *text = NULL, *line = NULL;
	size_t size_bytes = 0;
	FILE *file = fopen("/etc/passwd", "r");
	lose(file);
	if (file && getline(&line, &size_bytes, file) > 0)
		lose(line);
	lose(opendir("/"));
	if (asprintf(&text, "%d", 12345) > 0)
		lose(text);
	if (getaddrinfo("127.0.0.1", "80", NULL, &found) == 0)
		lose(found);
	lose(newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0));
	lose(iconv_open("UTF-16LE", "UTF-8"));
	tsearch("a key", &tree, compare_texts);
	lose_in_callbacks(argc > 1 ? argv[1] : ".");
	return 0;
}
