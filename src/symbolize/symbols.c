// SPDX-License-Identifier: Apache-2.0
// Symbols: what is known of the code of one ELF file.  OUTSIDE.
#include "symbolize/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "symbolize/debug_files.h"
#include "symbolize/dwarf_lines.h"
#include "symbolize/elf_file.h"
#include "symbolize/function_table.h"
#include "symbolize/go_table.h"
#include "symbolize/plt.h"
#include "symbolize/vdso.h"

// What debug information says of an address.
struct prepared {
	uint64_t address;
	struct dwarf_answer answer;
};

struct symbols {
	struct elf_file binary; // not open: it is gone
	struct elf_file debug;  // not open: there is none, or the binary has it
	struct function_table functions;
	struct plt *plt;               // NULL: none
	struct go_table *go_table;     // NULL: none, or not looked for yet
	bool wants_lines, has_sought_go_table;
	struct dwarf_lines *lines;     // NULL: none, or not wanted
	struct prepared *prepared;     // by address
	size_t num_prepared;
};

static void forget_lines(struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->num_prepared; i++)
		free(symbols->prepared[i].answer.lines);
	symbols->num_prepared = 0;
	dwarf_lines_close(symbols->lines);
	symbols->lines = NULL;
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	forget_lines(symbols);
	free(symbols->prepared);
	go_table_destroy(symbols->go_table);
	plt_destroy(symbols->plt);
	function_table_close(&symbols->functions);
	elf_file_close(&symbols->debug);
	elf_file_close(&symbols->binary);
	free(symbols);
}

// The file that is, or stands for, the one that was mapped.
static const struct elf_file *get_main(const struct symbols *symbols)
{
	return symbols->binary.elf ? &symbols->binary : &symbols->debug;
}

// "[vdso]" is what the ledger calls the kernel's code in every program.
static bool open_path(struct elf_file *binary, const char *path, const char *build_id, struct error *error)
{
	if (strcmp(path, "[vdso]") != 0)
		return elf_file_open(binary, path, error);
	int fd = vdso_open(build_id ? build_id : "");
	return fd < 0 ? error_set(error, "is another kernel's") : elf_file_open_descriptor(binary, fd, path, error);
}

static bool open_binary(struct elf_file *binary, const char *path, const char *build_id, struct error *error)
{
	char found[ELF_FILE_BUILD_ID_BYTES];
	if (!open_path(binary, path, build_id, error))
		return false;
	if (!elf_file_is_linked(binary)) {
		elf_file_close(binary);
		return error_set(error, "not an ELF file for x86-64 that can be run");
	}
	elf_file_read_build_id(binary, found);
	if (!build_id || strcmp(found, build_id) == 0)
		return true;
	elf_file_close(binary);
	return error_set(error, "the file was replaced: build id %s is wanted, it has %s", *build_id ? build_id : "(none)",
			 *found ? found : "(none)");
}

// The binary with a build id that is not at its path any more, or its debug information.  False: error has the
// problem of the path.
static bool open_elsewhere(struct symbols *symbols, const char *build_id, const struct symbols_search *search,
			   struct error *error)
{
	if (!build_id || !*build_id)
		return false;
	if (debug_files_find_program(build_id, search, &symbols->binary))
		return true;
	if (!debug_files_find(build_id, NULL, search, &symbols->debug))
		return false;
	return elf_file_tells_addresses(&symbols->debug) ||
	       error_prefix(error, "its debug information does not tell at which addresses it was loaded");
}

static bool open_files(struct symbols *symbols, const char *path, const char *build_id, const struct symbols_search *search,
		       struct error *error)
{
	char own_build_id[ELF_FILE_BUILD_ID_BYTES];
	if (!open_binary(&symbols->binary, path, build_id, error) && !open_elsewhere(symbols, build_id, search, error))
		return false;
	if (!symbols->binary.elf)
		return true;
	elf_file_read_build_id(&symbols->binary, own_build_id);
	if (!elf_file_has_contents(&symbols->binary, ".debug_info") && !elf_file_has_contents(&symbols->binary, ".zdebug_info"))
		debug_files_find(own_build_id, &symbols->binary, search, &symbols->debug);
	return true;
}

static void open_lines(struct symbols *symbols, const char *path, const struct symbols_search *search)
{
	struct elf_file *debug = symbols->debug.elf ? &symbols->debug : &symbols->binary;
	symbols->wants_lines = true;
	symbols->lines = dwarf_lines_open(debug, path, search);
}

struct symbols *symbols_open(const char *path, const char *build_id, const struct symbols_search *search,
			     enum symbols_extent extent, struct error *error)
{
	struct symbols *symbols = memory_get(1, sizeof(*symbols));
	struct symbols_search local = *search;
	local.download_limit_ns = 0;
	if (!open_files(symbols, path, build_id, extent == SYMBOLS_LINES ? search : &local, error) ||
	    !function_table_open(&symbols->functions, get_main(symbols), symbols->debug.elf ? &symbols->debug : NULL, error)) {
		symbols_close(symbols);
		return NULL;
	}
	if (symbols->binary.elf)
		symbols->plt = plt_create(symbols->binary.elf);
	if (extent == SYMBOLS_LINES)
		open_lines(symbols, path, search);
	return symbols;
}

