// SPDX-License-Identifier: Apache-2.0
// About: what a profile says of itself.  OUTSIDE.
#include "report/about.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool has_type(const struct store *store, const char *type)
{
	for (size_t i = 0; i < store->num_types; i++)
		if (strcmp(store->types[i].type, type) == 0)
			return true;
	return false;
}

static const char *find_kind(const struct store *store)
{
	static const struct {
		const char *type, *kind;
	} kinds[] = { { "inuse_space", "heap" }, { "alloc_space", "heap" }, { "cpu", "CPU" }, { "contentions", "contention" } };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (has_type(store, kinds[i].type))
			return kinds[i].kind;
	return store->num_types ? store->types[0].type : "";
}

// What follows a beginning; NULL: it has another one.
static const char *skip(const char *string, const char *start)
{
	return strncmp(string, start, strlen(start)) == 0 ? string + strlen(start) : NULL;
}

static void read_process(struct about *about, const char *process)
{
	uint64_t pid, seconds, milliseconds;
	if (sscanf(process, "%9" SCNu64 ", profiled since %10" SCNu64 ".%3" SCNu64, &pid, &seconds, &milliseconds) != 3)
		return;
	if (about->num_processes++)
		return;
	about->pid = pid;
	about->start_time_ns = (int64_t)seconds * 1000000000 + (int64_t)milliseconds * 1000000;
}

static void read_rate(struct about *about, const char *rate)
{
	const char *samples = strstr(rate, "; samples: ");
	about->is_off = skip(rate, "0 ");
	about->has_num_samples = samples && sscanf(samples, "; samples: %18" SCNu64, &about->num_samples) == 1;
}

static void read_comment(struct about *about, const char *comment)
{
	const char *rest;
	if (skip(comment, "cairn "))
		about->recorder = comment;
	else if ((rest = skip(comment, "command: ")))
		about->command = *about->command ? about->command : rest;
	else if ((rest = skip(comment, "process: ")))
		read_process(about, rest);
	else if ((rest = skip(comment, "rate: ")))
		read_rate(about, rest);
	else if ((rest = skip(comment, "counted: ")))
		about->losses[about->num_losses++] = rest;
	else if (skip(comment, "difference to: "))
		about->is_difference = true;
	else if (strcmp(comment, "dropped: nothing") == 0)
		about->is_complete = true;
}

// A path with a space in it ends where it does only if it is that of the file.
static void find_program(struct about *about)
{
	struct text program = TEXT_ON(about->program);
	size_t path_length = strlen(about->path), length = strcspn(about->command, " ");
	bool is_path = path_length && strncmp(about->command, about->path, path_length) == 0;
	char word[sizeof(about->program)];
	struct text first = TEXT_ON(word);
	text_add_bytes(&first, about->command, length);
	text_add(&program, is_path || !length || first.is_cut ? text_base_name(about->path) : text_base_name(word));
}

void about_init(struct about *about, const struct store *store)
{
	const struct store_side *side = &store->sides[0];
	*about = (struct about){ .kind = find_kind(store), .path = "", .build_id = "", .command = "", .recorder = "" };
	if (store->places.num_mappings) {
		struct profile_mapping mapping = places_get_mapping(&store->places, 1);
		about->path = mapping.path;
		about->build_id = mapping.build_id;
	}
	for (size_t i = 0; i < side->num_comments; i++)
		if (*about->recorder || skip(side->comments[i], "cairn ")) // others' comments mean other things
			read_comment(about, side->comments[i]);
	about->has_num_samples &= about->num_processes <= 1 && !about->is_difference;
	find_program(about);
}
