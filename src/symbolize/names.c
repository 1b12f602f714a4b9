// SPDX-License-Identifier: Apache-2.0
// Names: which function a frame of a ledger is in.  OUTSIDE.
#include "symbolize/names.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/demangle.h"
#include "symbolize/symbols.h"

#define MAX_NAME_BYTES 8192
#define NUM_CACHED 16384 // a power of 2
#define MAX_OPEN 256     // files

// The file of a mapping.
struct file {
	struct symbols *symbols; // NULL: not open
	char *problem;           // why it cannot be opened
	uint64_t last_used;      // the question that used it last
};

// An answer, in the place that its question hashes to.
struct answer {
	uint64_t address;
	uint32_t mapping;
	char *name; // NULL: the place is free
};

struct names {
	char root[32]; // "/proc/PID/root"; "": no process
	struct symbols_search inside, outside; // of that root
	struct file *files; // by mapping
	uint32_t num_files;
	uint32_t num_open;
	uint64_t num_questions;
	struct answer answers[NUM_CACHED];
};

static const char *const special_frames[] = {
	[LEDGER_FRAME_TRUNCATED] = "[truncated]",
	[LEDGER_FRAME_FULL] = "[ledger full]",
};

struct names *names_create(pid_t pid)
{
	struct names *names = calloc(1, sizeof(*names));
	if (names && pid > 0)
		snprintf(names->root, sizeof(names->root), "/proc/%d/root", (int)pid);
	if (names) {
		names->inside.root = names->root;
		names->outside.root = "";
	}
	return names;
}

void names_destroy(struct names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < NUM_CACHED; i++)
		free(names->answers[i].name);
	for (uint32_t i = 0; i < names->num_files; i++) {
		symbols_close(names->files[i].symbols);
		free(names->files[i].problem);
	}
	free(names->files);
	free(names);
}

// The file of a mapping of the ledger; NULL if there is no memory.
static struct file *get_file(struct names *names, const struct ledger *ledger, uint32_t mapping)
{
	if (mapping >= names->num_files) {
		uint32_t num_files = read_num(ledger, LEDGER_MAPPINGS);
		struct file *larger = reallocarray(names->files, num_files, sizeof(*larger));
		if (!larger)
			return NULL;
		memset(larger + names->num_files, 0, (num_files - names->num_files) * sizeof(*larger));
		names->files = larger;
		names->num_files = num_files;
	}
	return &names->files[mapping];
}

static void close_oldest(struct names *names)
{
	struct file *oldest = NULL;
	for (uint32_t i = 0; i < names->num_files; i++) {
		struct file *file = &names->files[i];
		if (file->symbols && (!oldest || file->last_used < oldest->last_used))
			oldest = file;
	}
	if (oldest) {
		symbols_close(oldest->symbols);
		oldest->symbols = NULL;
		names->num_open--;
	}
}

static void open_file(struct names *names, struct file *file, const char *path, const char *build_id)
{
	char inside[PATH_MAX];
	struct error error, outside_error;
	if (path[0] != '/' && strcmp(path, "[vdso]") != 0) { // memory that is of no file
		file->problem = strdup("not a file");
		return;
	}
	if (names->num_open >= MAX_OPEN)
		close_oldest(names);
	int length = snprintf(inside, sizeof(inside), "%s%s", names->root, path);
	bool has_root = names->root[0] && length < (int)sizeof(inside);
	if (has_root)
		file->symbols = symbols_open(inside, build_id, &names->inside, SYMBOLS_NAMES, &error);
	if (!file->symbols) {
		// The process may be gone, or its root hidden; but what is wrong with its own file tells more.
		file->symbols = symbols_open(path, build_id, &names->outside, SYMBOLS_NAMES, &outside_error);
		if (!has_root || strcmp(error.message, "cannot be opened") == 0)
			error = outside_error;
	}
	if (!file->symbols)
		file->problem = strdup(error.message);
	names->num_open += file->symbols != NULL;
}

static const char *find_symbol(struct names *names, const struct ledger *ledger, uint32_t number, uint64_t address)
{
	const struct ledger_mapping *mapping = read_mapping(ledger, number);
	struct file *file = mapping ? get_file(names, ledger, number) : NULL;
	if (!file || address < mapping->start || address >= mapping->limit)
		return NULL;
	file->last_used = ++names->num_questions;
	if (!file->symbols && !file->problem)
		open_file(names, file, read_string(ledger, mapping->path), read_string(ledger, mapping->build_id));
	return file->symbols ? symbols_find(file->symbols, address - mapping->start + mapping->offset) : NULL;
}

const char *names_find(struct names *names, const struct ledger *ledger, uint32_t mapping, uint64_t address)
{
	struct answer *answer = &names->answers[ledger_hash(address + mapping, NUM_CACHED)];
	if (!answer->name || answer->address != address || answer->mapping != mapping) {
		char storage[MAX_NAME_BYTES];
		struct text name = TEXT_ON(storage);
		storage[0] = 0;
		const char *symbol = find_symbol(names, ledger, mapping, address);
		if (symbol)
			demangle_add(&name, symbol);
		free(answer->name);
		*answer = (struct answer){ .address = address, .mapping = mapping, .name = strdup(storage) };
	}
	return answer->name && *answer->name ? answer->name : NULL;
}

const char *names_get_problem(const struct names *names, uint32_t mapping)
{
	return mapping < names->num_files && !names->files[mapping].symbols ? names->files[mapping].problem : NULL;
}

const char *names_find_file(const struct ledger *ledger, uint32_t frame)
{
	uint32_t number;
	uint64_t address;
	bool is_sound = read_frame(ledger, frame, &number, &address);
	const struct ledger_mapping *mapping = is_sound ? read_mapping(ledger, number) : NULL;
	return mapping ? text_base_name(read_string(ledger, mapping->path)) : "";
}

void names_add_frame(struct names *names, const struct ledger *ledger, uint32_t frame, struct text *text)
{
	uint32_t number;
	uint64_t address;
	if (frame >= 1 && frame <= LEDGER_NUM_SPECIAL_FRAMES) {
		text_add(text, special_frames[frame]);
		return;
	}
	if (!read_frame(ledger, frame, &number, &address)) {
		text_add(text, "[damaged]");
		return;
	}
	const char *name = names_find(names, ledger, number, address), *file = names_find_file(ledger, frame);
	if (name || *file == '[') { // "[vdso]" is called that in the ledger
		text_add(text, name ? name : file);
		return;
	}
	text_add(text, "[");
	if (*file) {
		const struct ledger_mapping *mapping = read_mapping(ledger, number);
		text_add(text, file);
		text_add(text, "+");
		address = address - mapping->start + mapping->offset;
	}
	text_add_hex(text, address);
	text_add(text, "]");
}
