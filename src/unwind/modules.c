// SPDX-License-Identifier: Apache-2.0
// Modules: which program or library a place in the code belongs to.  INSIDE.
#include "unwind/modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "base/system.h"
#include "base/text.h"
#include "ledger/mappings.h"

#define PAGE 4096UL
#define MAX_HEADERS 64
#define MAX_BUILD_ID_BYTES 32

extern int _dl_find_object(void *, struct dl_find_object *) __attribute__((weak));
extern unsigned long getauxval(unsigned long) __attribute__((weak));

// A copy of memory that may be about to go away.
static bool copy_memory(void *to, uintptr_t from, size_t num_bytes)
{
	for (uintptr_t page = from & ~(PAGE - 1); page < from + num_bytes; page += PAGE)
		if (!system_can_read(page))
			return false;
	memcpy(to, (const void *)from, num_bytes);
	return true;
}

static void copy_string(struct text *to, uintptr_t from)
{
	char byte;
	for (; from && copy_memory(&byte, from, 1) && byte && !to->is_cut; from++)
		text_add_bytes(to, &byte, 1);
}

// Where a symbolic link points, added to path.
static void add_link(struct text *path, const char *link)
{
	static const char deleted[] = " (deleted)";
	const size_t suffix = sizeof(deleted) - 1;
	char *target = path->start + path->length;
	size_t room = path->size_bytes - 1 - path->length;
	long length = system_call3(SYS_readlink, (long)link, (long)target, (long)room);
	if (length > 0)
		path->length += (size_t)length;
	path->start[path->length] = 0;
	if (path->length > suffix && memcmp(path->start + path->length - suffix, deleted, suffix) == 0)
		path->start[path->length -= suffix] = 0;
}

// The path of a module, from the loader's name for it: "" is the main program, and a relative one was
// found from the directory that was current when the module was opened, most likely still this one.
static void add_path(struct text *path, const struct link_map *map)
{
	uintptr_t name;
	char start[10] = { 0 };
	if (!copy_memory(&name, (uintptr_t)&map->l_name, sizeof(name)) || !copy_memory(start, name, 1))
		return;
	if (start[0] == 0) {
		add_link(path, "/proc/self/exe");
		return;
	}
	if (copy_memory(start, name, sizeof(start)) && memcmp(start, "linux-vdso", sizeof(start)) == 0) {
		text_add(path, "[vdso]");
		return;
	}
	if (start[0] != '/') {
		add_link(path, "/proc/self/cwd");
		text_add(path, "/");
	}
	copy_string(path, name);
}

// The GNU build id among the notes of a segment.
static void add_build_id(struct text *build_id, uintptr_t at, size_t num_bytes)
{
	uintptr_t limit = at + num_bytes;
	struct {
		Elf64_Nhdr header;
		char name[4];
	} note;
	while (limit - at >= sizeof(note) && copy_memory(&note, at, sizeof(note))) {
		size_t name_bytes = (note.header.n_namesz + 3UL) & ~3UL;
		size_t id_bytes = (note.header.n_descsz + 3UL) & ~3UL;
		uintptr_t id_at = at + sizeof(note.header) + name_bytes;
		if (name_bytes + id_bytes > limit - at - sizeof(note.header))
			return;
		unsigned char id[MAX_BUILD_ID_BYTES];
		if (note.header.n_type == NT_GNU_BUILD_ID && memcmp(note.name, "GNU", 4) == 0 &&
		    note.header.n_descsz <= sizeof(id) && copy_memory(id, id_at, note.header.n_descsz)) {
			for (unsigned i = 0; i < note.header.n_descsz; i++) {
				char digits[2] = { "0123456789abcdef"[id[i] >> 4], "0123456789abcdef"[id[i] & 15] };
				text_add_bytes(build_id, digits, 2);
			}
			return;
		}
		at = id_at + id_bytes;
	}
}

struct description {
	struct text path, build_id;
	char path_storage[4096], build_id_storage[2 * MAX_BUILD_ID_BYTES + 1];
	Elf64_Phdr headers[MAX_HEADERS];
	unsigned num_headers;
	uintptr_t bias; // from addresses in the headers to those in memory
};

