// SPDX-License-Identifier: Apache-2.0
// Frames: the places of a store as named frames.  OUTSIDE.
#include "report/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "report/match.h"

#define MAX_NAME_BYTES 512 // of frames without a function
#define MAX_FRAMES PROFILE_MAX_LOCATIONS // of a stack with its inlined calls, about: what calls those is left out

enum decision { UNDECIDED, YES, NO };

// What tells frames apart.  Strings are those of the store or of the view.
struct frame_key {
	const char *name, *file;
	int64_t line;
};

struct frame {
	UT_hash_handle hh;
	struct frame_key key;
	uint32_t index;
	unsigned char is_dropped, is_hidden, is_focused, is_ignored; // enum decision
};

// The frames of a place: several if calls were inlined.
struct expansion {
	uint32_t first, num_frames; // in frames_tables.expanded; no frames: not made yet
};

struct frames_tables {
	struct strings strings;
	struct frame *table, **by_index;
	struct expansion *expansions; // by place
	uint32_t *expanded;
	size_t num_expanded, max_expanded;
	bool by_lines;
	struct match *drop, *keep, *hide, *focus, *ignore; // NULL: none
	uint32_t *stack; // of frames_of()
	size_t max_stack;
};

// Room for element number in an array that doubles.
static void *reach(void *array, size_t *max_elements, size_t number, size_t element_bytes)
{
	if (number < *max_elements)
		return array;
	*max_elements = 2 * number + 64;
	return memory_resize(array, *max_elements, element_bytes);
}

static uint32_t get_frame(struct frames *frames, const struct view_frame *frame)
{
	struct frames_tables *tables = frames->tables;
	const struct frame_key key = { frame->name, tables->by_lines ? frame->file : NULL, frame->line };
	struct frame *found;
	HASH_FIND(hh, tables->table, &key, sizeof(key), found);
	if (found)
		return found->index;
	found = memory_get(1, sizeof(*found));
	found->key = key;
	found->index = frames->num_frames;
	HASH_ADD(hh, tables->table, key, sizeof(key), found);
	if ((frames->num_frames & (frames->num_frames - 1)) == 0) {
		size_t max_frames = 2 * (size_t)frames->num_frames + 1;
		frames->frames = memory_resize(frames->frames, max_frames, sizeof(*frames->frames));
		tables->by_index = memory_resize(tables->by_index, max_frames, sizeof(*tables->by_index));
	}
	frames->frames[frames->num_frames] = *frame;
	tables->by_index[frames->num_frames] = found;
	return frames->num_frames++;
}

// "[libfoo.so+0x1234]" (the offset in the file), "[vdso]", "[0x7f0012]".
static const char *name_without_function(struct frames *frames, const struct profile_location *location,
					 const struct profile_mapping *mapping)
{
	char storage[MAX_NAME_BYTES];
	struct text name = TEXT_ON(storage);
	const char *file = mapping ? text_base_name(mapping->path) : "";
	if (*file == '[')
		return strings_get(&frames->tables->strings, file);
	text_add(&name, "[");
	if (*file) {
		text_add(&name, file);
		text_add(&name, "+");
	}
	text_add_hex(&name, *file ? location->address - mapping->start + mapping->offset : location->address);
	text_add(&name, "]");
	return strings_get(&frames->tables->strings, storage);
}

static struct view_frame make_frame(struct frames *frames, const struct profile_location *location,
				    const struct profile_line *line)
{
	const struct places *places = &frames->store->places;
	struct profile_mapping mapping;
	struct view_frame frame = { .name = "", .file = "", .binary = "" };
	if (location->mapping_id) {
		mapping = places_get_mapping(places, location->mapping_id);
		frame.binary = mapping.path;
	}
	if (line && line->function_id) {
		struct profile_function function = places_get_function(places, line->function_id);
		frame.name = *function.name ? function.name : function.system_name;
		frame.file = function.filename;
		frame.line = frames->tables->by_lines ? line->line : 0;
	}
	frame.is_named = *frame.name != 0;
	if (!frame.is_named)
		frame.name = name_without_function(frames, location, location->mapping_id ? &mapping : NULL);
	return frame;
}

static const struct expansion *expand(struct frames *frames, uint32_t place)
{
	struct frames_tables *tables = frames->tables;
	struct expansion *expansion = &tables->expansions[place - 1];
	if (expansion->num_frames)
		return expansion;
	const struct profile_location location = places_get(&frames->store->places, place);
	size_t num_frames = location.num_lines ? location.num_lines : 1;
	tables->expanded = reach(tables->expanded, &tables->max_expanded, tables->num_expanded + num_frames,
				 sizeof(*tables->expanded));
	expansion->first = (uint32_t)tables->num_expanded;
	for (size_t i = 0; i < num_frames; i++) {
		struct view_frame frame = make_frame(frames, &location, location.num_lines ? &location.lines[i] : NULL);
		tables->expanded[tables->num_expanded++] = get_frame(frames, &frame);
	}
	expansion->num_frames = (uint32_t)num_frames;
	return expansion;
}

// The length of a name up to its parameters, as google/pprof has it (profile/prune.go).
static size_t length_without_parameters(const char *name)
{
	static const char *const reserved[] = { "(anonymous namespace)", "operator()" };
	for (const char *at = name; (at = strchr(at, '('));) {
		const char *next = at;
		if (strncmp(at, reserved[0], strlen(reserved[0])) == 0)
			next = at + strlen(reserved[0]);
		else if (at - name >= 8 && strncmp(at - 8, reserved[1], strlen(reserved[1])) == 0)
			next = at + 2;
		if (next == at)
			return (size_t)(at - name);
		at = next;
	}
	return strlen(name);
}

