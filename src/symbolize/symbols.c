// SPDX-License-Identifier: Apache-2.0
// Symbols: the functions of one ELF file.  OUTSIDE.
#include "symbolize/symbols.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>

#include "base/text.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"
#define MAX_BUILD_ID_BYTES 64
#define MAX_OVERLAPPING 64 // functions that begin within a larger one and before an address
#define MAX_UNSIZED_BYTES 4096

struct function {
	uint64_t start, size_bytes; // addresses as the file has them
	const char *name;           // of libdwfl's
	unsigned char binding;      // STB_*
};

struct symbols {
	Dwfl *dwfl;
	Elf *elf;
	char *path, *root;
	struct function *functions; // by start, one for each
	size_t num_functions;
};

// A regular file of somebody else's.  Opening a pipe or device could wait or have effects, so it is looked at
// first, through a descriptor that only names it.
static int open_regular(const char *path)
{
	struct stat status;
	char self[40];
	int named = open(path, O_PATH | O_CLOEXEC), fd = -1;
	if (named < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", named);
	errno = EINVAL;
	if (fstat(named, &status) == 0 && S_ISREG(status.st_mode))
		fd = open(self, O_RDONLY | O_CLOEXEC);
	int problem = errno;
	close(named);
	errno = problem;
	return fd;
}

// The build id of a file in hexadecimal; "" if it has none.
static void read_build_id(Elf *elf, char *storage, size_t size_bytes)
{
	struct text text = { .start = storage, .size_bytes = size_bytes };
	const void *bytes;
	ssize_t num_bytes = dwelf_elf_gnu_build_id(elf, &bytes);
	*storage = 0;
	for (ssize_t i = 0; i < num_bytes && i < MAX_BUILD_ID_BYTES; i++) {
		char byte[3];
		snprintf(byte, sizeof(byte), "%02x", ((const unsigned char *)bytes)[i]);
		text_add(&text, byte);
	}
}

static bool has_build_id(Elf *elf, const char *build_id)
{
	char found[2 * MAX_BUILD_ID_BYTES + 1];
	read_build_id(elf, found, sizeof(found));
	return strcmp(found, build_id) == 0;
}

// An open file with this build id; -1 if it is none.
static int open_with_build_id(const char *path, const char *build_id)
{
	int fd = open_regular(path);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	bool is_it = elf && elf_kind(elf) == ELF_K_ELF && has_build_id(elf, build_id);
	elf_end(elf);
	if (is_it || fd < 0)
		return fd;
	close(fd);
	return -1;
}

// Try root/prefix/directory/name.
__attribute__((format(printf, 4, 5))) static int try_debug_file(const struct symbols *symbols, const char *build_id,
								 char **found, const char *format, ...)
{
	char path[PATH_MAX];
	va_list arguments;
	va_start(arguments, format);
	int length = snprintf(path, sizeof(path), "%s", symbols->root);
	length += vsnprintf(path + length, sizeof(path) - (size_t)length, format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(path))
		return -1;
	int fd = open_with_build_id(path, build_id);
	if (fd < 0 && *symbols->root)
		fd = open_with_build_id(path + strlen(symbols->root), build_id);
	if (fd >= 0)
		*found = strdup(path);
	return fd;
}

// libdwfl's question for the file with debug information (and the full symbol table) of a module.
static int find_debug_file(Dwfl_Module *module, void **context, const char *name, Dwarf_Addr base, const char *file,
			   const char *link, GElf_Word crc, char **found)
{
	(void)module, (void)name, (void)base, (void)file, (void)crc;
	const struct symbols *symbols = *context;
	char build_id[2 * MAX_BUILD_ID_BYTES + 1];
	read_build_id(symbols->elf, build_id, sizeof(build_id));
	if (!build_id[0]) // nothing to tell another program's file by
		return -1;
	int fd = try_debug_file(symbols, build_id, found, DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug", build_id, build_id + 2);
	if (fd >= 0 || !link || strchr(link, '/'))
		return fd;
	const char *path = symbols->path + strlen(symbols->root);
	int length = (int)(text_base_name(path) - path);
	fd = try_debug_file(symbols, build_id, found, "%.*s%s", length, path, link);
	if (fd < 0)
		fd = try_debug_file(symbols, build_id, found, "%.*s.debug/%s", length, path, link);
	if (fd < 0)
		fd = try_debug_file(symbols, build_id, found, DEBUG_DIRECTORY "%.*s%s", length, path, link);
	return fd;
}

// Relocatable files and those of other machines are not what runs here, and libdwfl treats them otherwise.
static bool is_executable(int fd)
{
	Elf64_Ehdr header;
	return pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	       memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
	       header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_machine == EM_X86_64 &&
	       (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

// Which of the names of a function to show: a global one before a weak and a local one, with few underscores.
static bool is_better(const struct function *a, const struct function *b)
{
	static const int ranks[16] = { [STB_GLOBAL] = 3, [STB_GNU_UNIQUE] = 3, [STB_WEAK] = 2, [STB_LOCAL] = 1 };
	int ranks_differ = ranks[a->binding & 15] - ranks[b->binding & 15];
	size_t a_underscores = strspn(a->name, "_"), b_underscores = strspn(b->name, "_");
	if (!a->size_bytes != !b->size_bytes)
		return a->size_bytes;
	if (ranks_differ)
		return ranks_differ > 0;
	return a_underscores != b_underscores ? a_underscores < b_underscores : strcmp(a->name, b->name) < 0;
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

// False if there is no memory.
static bool read_functions(struct symbols *symbols, Dwfl_Module *module)
{
	int num_symbols = dwfl_module_getsymtab(module);
	size_t num_allocated = 0, num_kept = 0;
	for (int i = 1; i < num_symbols; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
		if (!name || !*name || !is_function(&symbol))
			continue;
		if (symbols->num_functions == num_allocated) {
			num_allocated = num_allocated ? 2 * num_allocated : 1024;
			struct function *larger = reallocarray(symbols->functions, num_allocated, sizeof(*larger));
			if (!larger)
				return false;
			symbols->functions = larger;
		}
		symbols->functions[symbols->num_functions++] = (struct function){
			.start = address,
			.size_bytes = symbol.st_size,
			.name = name,
			.binding = GELF_ST_BIND(symbol.st_info),
		};
	}
	if (symbols->num_functions)
		qsort(symbols->functions, symbols->num_functions, sizeof(*symbols->functions), compare);
	for (size_t i = 0; i < symbols->num_functions; i++)
		if (!num_kept || symbols->functions[num_kept - 1].start != symbols->functions[i].start)
			symbols->functions[num_kept++] = symbols->functions[i];
	symbols->num_functions = num_kept;
	return true;
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	if (symbols->dwfl)
		dwfl_end(symbols->dwfl);
	free(symbols->functions);
	free(symbols->path);
	free(symbols->root);
	free(symbols);
}

// NULL, or what is wrong with the file; it is closed then.
static const char *read_file(struct symbols *symbols, int fd, const char *build_id)
{
	static const Dwfl_Callbacks callbacks = { .find_debuginfo = find_debug_file,
						  .section_address = dwfl_offline_section_address };
	symbols->dwfl = dwfl_begin(&callbacks);
	if (symbols->dwfl)
		dwfl_report_begin(symbols->dwfl);
	// At base 0: the addresses are the file's own, wherever it was loaded.
	Dwfl_Module *module = symbols->dwfl ? dwfl_report_elf(symbols->dwfl, "", symbols->path, fd, 0, true) : NULL;
	if (!module) {
		close(fd);
		return "its ELF headers are damaged";
	}
	dwfl_report_end(symbols->dwfl, NULL, NULL);
	void **context;
	GElf_Addr bias;
	dwfl_module_info(module, &context, NULL, NULL, NULL, NULL, NULL, NULL);
	*context = symbols;
	symbols->elf = dwfl_module_getelf(module, &bias);
	if (!symbols->elf)
		return "its ELF headers are damaged";
	if (!has_build_id(symbols->elf, build_id))
		return "build id differs: the file was replaced";
	return read_functions(symbols, module) ? NULL : "no memory for its symbols";
}

struct symbols *symbols_open(const char *path, const char *build_id, const char *root, const char **problem)
{
	elf_version(EV_CURRENT);
	int fd = open_regular(path);
	if (fd < 0) {
		*problem = errno == ENOENT || errno == ENOTDIR ? "no such file" :
			   errno == EINVAL		       ? "not a regular file" :
								 "cannot be opened";
		return NULL;
	}
	*problem = "not an ELF file for x86-64";
	if (!is_executable(fd)) {
		close(fd);
		return NULL;
	}
	*problem = "no memory for its symbols";
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	if (symbols) {
		symbols->path = strdup(path);
		symbols->root = strdup(root);
	}
	if (!symbols || !symbols->path || !symbols->root) {
		close(fd);
		symbols_close(symbols);
		return NULL;
	}
	*problem = read_file(symbols, fd, build_id);
	if (!*problem)
		return symbols;
	symbols_close(symbols);
	return NULL;
}

// The address in the file's own terms of what lies at an offset in it.  False if it is not loaded as code.
static bool find_address(Elf *elf, uint64_t file_offset, uint64_t *address)
{
	size_t num_headers;
	if (elf_getphdrnum(elf, &num_headers) != 0)
		return false;
	for (size_t i = 0; i < num_headers && i < INT_MAX; i++) {
		GElf_Phdr header;
		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD || !(header.p_flags & PF_X))
			continue;
		if (file_offset < header.p_offset || file_offset - header.p_offset >= header.p_filesz)
			continue;
		*address = header.p_vaddr + (file_offset - header.p_offset);
		return true;
	}
	return false;
}

const char *symbols_find(const struct symbols *symbols, uint64_t file_offset)
{
	uint64_t address;
	size_t low = 0, high = symbols->num_functions;
	if (!find_address(symbols->elf, file_offset, &address))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (symbols->functions[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i > 0 && low - i < MAX_OVERLAPPING; i--)
		if (address - symbols->functions[i - 1].start < symbols->functions[i - 1].size_bytes)
			return symbols->functions[i - 1].name;
	// Assembler code often does not say where it ends.
	bool is_open = low > 0 && !symbols->functions[low - 1].size_bytes &&
		       address - symbols->functions[low - 1].start < MAX_UNSIZED_BYTES;
	return is_open ? symbols->functions[low - 1].name : NULL;
}
