// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: a profile that somebody has damaged, or made to do harm, is refused or read.
 *
 * The input is the file, gzipped or not.  It is read into a store, with both signs and on both sides, and that is
 * written again; what was written must be readable.  Then it is viewed in one of several ways, which its last byte
 * tells, and its call graph is described to graphviz, with no name getting out of its quotes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pprof/reader.h"
#include "pprof/writer.h"
#include "profile/store.h"
#include "report/call_graph.h"
#include "report/dot.h"
#include "report/view.h"

static bool is_read(const uint8_t *bytes, size_t num_bytes, const struct profile_sink *sink)
{
	struct error error;
	bool is_sound = reader_read_bytes("input", bytes, num_bytes, sink, &error);
	if (!is_sound && !*error.message)
		abort(); // no sink here ends the stream
	return is_sound;
}

static int file = -1;

// Write what the store holds into file; the errno value of what failed.
static int write_store(struct store *store)
{
	struct arena arena;
	struct writer writer;
	if (file < 0)
		file = memfd_create("written", MFD_CLOEXEC);
	if (ftruncate(file, 0) != 0 || lseek(file, 0, SEEK_SET) != 0)
		abort();
	arena_init(&arena, WRITER_ARENA_BYTES);
	writer_begin(&writer, &arena, file);
	store_push(store, &writer.sink);
	int failed = writer_end(&writer);
	arena_deinit(&arena);
	return failed;
}

static void check_written(void)
{
	struct store *store = store_create(2);
	struct error error;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (!reader_read_file(path, store_begin(store, 0, STORE_SUBTRACT), &error)) {
		fprintf(stderr, "%s\n", error.message);
		abort();
	}
	store_destroy(store);
}

static void check_view(const struct view *view)
{
	for (size_t i = 0; i < view->num_stacks; i++)
		for (uint32_t j = 0; j < view->stacks[i].num_frames; j++)
			if (view->stacks[i].frames[j] >= view->num_frames)
				abort();
	for (uint32_t i = 0; i < view->num_frames; i++)
		if (!*view->frames[i].name && !view->frames[i].is_named)
			abort();
}

// Lines end outside of quotes only, since names have no line breaks.
static void check_dot(const char *dot)
{
	bool is_quoted = false;
	for (const char *at = dot; *at; at++) {
		if (is_quoted && *at == '\\' && at[1])
			at++;
		else if (*at == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && (unsigned char)*at < ' ')
			abort();
	}
	if (is_quoted || strcmp(dot + strlen(dot) - 3, "\n}\n") != 0)
		abort();
}

static void draw(const struct view *view, bool has_limits)
{
	struct call_graph_limits limits = { 0 };
	struct call_graph graph;
	char *dot = NULL;
	size_t num_bytes;
	FILE *to = open_memstream(&dot, &num_bytes);
	if (!to)
		abort();
	if (has_limits)
		limits = (struct call_graph_limits){ .max_nodes = 3, .node_fraction = 0.1, .edge_fraction = 0.2 };
	call_graph_init(&graph, view, &limits);
	dot_write(to, view, &graph);
	call_graph_deinit(&graph);
	fclose(to);
	check_dot(dot);
	free(dot);
}

static void look(const struct store *store, unsigned way)
{
	struct view_request request = {
		.by_lines = way & 1, .keeps_dropped = way & 2, .focus = way & 4 ? "main|a" : NULL, .ignore = way & 8 ? "^x" : NULL,
	};
	struct error error = { "" };
	struct view *view;
	if (!view_create(&view, store, &request, &error)) {
		if (!*error.message)
			abort();
		return;
	}
	check_view(view);
	draw(view, way & 16);
	view_destroy(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
	struct store *store = store_create(2);
	if (is_read(bytes, num_bytes, store_begin(store, 0, STORE_ADD))) {
		int num_more = num_bytes ? bytes[num_bytes - 1] % 3 : 0;
		for (int i = 0; i < num_more; i++)
			is_read(bytes, num_bytes, store_begin(store, (uint32_t)i, i ? STORE_ADD : STORE_SUBTRACT));
		if (write_store(store) != 0)
			abort();
		check_written();
		look(store, num_bytes ? bytes[num_bytes - 1] / 3 : 0);
	}
	store_destroy(store);
	return 0;
}