static bool read_headers(struct description *description, uintptr_t start, uintptr_t limit)
{
	Elf64_Ehdr header;
	if (!copy_memory(&header, start, sizeof(header)) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > MAX_HEADERS ||
	    header.e_phoff > limit - start)
		return false;
	if (!copy_memory(description->headers, start + header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr)))
		return false;
	description->num_headers = header.e_phnum;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		if (description->headers[i].p_type != PT_LOAD)
			continue;
		description->bias = start - (description->headers[i].p_vaddr & ~(PAGE - 1));
		return true;
	}
	return false;
}

// Of a module with holes between its segments the loader gives one segment only, which need not begin with the file's
// header.  A library's header is at its base; for the main program the kernel tells where the table is.
static bool find_headers(struct description *description, const struct link_map *map)
{
	uintptr_t name, base, table;
	char first;
	if (!copy_memory(&base, (uintptr_t)&map->l_addr, sizeof(base)))
		return false;
	if (read_headers(description, base, UINTPTR_MAX))
		return true;
	bool is_main = copy_memory(&name, (uintptr_t)&map->l_name, sizeof(name)) && copy_memory(&first, name, 1) && !first;
	if (!is_main || !&getauxval || !(table = getauxval(AT_PHDR)))
		return false;
	description->num_headers = (unsigned)getauxval(AT_PHNUM);
	description->bias = base;
	return description->num_headers <= MAX_HEADERS &&
	       copy_memory(description->headers, table, description->num_headers * sizeof(Elf64_Phdr));
}

static void describe(struct description *description, const struct dl_find_object *object)
{
	uintptr_t start = (uintptr_t)object->dlfo_map_start, limit = (uintptr_t)object->dlfo_map_end;
	description->path = (struct text)TEXT_ON(description->path_storage);
	description->build_id = (struct text)TEXT_ON(description->build_id_storage);
	description->path_storage[0] = description->build_id_storage[0] = 0;
	description->num_headers = 0;
	add_path(&description->path, object->dlfo_link_map);
	if (!read_headers(description, start, limit) && !find_headers(description, object->dlfo_link_map))
		description->num_headers = 0;
	for (unsigned i = 0; i < description->num_headers; i++) {
		const Elf64_Phdr *header = &description->headers[i];
		if (header->p_type == PT_NOTE && description->build_id.length == 0)
			add_build_id(&description->build_id, description->bias + header->p_vaddr, header->p_memsz);
	}
}

