// SPDX-License-Identifier: Apache-2.0
// Symbolizer: gives the places of a store their functions, files and lines.  OUTSIDE.
#include "symbolize/symbolizer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "symbolize/demangle.h"
#include "symbolize/perf_map.h"
#include "symbolize/symbols.h"

#define MAX_NAME_BYTES 8192

// A place that is to be named, and where its code is.
struct wanted {
	const char *path, *build_id; // of the store's strings
	uint64_t offset;             // in the file
	uint32_t place;
};

// What people call a symbol.
struct known_name {
	UT_hash_handle hh;
	const char *symbol, *name; // of the store's strings
};

struct symbolizer {
	struct store *store;
	const struct symbolizer_request *request;
	struct known_name *names;
	struct looked_at {
		bool is_asked;   // about some of its places
		bool can_inline; // about all, and where inlined calls are known
	} *mappings;             // by number - 1
	struct line lines[LINE_MAX_CALLS];
};

static bool has_lines(const struct places *places, const struct profile_location *location)
{
	for (size_t i = 0; i < location->num_lines; i++) {
		const struct profile_line *line = &location->lines[i];
		if (line->line > 0 || (line->function_id && *places_get_function(places, line->function_id).filename))
			return true;
	}
	return false;
}

static bool has_function(const struct places *places, const struct profile_location *location)
{
	for (size_t i = 0; i < location->num_lines; i++) {
		uint32_t number = location->lines[i].function_id;
		struct profile_function function = number ? places_get_function(places, number) : (struct profile_function){ .name = "" };
		if (!*function.name)
			return false;
	}
	return location->num_lines > 0;
}

static const char *find_name(struct symbolizer *symbolizer, const char *linked)
{
	struct strings *strings = &symbolizer->store->strings;
	const char *symbol = strings_get(strings, linked);
	struct known_name *known;
	HASH_FIND_PTR(symbolizer->names, &symbol, known);
	if (known)
		return known->name;
	char storage[MAX_NAME_BYTES];
	struct text name = TEXT_ON(storage);
	storage[0] = 0;
	demangle_add(&name, symbol);
	known = memory_get(1, sizeof(*known));
	known->symbol = symbol;
	known->name = strings_get(strings, storage);
	HASH_ADD_PTR(symbolizer->names, symbol, known);
	return known->name;
}

static void forget_names(struct symbolizer *symbolizer)
{
	struct known_name *known, *next;
	HASH_ITER(hh, symbolizer->names, known, next) {
		HASH_DEL(symbolizer->names, known);
		free(known);
	}
}

// What no reader would take is as good as unknown.
static const char *keep_if_short(const char *string)
{
	return strnlen(string, PROFILE_MAX_STRING_BYTES + 1) <= PROFILE_MAX_STRING_BYTES ? string : "";
}

// Give a place the calls in symbolizer->lines.  One that has functions gets nothing but lines.
static void set_lines(struct symbolizer *symbolizer, uint32_t place, size_t num_calls)
{
	struct places *places = &symbolizer->store->places;
	struct profile_line lines[LINE_MAX_CALLS];
	const struct profile_location before = places_get(places, place);
	bool is_better = !before.num_lines;
	size_t num_lines = 0;
	for (size_t i = 0; i < num_calls; i++) {
		const struct line *line = &symbolizer->lines[i];
		const char *linked = keep_if_short(line->function);
		const struct profile_function function = { .name = find_name(symbolizer, linked),
							   .system_name = linked, .filename = keep_if_short(line->file),
							   .start_line = line->start_line };
		if (!*function.system_name && !*function.filename)
			continue; // readers want a function for each line
		lines[num_lines++] = (struct profile_line){ places_add_function(places, &function), line->line, line->column };
		is_better |= *line->file || line->line;
	}
	if (num_lines && is_better)
		places_set_lines(places, place, lines, num_lines);
}

static bool is_file(const char *path)
{
	return path[0] == '/' && path[1] != '/' && strncmp(path, "/memfd:", 7) != 0 && strncmp(path, "/dev/", 5) != 0;
}

static struct symbols *open_symbols(const struct symbols_search *search, const struct wanted *wanted, struct error *error)
{
	const char *build_id = *wanted->build_id ? wanted->build_id : NULL;
	const char *root = is_file(wanted->path) ? search->root : "";
	char path[PATH_MAX];
	struct symbols *symbols = NULL;
	struct error ignored;
	error_set(error, "its path is too long");
	if (snprintf(path, sizeof(path), "%s%s", root, wanted->path) < (int)sizeof(path))
		symbols = symbols_open(path, build_id, search, SYMBOLS_LINES, error);
	// Elsewhere only what is known to be the same.
	return symbols || !*root || !build_id ? symbols : symbols_open(wanted->path, build_id, search, SYMBOLS_LINES, &ignored);
}