bool symbols_has_lines(const struct symbols *symbols)
{
	return symbols->lines != NULL;
}

static int compare(const void *a, const void *b)
{
	const struct prepared *x = a, *y = b;
	return (x->address > y->address) - (x->address < y->address);
}

static const struct prepared *find_prepared(const struct symbols *symbols, uint64_t address)
{
	const struct prepared wanted = { .address = address };
	return symbols->num_prepared ?
		       bsearch(&wanted, symbols->prepared, symbols->num_prepared, sizeof(wanted), compare) : NULL;
}

static int compare_addresses(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

// The addresses of offsets that are not prepared yet, ascending and distinct; returns their number.
static size_t find_new_addresses(const struct symbols *symbols, const uint64_t *file_offsets, size_t num_offsets,
				 uint64_t *addresses)
{
	size_t num_found = 0, num_kept = 0;
	for (size_t i = 0; i < num_offsets; i++)
		if (elf_file_find_address(get_main(symbols), file_offsets[i], &addresses[num_found]))
			num_found += !find_prepared(symbols, addresses[num_found]);
	qsort(addresses, num_found, sizeof(*addresses), compare_addresses);
	for (size_t i = 0; i < num_found; i++)
		if (!num_kept || addresses[num_kept - 1] != addresses[i])
			addresses[num_kept++] = addresses[i];
	return num_kept;
}

bool symbols_prepare(struct symbols *symbols, const uint64_t *file_offsets, size_t num_offsets, struct error *error)
{
	if (!symbols->lines)
		return true;
	uint64_t *addresses = memory_get(num_offsets, sizeof(*addresses));
	size_t num_addresses = find_new_addresses(symbols, file_offsets, num_offsets, addresses);
	struct dwarf_answer *answers = memory_get(num_addresses, sizeof(*answers));
	bool is_read = dwarf_lines_find(symbols->lines, addresses, num_addresses, answers, error);
	if (!is_read) {
		num_addresses = 0;
		forget_lines(symbols);
	}
	symbols->prepared = memory_resize(symbols->prepared, symbols->num_prepared + num_addresses, sizeof(*symbols->prepared));
	for (size_t i = 0; i < num_addresses; i++)
		symbols->prepared[symbols->num_prepared++] = (struct prepared){ addresses[i], answers[i] };
	qsort(symbols->prepared, symbols->num_prepared, sizeof(*symbols->prepared), compare);
	free(answers);
	free(addresses);
	return is_read;
}

// C++ functions that are local to another one have no mangled name in debug information.
static bool is_better(const char *symbol, const char *name)
{
	return !*name || (strncmp(symbol, "_Z", 2) == 0 && strncmp(name, "_Z", 2) != 0);
}

// By debug information; the function that has the code is known by the symbol table at least.
static size_t find_in_debug(struct symbols *symbols, uint64_t file_offset, uint64_t address, struct line *lines)
{
	struct error ignored;
	if (!find_prepared(symbols, address) && !symbols_prepare(symbols, &file_offset, 1, &ignored))
		return 0;
	const struct dwarf_answer *answer = &find_prepared(symbols, address)->answer;
	if (!answer->num_lines)
		return 0;
	memcpy(lines, answer->lines, answer->num_lines * sizeof(*lines));
	struct line *outermost = &lines[answer->num_lines - 1];
	const char *symbol = function_table_find(&symbols->functions, address);
	if (symbol && is_better(symbol, outermost->function))
		outermost->function = symbol;
	return answer->num_lines;
}

static size_t find_in_go_table(struct symbols *symbols, uint64_t address, struct line *lines)
{
	if (!symbols->has_sought_go_table && symbols->wants_lines && symbols->binary.elf)
		symbols->go_table = go_table_create(symbols->binary.elf);
	symbols->has_sought_go_table = true;
	return symbols->go_table ? go_table_find(symbols->go_table, address, lines) : 0;
}

static const char *find_name(const struct symbols *symbols, uint64_t address)
{
	const char *name = function_table_find(&symbols->functions, address);
	return name || !symbols->plt ? name : plt_find(symbols->plt, address);
}

size_t symbols_find_lines(struct symbols *symbols, uint64_t file_offset, struct line lines[LINE_MAX_CALLS])
{
	uint64_t address;
	if (!elf_file_find_address(get_main(symbols), file_offset, &address))
		return 0;
	size_t num_lines = symbols->lines ? find_in_debug(symbols, file_offset, address, lines) : 0;
	if (!num_lines)
		num_lines = find_in_go_table(symbols, address, lines);
	const char *name = num_lines ? NULL : find_name(symbols, address);
	if (name)
		lines[num_lines++] = (struct line){ .function = name, .file = "" };
	return num_lines;
}

const char *symbols_find(const struct symbols *symbols, uint64_t file_offset)
{
	uint64_t address;
	return elf_file_find_address(get_main(symbols), file_offset, &address) ? find_name(symbols, address) : NULL;
}