static uint64_t hash_string(uint64_t hash, const char *string)
{
	for (; *string; string++) // FNV-1a
		hash = (hash ^ (unsigned char)*string) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t identity_of(const struct description *description)
{
	uint64_t hash = hash_string(UINT64_C(0xcbf29ce484222325), description->path_storage);
	return hash_string(hash, description->build_id_storage);
}

static void add_range(struct module *module, struct ledger *ledger, const struct description *description,
		      uintptr_t start, uintptr_t limit, uint64_t offset)
{
	if (module->num_ranges == MODULE_MAX_RANGES)
		return;
	struct mapping mapping = { .start = start, .limit = limit, .offset = offset,
				   .path = description->path_storage, .build_id = description->build_id_storage };
	module->ranges[module->num_ranges].start = start;
	module->ranges[module->num_ranges].limit = limit;
	module->ranges[module->num_ranges++].mapping = mapping_add(ledger, &mapping);
}

static void add_ranges(struct module *module, struct ledger *ledger, const struct description *description)
{
	for (unsigned i = 0; i < description->num_headers; i++) {
		const Elf64_Phdr *header = &description->headers[i];
		if (header->p_type != PT_LOAD || !(header->p_flags & PF_X))
			continue;
		uintptr_t start = description->bias + header->p_vaddr, limit = start + header->p_memsz;
		if (start >= module->cfi.limit || limit <= module->cfi.start)
			continue; // of a module with holes; when it is needed it is a module of its own
		add_range(module, ledger, description, start & ~(PAGE - 1), (limit + PAGE - 1) & ~(PAGE - 1),
			  header->p_offset & ~(PAGE - 1));
	}
	if (description->num_headers == 0)
		add_range(module, ledger, description, module->cfi.start, module->cfi.limit, 0);
}

// The call-frame information of a module with holes is in a segment that need not be that of the code.
static void find_data(struct cfi_module *cfi, const struct description *description)
{
	cfi->data_start = cfi->start;
	cfi->data_limit = cfi->limit;
	if (cfi->eh_frame_header >= cfi->start && cfi->eh_frame_header < cfi->limit)
		return;
	for (unsigned i = 0; i < description->num_headers; i++) {
		const Elf64_Phdr *header = &description->headers[i];
		uintptr_t start = description->bias + header->p_vaddr;
		if (header->p_type == PT_LOAD && cfi->eh_frame_header - start < header->p_memsz) {
			cfi->data_start = start;
			cfi->data_limit = start + header->p_memsz;
		}
	}
}

bool modules_init(struct modules *modules)
{
	*modules = (struct modules){ .modules = system_map(MODULE_MAX * sizeof(struct module)) };
	return modules->modules != NULL;
}

static bool overlaps(const struct module *module, const struct dl_find_object *object)
{
	return module->cfi.start < (uintptr_t)object->dlfo_map_end && module->cfi.limit > (uintptr_t)object->dlfo_map_start;
}

// Closed modules stay in the list with an empty range, for a new one to take their place.
static struct module *place_for(struct modules *modules, const struct dl_find_object *object, bool *is_changed)
{
	struct module *place = NULL;
	for (uint32_t i = 0; i < modules->num_modules; i++) {
		struct module *module = &modules->modules[i];
		if (overlaps(module, object)) {
			*is_changed = true;
			module->cfi = (struct cfi_module){ 0 };
		}
		if (!module->cfi.limit)
			place = module;
	}
	if (!place && modules->num_modules < MODULE_MAX)
		place = &modules->modules[modules->num_modules++];
	return place;
}

static struct module *find_known(struct modules *modules, uintptr_t pc)
{
	for (uint32_t i = 0; i < modules->num_modules; i++)
		if (pc >= modules->modules[i].cfi.start && pc < modules->modules[i].cfi.limit)
			return &modules->modules[i];
	return NULL;
}

const struct module *modules_find(struct modules *modules, struct ledger *ledger, uintptr_t pc, bool *is_changed)
{
	static struct description description; // under the lock that our caller holds
	struct dl_find_object object;
	if (!_dl_find_object || _dl_find_object((void *)pc, &object) != 0)
		return NULL;
	struct module *known = find_known(modules, pc);
	bool is_same = known && known->cfi.start == (uintptr_t)object.dlfo_map_start &&
		       known->cfi.limit == (uintptr_t)object.dlfo_map_end;
	if (is_same && known->generation == modules->generation)
		return known;
	describe(&description, &object);
	uint64_t identity = identity_of(&description);
	if (!is_same || known->identity != identity) {
		known = place_for(modules, &object, is_changed);
		if (!known)
			return NULL;
		*known = (struct module){ .identity = identity };
		known->cfi = (struct cfi_module){ .start = (uintptr_t)object.dlfo_map_start,
						  .limit = (uintptr_t)object.dlfo_map_end,
						  .eh_frame_header = (uintptr_t)object.dlfo_eh_frame };
		find_data(&known->cfi, &description);
		add_ranges(known, ledger, &description);
	}
	known->generation = modules->generation;
	return known;
}

void modules_forget_from(struct modules *modules, uint32_t mapping)
{
	for (uint32_t i = 0; i < modules->num_modules; i++)
		for (uint32_t j = 0; j < modules->modules[i].num_ranges; j++)
			if (modules->modules[i].ranges[j].mapping >= mapping)
				modules->modules[i].cfi = (struct cfi_module){ 0 };
}

uint32_t module_mapping(const struct module *module, uintptr_t pc)
{
	for (uint32_t i = 0; i < module->num_ranges; i++)
		if (pc >= module->ranges[i].start && pc < module->ranges[i].limit)
			return module->ranges[i].mapping;
	return 0;
}

bool module_range(uintptr_t pc, uintptr_t *start, uintptr_t *limit)
{
	struct dl_find_object object;
	if (!_dl_find_object || _dl_find_object((void *)pc, &object) != 0)
		return false;
	*start = (uintptr_t)object.dlfo_map_start;
	*limit = (uintptr_t)object.dlfo_map_end;
	return true;
}