static void warn(const struct symbolizer *symbolizer, const char *path, const char *problem, size_t num_places, const char *without)
{
	char message[PATH_MAX + 1200];
	if (!symbolizer->request->warn || !num_places)
		return;
	snprintf(message, sizeof(message), "%s: %s; its %zu frame%s without %s", path, problem, num_places,
		 num_places == 1 ? " stays" : "s stay", without);
	symbolizer->request->warn(symbolizer->request->context, message);
}

static void look_up(struct symbolizer *symbolizer, struct symbols *symbols, const struct wanted *wanted, size_t num_wanted)
{
	struct error error;
	uint64_t *offsets = memory_get(num_wanted, sizeof(*offsets));
	for (size_t i = 0; i < num_wanted; i++)
		offsets[i] = wanted[i].offset;
	if (!symbols_prepare(symbols, offsets, num_wanted, &error))
		warn(symbolizer, wanted->path, error.message, num_wanted, "lines");
	for (size_t i = 0; i < num_wanted; i++)
		set_lines(symbolizer, wanted[i].place, symbols_find_lines(symbols, wanted[i].offset, symbolizer->lines));
	free(offsets);
}

// Those that have no function either.
static size_t count_nameless(const struct places *places, const struct wanted *wanted, size_t num_wanted)
{
	size_t num_nameless = 0;
	for (size_t i = 0; i < num_wanted; i++) {
		const struct profile_location location = places_get(places, wanted[i].place);
		num_nameless += !has_function(places, &location);
	}
	return num_nameless;
}

// Places of one file, in the order of their offsets.
static void name_file(struct symbolizer *symbolizer, const struct wanted *wanted, size_t num_wanted)
{
	const struct places *places = &symbolizer->store->places;
	struct error error;
	struct symbols *symbols = open_symbols(&symbolizer->request->search, wanted, &error);
	if (symbols)
		look_up(symbolizer, symbols, wanted, num_wanted);
	else
		warn(symbolizer, wanted->path, error.message, count_nameless(places, wanted, num_wanted), "names");
	bool can_inline = symbols && symbols_has_lines(symbols); // unless the lookup has failed
	for (size_t i = 0; i < num_wanted; i++) {
		struct looked_at *mapping = &symbolizer->mappings[places_get(places, wanted[i].place).mapping_id - 1];
		mapping->is_asked = true;
		mapping->can_inline &= can_inline;
	}
	symbols_close(symbols);
}

// Names for code that a program made at run time.
static void name_anonymous(struct symbolizer *symbolizer, const struct perf_map *map, const struct profile_location *location)
{
	const char *name = perf_map_find(map, location->address);
	if (!name)
		return;
	symbolizer->lines[0] = (struct line){ .function = name, .file = "" };
	set_lines(symbolizer, location->id, 1);
}

static struct perf_map *open_perf_map(const struct symbolizer_request *request)
{
	char process[32], path[40];
	struct stat status;
	const char *problem;
	if (!request->pid)
		return NULL;
	snprintf(process, sizeof(process), "/proc/%d", (int)request->pid);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)request->pid);
	if (stat(process, &status) == 0 && !request->pid_since)
		return perf_map_open(request->pid, status.st_uid, &problem);
	// One that is gone was the caller's own or root's, or its map is not believed.
	bool is_its_own = stat(path, &status) == 0 && status.st_mtime >= request->pid_since;
	return is_its_own ? perf_map_open(request->pid, getuid(), &problem) : NULL;
}

static int compare_wanted(const void *left, const void *right)
{
	const struct wanted *a = left, *b = right;
	int differ = strcmp(a->path, b->path);
	if (!differ)
		differ = strcmp(a->build_id, b->build_id);
	if (!differ)
		differ = a->offset < b->offset ? -1 : a->offset > b->offset;
	return differ ? differ : a->place < b->place ? -1 : a->place > b->place;
}

// The places that lie in files, sorted; the others are named at once.
static struct wanted *collect(struct symbolizer *symbolizer, size_t *num_wanted)
{
	const struct places *places = &symbolizer->store->places;
	struct wanted *all = memory_get(places->num_places, sizeof(*all));
	struct perf_map *map = open_perf_map(symbolizer->request);
	*num_wanted = 0;
	for (uint32_t place = 1; place <= places->num_places; place++) {
		const struct profile_location location = places_get(places, place);
		struct profile_mapping mapping = { .path = "" };
		if (has_lines(places, &location)) {
			if (location.mapping_id)
				symbolizer->mappings[location.mapping_id - 1].can_inline = false;
			continue;
		}
		if (location.mapping_id)
			mapping = places_get_mapping(places, location.mapping_id);
		bool is_inside = location.address >= mapping.start && location.address < mapping.limit;
		if (is_inside && (is_file(mapping.path) || strcmp(mapping.path, "[vdso]") == 0))
			all[(*num_wanted)++] = (struct wanted){ mapping.path, mapping.build_id,
								location.address - mapping.start + mapping.offset, place };
		else if (map && !is_file(mapping.path))
			name_anonymous(symbolizer, map, &location);
	}
	perf_map_destroy(map);
	qsort(all, *num_wanted, sizeof(*all), compare_wanted);
	return all;
}