static bool is_dropped(struct frames *frames, uint32_t index)
{
	struct frames_tables *tables = frames->tables;
	struct frame *frame = tables->by_index[index];
	const char *name = frames->frames[index].name;
	if (!tables->drop || !frames->frames[index].is_named)
		return false;
	if (frame->is_dropped == UNDECIDED) {
		name += *name == '.';
		size_t length = length_without_parameters(name);
		frame->is_dropped = match_finds(tables->drop, name, length) &&
						    !(tables->keep && match_finds(tables->keep, name, length)) ? YES : NO;
	}
	return frame->is_dropped == YES;
}

// As google/pprof has it, the file and the program count too.
static bool is_found(struct match *match, const struct view_frame *frame, unsigned char *decision)
{
	if (*decision == UNDECIDED)
		*decision = match_finds(match, frame->name, strlen(frame->name)) ||
					    match_finds(match, frame->file, strlen(frame->file)) ||
					    match_finds(match, frame->binary, strlen(frame->binary)) ? YES : NO;
	return *decision == YES;
}

bool frames_are_wanted(struct frames *frames, const uint32_t *stack, size_t num_frames)
{
	struct frames_tables *tables = frames->tables;
	bool is_focused = !tables->focus;
	for (size_t i = 0; i < num_frames; i++) {
		struct frame *frame = tables->by_index[stack[i]];
		if (tables->ignore && is_found(tables->ignore, &frames->frames[stack[i]], &frame->is_ignored))
			return false;
		is_focused = is_focused || is_found(tables->focus, &frames->frames[stack[i]], &frame->is_focused);
	}
	return is_focused;
}

// All frames of a sample, in tables->stack.
static size_t collect(struct frames *frames, const struct store_sample *sample)
{
	struct frames_tables *tables = frames->tables;
	size_t num_frames = 0;
	for (uint32_t i = 0; i < sample->num_places && num_frames < MAX_FRAMES; i++) {
		const struct expansion *expansion = expand(frames, sample->places[i]);
		tables->stack = reach(tables->stack, &tables->max_stack, num_frames + expansion->num_frames, sizeof(*tables->stack));
		memcpy(tables->stack + num_frames, tables->expanded + expansion->first,
		       expansion->num_frames * sizeof(*tables->stack));
		num_frames += expansion->num_frames;
	}
	return num_frames;
}

// How many frames at the leaf go: from the root on, the first that is dropped goes with all that it calls; but something
// has to stay.
static size_t count_dropped(struct frames *frames, const uint32_t *stack, size_t num_frames)
{
	bool is_kept = false;
	for (size_t i = num_frames; i > 0; i--) {
		bool is_next_dropped = is_dropped(frames, stack[i - 1]);
		if (is_next_dropped && is_kept)
			return i;
		is_kept = is_kept || !is_next_dropped;
	}
	return 0;
}

static size_t keep_shown(struct frames *frames, uint32_t *stack, size_t num_frames)
{
	struct frames_tables *tables = frames->tables;
	size_t num_shown = 0;
	for (size_t i = 0; i < num_frames; i++)
		if (!tables->hide || !is_found(tables->hide, &frames->frames[stack[i]], &tables->by_index[stack[i]]->is_hidden))
			stack[num_shown++] = stack[i];
	return num_shown;
}

size_t frames_of(struct frames *frames, const struct store_sample *sample, const uint32_t **stack)
{
	size_t num_frames = collect(frames, sample);
	uint32_t *all = frames->tables->stack;
	size_t num_dropped = count_dropped(frames, all, num_frames);
	*stack = all + num_dropped;
	return keep_shown(frames, all + num_dropped, num_frames - num_dropped);
}

static bool make_match(struct match **match, const char *what, const char *pattern, bool is_whole, struct error *error)
{
	return !pattern || !*pattern || match_create(match, what, pattern, is_whole, error);
}

bool frames_init(struct frames *frames, const struct store *store, const struct frames_request *request, struct error *error)
{
	struct frames_tables *tables = memory_get(1, sizeof(*tables));
	*frames = (struct frames){ .store = store, .tables = tables };
	strings_init(&tables->strings);
	tables->by_lines = request->by_lines;
	tables->expansions = memory_get(store->places.num_places, sizeof(*tables->expansions));
	tables->stack = reach(NULL, &tables->max_stack, 0, sizeof(*tables->stack));
	return make_match(&tables->focus, "--focus", request->focus, false, error) &&
	       make_match(&tables->hide, "--hide", request->hide, false, error) &&
	       make_match(&tables->ignore, "--ignore", request->ignore, false, error) &&
	       make_match(&tables->drop, "the profile's drop_frames", request->drop, true, error) &&
	       make_match(&tables->keep, "the profile's keep_frames", request->keep, true, error);
}

void frames_deinit(struct frames *frames)
{
	struct frames_tables *tables = frames->tables;
	HASH_CLEAR(hh, tables->table);
	for (uint32_t i = 0; i < frames->num_frames; i++)
		free(tables->by_index[i]);
	match_destroy(tables->drop);
	match_destroy(tables->keep);
	match_destroy(tables->hide);
	match_destroy(tables->focus);
	match_destroy(tables->ignore);
	strings_deinit(&tables->strings);
	free(tables->by_index);
	free(tables->expansions);
	free(tables->expanded);
	free(tables->stack);
	free(tables);
	free(frames->frames);
}
