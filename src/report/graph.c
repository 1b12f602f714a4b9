// SPDX-License-Identifier: Apache-2.0
// Graph: the call graph of a view as a picture.  OUTSIDE.
#include "report/graph.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/whole_file.h"
#include "report/call_graph.h"
#include "report/dot.h"
#include "report/graphviz.h"

// 0 or an errno value.
static int copy(void *context, int to)
{
	const int *from = context;
	char piece[64 * 1024];
	off_t offset = 0;
	for (;;) {
		ssize_t length = pread(*from, piece, sizeof(piece), offset);
		if (length <= 0)
			return length < 0 ? errno : 0;
		ssize_t written = write(to, piece, (size_t)length);
		if (written < 0 && errno != EINTR)
			return errno;
		offset += written > 0 ? written : 0;
	}
}

static bool describe(const struct view *view, uint32_t max_nodes, int dot, struct error *error)
{
	struct call_graph graph;
	struct call_graph_limits limits = { 0 };
	if (max_nodes) // as `go tool pprof` has them
		limits = (struct call_graph_limits){ .max_nodes = max_nodes, .node_fraction = 0.005, .edge_fraction = 0.001 };
	int own = fcntl(dot, F_DUPFD_CLOEXEC, 0);
	FILE *file = own < 0 ? NULL : fdopen(own, "w");
	if (!file)
		return error_set(error, "no memory for the graph: %s", strerror(errno));
	call_graph_init(&graph, view, &limits);
	dot_write(file, view, &graph);
	call_graph_deinit(&graph);
	bool is_written = !ferror(file);
	is_written &= fclose(file) == 0;
	lseek(dot, 0, SEEK_SET);
	return is_written || error_set(error, "no memory for the graph: %s", strerror(errno));
}

static bool draw(const struct view *view, const struct graph_request *request, int dot, int picture, const char *path,
		 struct error *error)
{
	static const char *const formats[] = { [GRAPH_SVG] = "svg", [GRAPH_PDF] = "pdf" };
	if (!describe(view, request->max_nodes, dot, error))
		return false;
	if (request->format != GRAPH_DOT && !graphviz_draw(formats[request->format], dot, picture, error))
		return false;
	struct whole_file_contents contents = { copy, request->format == GRAPH_DOT ? &dot : &picture };
	return whole_file_write(path, &contents, error);
}

bool graph_draw(const struct view *view, const struct graph_request *request, const char *path, struct error *error)
{
	int dot = memfd_create("graph", MFD_CLOEXEC), picture = memfd_create("picture", MFD_CLOEXEC);
	bool is_drawn = dot >= 0 && picture >= 0 ? draw(view, request, dot, picture, path, error)
						 : error_set(error, "no memory for the graph: %s", strerror(errno));
	if (dot >= 0)
		close(dot);
	if (picture >= 0)
		close(picture);
	return is_drawn;
}