static bool is_same_file(const struct wanted *a, const struct wanted *b)
{
	return a->path == b->path && a->build_id == b->build_id;
}

static void name_files(struct symbolizer *symbolizer)
{
	size_t num_wanted, end;
	struct wanted *all = collect(symbolizer, &num_wanted);
	for (size_t start = 0; start < num_wanted; start = end) {
		for (end = start + 1; end < num_wanted && is_same_file(&all[end], &all[start]); end++)
			;
		if (symbolizer->request->show_progress)
			symbolizer->request->show_progress(symbolizer->request->context, start, num_wanted);
		name_file(symbolizer, &all[start], end - start);
	}
	free(all);
}

// Names that are only the linker's, as programs give them that know no others.
static void demangle_names(struct symbolizer *symbolizer)
{
	struct places *places = &symbolizer->store->places;
	for (uint32_t place = 1; place <= places->num_places; place++) {
		const struct profile_location location = places_get(places, place);
		struct profile_line lines[PROFILE_MAX_LINES];
		bool is_changed = false;
		for (size_t i = 0; i < location.num_lines; i++) {
			lines[i] = location.lines[i];
			if (!lines[i].function_id)
				continue;
			struct profile_function function = places_get_function(places, lines[i].function_id);
			const char *linked = function.system_name;
			bool is_mangled = linked[0] == '_' && (linked[1] == 'Z' || linked[1] == 'R' || linked[1] == 'D');
			if (!is_mangled || function.name != linked)
				continue;
			function.name = find_name(symbolizer, linked);
			lines[i].function_id = places_add_function(places, &function);
			is_changed = true;
		}
		if (is_changed)
			places_set_lines(places, place, lines, location.num_lines);
	}
}

// What is true of all places of each mapping that was looked at.
static void set_flags(struct symbolizer *symbolizer)
{
	struct places *places = &symbolizer->store->places;
	struct flags {
		bool functions, filenames, line_numbers;
	} *flags = memory_get(places->num_mappings, sizeof(*flags));
	for (uint32_t i = 0; i < places->num_mappings; i++)
		flags[i] = (struct flags){ true, true, true };
	for (uint32_t place = 1; place <= places->num_places; place++) {
		const struct profile_location location = places_get(places, place);
		if (!location.mapping_id)
			continue;
		struct flags *all = &flags[location.mapping_id - 1];
		all->functions &= has_function(places, &location);
		for (size_t i = 0; i < location.num_lines; i++) {
			uint32_t function = location.lines[i].function_id;
			all->filenames &= function && *places_get_function(places, function).filename;
			all->line_numbers &= location.lines[i].line > 0;
		}
	}
	for (uint32_t i = 0; i < places->num_mappings; i++) {
		const struct profile_mapping mapping = places_get_mapping(places, i + 1);
		const struct looked_at *looked_at = &symbolizer->mappings[i];
		if (looked_at->is_asked)
			places_set_has(places, i + 1, flags[i].functions, flags[i].functions && flags[i].filenames,
				       flags[i].functions && flags[i].line_numbers,
				       flags[i].functions && (looked_at->can_inline || mapping.has_inline_frames));
	}
	free(flags);
}

static void count(const struct places *places, struct symbolizer_result *result)
{
	*result = (struct symbolizer_result){ .num_places = places->num_places };
	for (uint32_t place = 1; place <= places->num_places; place++) {
		const struct profile_location location = places_get(places, place);
		result->num_named += has_function(places, &location);
		result->num_with_lines += has_lines(places, &location);
	}
}

void symbolizer_name(struct store *store, const struct symbolizer_request *request, struct symbolizer_result *result)
{
	struct symbolizer *symbolizer = memory_get(1, sizeof(*symbolizer));
	symbolizer->store = store;
	symbolizer->request = request;
	symbolizer->mappings = memory_get(store->places.num_mappings, sizeof(*symbolizer->mappings));
	for (uint32_t i = 0; i < store->places.num_mappings; i++)
		symbolizer->mappings[i].can_inline = true;
	name_files(symbolizer);
	demangle_names(symbolizer);
	set_flags(symbolizer);
	count(&store->places, result);
	forget_names(symbolizer);
	free(symbolizer->mappings);
	free(symbolizer);
}
