// SPDX-License-Identifier: Apache-2.0
// Function table: functions by symbol tables.  OUTSIDE.
#include "symbolize/function_table.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define MAX_COMPARED 4096 // of the bytes of names

#define MAX_OVERLAPPING 64 // functions that begin within a larger one and before an address
#define MAX_UNSIZED_BYTES 4096

struct function {
	uint64_t start, size_bytes; // addresses as the file has them
	const char *name;           // of libdwfl's
	unsigned char binding;      // STB_*
};

// libdwfl's question for the file with debug information (and the full symbol table) of a module.
static int find_debug_file(Dwfl_Module *module, void **context, const char *name, Dwarf_Addr base, const char *file,
			   const char *link, GElf_Word crc, char **found)
{
	(void)module, (void)name, (void)base, (void)file, (void)link, (void)crc;
	const struct function_table *table = *context;
	if (!table->debug)
		return -1;
	*found = strdup(table->debug->path);
	return fcntl(table->debug->fd, F_DUPFD_CLOEXEC, 0);
}

// That a name begins with; names may be made to be long.
static size_t count_underscores(const char *name)
{
	size_t number = 0;
	while (name[number] == '_' && number < MAX_COMPARED)
		number++;
	return number;
}

// Which of the names of a function to show: a global one before a weak and a local one, with few underscores.
static bool is_better(const struct function *a, const struct function *b)
{
	static const int ranks[16] = { [STB_GLOBAL] = 3, [STB_GNU_UNIQUE] = 3, [STB_WEAK] = 2, [STB_LOCAL] = 1 };
	int ranks_differ = ranks[a->binding & 15] - ranks[b->binding & 15];
	size_t a_underscores = count_underscores(a->name), b_underscores = count_underscores(b->name);
	if (!a->size_bytes != !b->size_bytes)
		return a->size_bytes;
	if (ranks_differ)
		return ranks_differ > 0;
	return a_underscores != b_underscores ? a_underscores < b_underscores : strncmp(a->name, b->name, MAX_COMPARED) < 0;
}

static int compare(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return is_better(x, y) ? -1 : is_better(y, x);
}

static bool is_function(const GElf_Sym *symbol)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);
	return (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) && symbol->st_shndx != SHN_UNDEF &&
	       symbol->st_shndx != SHN_ABS;
}

static void read_functions(struct function_table *table, Dwfl_Module *module)
{
	int num_symbols = dwfl_module_getsymtab(module);
	size_t num_allocated = 0, num_kept = 0;
	for (int i = 1; i < num_symbols; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
		if (!name || !*name || !is_function(&symbol))
			continue;
		if (table->num_functions == num_allocated) {
			num_allocated = num_allocated ? 2 * num_allocated : 1024;
			table->functions = memory_resize(table->functions, num_allocated, sizeof(*table->functions));
		}
		table->functions[table->num_functions++] = (struct function){
			.start = address,
			.size_bytes = symbol.st_size,
			.name = name,
			.binding = GELF_ST_BIND(symbol.st_info),
		};
	}
	if (table->num_functions)
		qsort(table->functions, table->num_functions, sizeof(*table->functions), compare);
	for (size_t i = 0; i < table->num_functions; i++)
		if (!num_kept || table->functions[num_kept - 1].start != table->functions[i].start)
			table->functions[num_kept++] = table->functions[i];
	table->num_functions = num_kept;
}

void function_table_close(struct function_table *table)
{
	if (table->dwfl)
		dwfl_end(table->dwfl);
	free(table->functions);
	*table = (struct function_table){ 0 };
}

// The binary as libdwfl's only module; NULL: it is damaged.
static Dwfl_Module *report(struct function_table *table, const struct elf_file *binary)
{
	static const Dwfl_Callbacks callbacks = { .find_debuginfo = find_debug_file,
						  .section_address = dwfl_offline_section_address };
	table->dwfl = dwfl_begin(&callbacks);
	int fd = table->dwfl ? fcntl(binary->fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (fd < 0)
		return NULL;
	dwfl_report_begin(table->dwfl);
	// At base 0: the addresses are the file's own, wherever it was loaded.
	Dwfl_Module *module = dwfl_report_elf(table->dwfl, "", binary->path, fd, 0, true);
	if (!module)
		close(fd);
	dwfl_report_end(table->dwfl, NULL, NULL);
	return module;
}

bool function_table_open(struct function_table *table, const struct elf_file *binary, const struct elf_file *debug,
			 struct error *error)
{
	void **context;
	*table = (struct function_table){ .debug = debug };
	Dwfl_Module *module = report(table, binary);
	if (!module) {
		function_table_close(table);
		return error_set(error, "its ELF headers are damaged");
	}
	dwfl_module_info(module, &context, NULL, NULL, NULL, NULL, NULL, NULL);
	*context = table;
	read_functions(table, module);
	return true;
}

const char *function_table_find(const struct function_table *table, uint64_t address)
{
	size_t low = 0, high = table->num_functions;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table->functions[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i > 0 && low - i < MAX_OVERLAPPING; i--)
		if (address - table->functions[i - 1].start < table->functions[i - 1].size_bytes)
			return table->functions[i - 1].name;
	// Assembler code often does not say where it ends.
	bool is_open = low > 0 && !table->functions[low - 1].size_bytes &&
		       address - table->functions[low - 1].start < MAX_UNSIZED_BYTES;
	return is_open ? table->functions[low - 1].name : NULL;
}
