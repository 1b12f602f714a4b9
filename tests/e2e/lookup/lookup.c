// SPDX-License-Identifier: Apache-2.0
/*
 * Lookup: what src/symbolize knows of offsets in a file, for the tests to compare with what other programs know.
 *
 * usage: lookup [-n] [-r ROOT] [-d DEBUG_DIRECTORY]... [-t DOWNLOAD_SECONDS] [-b BUILD_ID] FILE <OFFSETS
 *
 * Reads offsets in hexadecimal, a line each.  Prints for each "OFFSET" and, indented, a line
 * "FUNCTION<tab>FILE:LINE:COLUMN<tab>START_LINE" for each call, the innermost first.  -n: only names.  Status 1 and the
 * reason on stderr if the file cannot be used.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "symbolize/symbols.h"

#define MAX_DIRECTORIES 8

struct request {
	struct symbols_search search;
	const char *directories[MAX_DIRECTORIES];
	const char *build_id;
	enum symbols_extent extent;
};

static void show_progress(void *context, const char *what, long done, long all)
{
	(void)context;
	fprintf(stderr, "progress: %s: %ld of %ld\n", what, done, all);
}

static void read_option(struct request *request, int option)
{
	switch (option) {
	case 'n':
		request->extent = SYMBOLS_NAMES;
		break;
	case 'r':
		request->search.root = optarg;
		break;
	case 'd':
		if (request->search.num_debug_directories < MAX_DIRECTORIES)
			request->directories[request->search.num_debug_directories++] = optarg;
		break;
	case 't':
		text_read_duration(optarg, &request->search.download_limit_ns);
		break;
	case 'b':
		request->build_id = optarg;
		break;
	default:
		exit(2);
	}
}

static uint64_t *read_offsets(size_t *num_offsets)
{
	uint64_t *offsets = NULL, offset;
	for (*num_offsets = 0; scanf("%" SCNx64, &offset) == 1; offsets[(*num_offsets)++] = offset)
		offsets = memory_resize(offsets, *num_offsets + 1, sizeof(*offsets));
	return offsets;
}

static void print_lines(struct symbols *symbols, uint64_t offset)
{
	struct line lines[LINE_MAX_CALLS];
	size_t num_lines = symbols_find_lines(symbols, offset, lines);
	printf("0x%" PRIx64 "\n", offset);
	for (size_t i = 0; i < num_lines; i++)
		printf(" %s\t%s:%" PRId64 ":%" PRId64 "\t%" PRId64 "\n", lines[i].function, lines[i].file, lines[i].line,
		       lines[i].column, lines[i].start_line);
}

static void print_name(const struct symbols *symbols, uint64_t offset)
{
	const char *name = symbols_find(symbols, offset);
	printf("0x%" PRIx64 "\n", offset);
	if (name)
		printf(" %s\n", name);
}

int main(int argc, char **argv)
{
	struct request request = { .search = { .root = "", .show_progress = show_progress }, .extent = SYMBOLS_LINES };
	struct error error;
	size_t num_offsets;
	for (int option; (option = getopt(argc, argv, "nr:d:t:b:")) != -1;)
		read_option(&request, option);
	request.search.debug_directories = request.directories;
	if (optind != argc - 1)
		return 2;
	struct symbols *symbols = symbols_open(argv[optind], request.build_id, &request.search, request.extent, &error);
	if (!symbols) {
		fprintf(stderr, "%s\n", error.message);
		return 1;
	}
	uint64_t *offsets = read_offsets(&num_offsets);
	if (!symbols_prepare(symbols, offsets, num_offsets, &error))
		fprintf(stderr, "%s\n", error.message);
	for (size_t i = 0; i < num_offsets; i++)
		if (request.extent == SYMBOLS_NAMES)
			print_name(symbols, offsets[i]);
		else
			print_lines(symbols, offsets[i]);
	free(offsets);
	symbols_close(symbols);
	return 0;
}
