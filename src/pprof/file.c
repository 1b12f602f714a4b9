// SPDX-License-Identifier: Apache-2.0
// File: a profile written to a file that appears whole or not at all.  OUTSIDE.
#include "pprof/file.h"

#include <errno.h>
#include <unistd.h>

#include "base/whole_file.h"
#include "pprof/writer.h"

#define MAX_NUMBERS 100000

// 0 or an errno value.
static int write_contents(void *context, int fd)
{
	const struct file_contents *contents = context;
	struct arena arena;
	arena_init(&arena, WRITER_ARENA_BYTES + sizeof(struct writer) + 64);
	struct writer *writer = arena_get(&arena, sizeof(*writer));
	int error = ENOMEM;
	if (writer) {
		writer_begin(writer, &arena, fd);
		bool is_pushed = contents->push(contents->context, &writer->sink);
		error = writer_end(writer);
		if (!error && !is_pushed)
			error = EIO;
	}
	arena_deinit(&arena);
	return error;
}

static struct whole_file_contents compressing(const struct file_contents *contents)
{
	return (struct whole_file_contents){ .write = write_contents, .context = (void *)contents };
}

static bool push_store(void *context, const struct profile_sink *sink)
{
	return store_push(context, sink);
}

struct file_contents file_contents_of(struct store *store)
{
	return (struct file_contents){ push_store, store };
}

bool file_write(const char *path, const struct file_contents *contents, struct error *error)
{
	struct whole_file_contents compressed = compressing(contents);
	return whole_file_write(path, &compressed, error);
}

bool file_write_next(const char *pattern, struct pattern_values *values, const struct file_contents *contents,
		     char path[PATH_MAX], struct error *error)
{
	struct whole_file_contents compressed = compressing(contents);
	bool has_number = pattern_has_number(pattern);
	int reason = EEXIST;
	for (int i = 0; i < MAX_NUMBERS && reason == EEXIST; i++) {
		struct text name = { .start = path, .size_bytes = PATH_MAX };
		values->number++;
		pattern_expand(&name, pattern, values, false);
		if (name.is_cut)
			return whole_file_fail(path, ENAMETOOLONG, error);
		if (!has_number)
			return file_write(path, contents, error);
		if (access(path, F_OK) != 0)
			reason = whole_file_write_new(path, &compressed);
	}
	return reason == 0 || whole_file_fail(path, reason, error);
}
