// SPDX-License-Identifier: Apache-2.0
// DWARF part: what was left out of the linked file.  OUTSIDE.
#include "symbolize/dwarf_part.h"

#include <dwarf.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "symbolize/debug_files.h"

#define MAX_COLUMNS 16

enum {
	INFO,
	ABBREVIATIONS,
	STRING_OFFSETS,
	RANGE_LISTS,
	STRINGS,
	ADDRESSES,
	RANGES,
	NUM_SECTIONS
};

// The sections of a part's image, and their numbers in the index of a package: before version 5, and since; 0: it is
// not divided among units.
static const struct section {
	const char *name;
	unsigned old_column, column;
	unsigned old_base, base; // attributes of the unit: it is in the linked file, from there; 0: it is not
} sections[NUM_SECTIONS] = {
	[INFO] = { ".debug_info", DW_SECT_INFO, DW_SECT_INFO, 0, 0 },
	[ABBREVIATIONS] = { ".debug_abbrev", DW_SECT_ABBREV, DW_SECT_ABBREV, 0, 0 },
	[STRING_OFFSETS] = { ".debug_str_offsets", DW_SECT_STR_OFFSETS, DW_SECT_STR_OFFSETS, 0, 0 },
	[RANGE_LISTS] = { ".debug_rnglists", 0, DW_SECT_RNGLISTS, 0, 0 },
	[STRINGS] = { ".debug_str", 0, 0, 0, 0 },
	[ADDRESSES] = { ".debug_addr", 0, 0, DW_AT_GNU_addr_base, DW_AT_addr_base },
	[RANGES] = { ".debug_ranges", 0, 0, DW_AT_GNU_ranges_base, DW_AT_GNU_ranges_base },
};

static struct dwarf_span span_within(struct dwarf_span span, uint64_t offset, uint64_t size_bytes)
{
	if (!span.start || offset > span.size_bytes || size_bytes > span.size_bytes - offset)
		return (struct dwarf_span){ 0 };
	return (struct dwarf_span){ span.start + offset, size_bytes };
}

static struct dwarf_span span_from(struct dwarf_span span, uint64_t offset)
{
	return offset <= span.size_bytes ? span_within(span, offset, span.size_bytes - offset) : (struct dwarf_span){ 0 };
}

// A number of an array; 0 beyond its end.
static uint64_t get_number(struct dwarf_span span, uint64_t index, unsigned num_bytes)
{
	uint64_t number = 0;
	if (index < span.size_bytes / num_bytes)
		memcpy(&number, span.start + index * num_bytes, num_bytes);
	return number;
}

static struct dwarf_span find_section(const struct elf_file *file, const char *name)
{
	GElf_Shdr header;
	Elf_Scn *section = elf_file_find_section(file, name);
	if (!section || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
		return (struct dwarf_span){ 0 };
	if (header.sh_flags & SHF_COMPRESSED)
		elf_compress(section, 0, 0);
	Elf_Data *data = elf_getdata(section, NULL);
	return data && data->d_buf ? (struct dwarf_span){ data->d_buf, data->d_size } : (struct dwarf_span){ 0 };
}

bool dwarf_part_find_package(const char *program, struct elf_file *found)
{
	char path[PATH_MAX];
	struct error error;
	return snprintf(path, sizeof(path), "%s.dwp", program) < (int)sizeof(path) && elf_file_open(found, path, &error);
}

// The index of a package: a hash table of units by their ids, then for each the places of its parts of sections.
struct index {
	unsigned version;
	uint64_t num_columns, num_units, num_slots;
	struct dwarf_span ids, rows, columns, offsets, sizes;
};

static bool read_index(struct index *index, struct dwarf_span section)
{
	index->version = (unsigned)get_number(section, 0, 2); // 2, of 4 bytes, or 5
	index->num_columns = get_number(section, 1, 4);
	index->num_units = get_number(section, 2, 4);
	index->num_slots = get_number(section, 3, 4);
	if (index->num_columns > MAX_COLUMNS || !index->num_slots || (index->num_slots & (index->num_slots - 1)))
		return false;
	uint64_t at = 16, cells_bytes = index->num_units * index->num_columns * 4;
	index->ids = span_within(section, at, index->num_slots * 8);
	index->rows = span_within(section, at += index->num_slots * 8, index->num_slots * 4);
	index->columns = span_within(section, at += index->num_slots * 4, index->num_columns * 4);
	index->offsets = span_within(section, at += index->num_columns * 4, cells_bytes);
	index->sizes = span_within(section, at + cells_bytes, cells_bytes);
	return index->ids.start && index->rows.start && index->columns.start && index->offsets.start && index->sizes.start;
}

// The row of a unit, from 1; 0: it is not there.
static uint64_t find_row(const struct index *index, uint64_t id)
{
	uint64_t mask = index->num_slots - 1, slot = id & mask, step = (id >> 32 & mask) | 1;
	for (uint64_t i = 0; i < index->num_slots; i++, slot = (slot + step) & mask) {
		uint64_t row = get_number(index->rows, slot, 4);
		if (!row)
			return 0;
		if (get_number(index->ids, slot, 8) == id)
			return row <= index->num_units ? row : 0;
	}
	return 0;
}

// The part of a section that belongs to the unit of a row.
static struct dwarf_span find_contribution(const struct index *index, uint64_t row, unsigned column, struct dwarf_span section)
{
	for (uint64_t i = 0; i < index->num_columns; i++) {
		uint64_t cell = (row - 1) * index->num_columns + i;
		if (get_number(index->columns, i, 4) == column)
			return span_within(section, get_number(index->offsets, cell, 4), get_number(index->sizes, cell, 4));
	}
	return (struct dwarf_span){ 0 };
}

// What there is of a part in a file: a package if there is an index.
static bool find_spans(const struct elf_file *file, uint64_t id, struct dwarf_span spans[NUM_SECTIONS])
{
	struct index index = { 0 };
	struct dwarf_span table = find_section(file, ".debug_cu_index");
	uint64_t row = table.start && read_index(&index, table) ? find_row(&index, id) : 0;
	for (size_t i = 0; i < NUM_SECTIONS; i++) {
		char name[40];
		if (sections[i].base)
			continue;
		snprintf(name, sizeof(name), "%s.dwo", sections[i].name);
		spans[i] = find_section(file, name);
		unsigned column = row ? (index.version < 5 ? sections[i].old_column : sections[i].column) : 0;
		if (column)
			spans[i] = find_contribution(&index, row, column, spans[i]);
	}
	return row || !table.start;
}

// Where the unit's share of a linked file's section begins.
static uint64_t get_base(Dwarf_Die *unit, const struct section *section)
{
	Dwarf_Attribute attribute;
	Dwarf_Word base = 0;
	if (dwarf_attr(unit, section->base, &attribute) || dwarf_attr(unit, section->old_base, &attribute))
		dwarf_formudata(&attribute, &base);
	return base;
}

static bool add_section(Elf *image, const struct dwarf_span *contents, Elf64_Word type, size_t name)
{
	GElf_Shdr header;
	Elf_Scn *section = elf_newscn(image);
	Elf_Data *data = section ? elf_newdata(section) : NULL;
	if (!data || !gelf_getshdr(section, &header))
		return false;
	data->d_buf = (void *)contents->start;
	data->d_size = contents->size_bytes;
	header.sh_name = (GElf_Word)name;
	header.sh_type = type;
	header.sh_size = contents->size_bytes;
	return gelf_update_shdr(section, &header);
}

// An ELF file of these sections, which is written nowhere.
static Elf *make_image(int fd, const struct dwarf_span spans[NUM_SECTIONS], char names[DWARF_PART_NAMES_BYTES])
{
	size_t length = 1;
	GElf_Ehdr header;
	Elf *image = elf_begin(fd, ELF_C_WRITE, NULL);
	bool is_made = image && gelf_newehdr(image, ELFCLASS64) && gelf_getehdr(image, &header);
	for (size_t i = 0; is_made && i < NUM_SECTIONS; i++) {
		if (!spans[i].start)
			continue;
		is_made = add_section(image, &spans[i], SHT_PROGBITS, length);
		length += (size_t)snprintf(names + length, DWARF_PART_NAMES_BYTES - length, "%s", sections[i].name) + 1;
	}
	is_made = is_made && add_section(image, &(struct dwarf_span){ (unsigned char *)names, length }, SHT_STRTAB, 0);
	if (is_made) {
		header.e_ident[EI_DATA] = ELFDATA2LSB;
		header.e_machine = EM_X86_64;
		header.e_version = EV_CURRENT;
		elf_getshdrnum(image, &length);
		header.e_shstrndx = (GElf_Half)(length - 1);
	}
	if (is_made && gelf_update_ehdr(image, &header))
		return image;
	elf_end(image);
	return NULL;
}

static bool open_image(struct dwarf_part *part, const struct elf_file *file, const struct dwarf_span spans[NUM_SECTIONS])
{
	part->image = make_image(file->fd, spans, part->names);
	part->dwarf = part->image ? dwarf_begin_elf(part->image, DWARF_C_READ, NULL) : NULL;
	return part->dwarf != NULL;
}

static void close_image(struct dwarf_part *part)
{
	dwarf_end(part->dwarf);
	elf_end(part->image);
	part->dwarf = NULL;
	part->image = NULL;
}

// The unit with an id.
static bool find_unit(struct dwarf_part *part, uint64_t id)
{
	Dwarf_CU *unit = NULL;
	uint8_t type, address_bytes;
	uint64_t found;
	while (dwarf_get_units(part->dwarf, unit, &unit, NULL, &type, &part->root, NULL) == 0)
		if (type == DW_UT_split_compile &&
		    dwarf_cu_info(unit, NULL, NULL, NULL, NULL, &found, &address_bytes, &part->offset_bytes) == 0 && found == id)
			return true;
	return false;
}

// Open the part in a file.
static bool open_in(struct dwarf_part *part, const struct elf_file *file, const struct elf_file *linked, Dwarf_Die *unit, uint64_t id)
{
	struct dwarf_span spans[NUM_SECTIONS] = { 0 };
	if (!file->elf || !find_spans(file, id, spans))
		return false;
	for (size_t i = 0; i < NUM_SECTIONS; i++)
		if (sections[i].base)
			spans[i] = span_from(find_section(linked, sections[i].name), get_base(unit, &sections[i]));
	part->range_lists = spans[RANGE_LISTS];
	if (open_image(part, file, spans) && find_unit(part, id)) {
		if (dwarf_lowpc(unit, &part->base) != 0)
			part->base = 0;
		return true;
	}
	close_image(part);
	return false;
}

bool dwarf_part_open(struct dwarf_part *part, const struct elf_file *linked, Dwarf_Die *unit, const struct elf_file *package,
		     const struct symbols_search *search)
{
	Dwarf_Attribute name, directory;
	uint64_t id;
	*part = (struct dwarf_part){ 0 };
	if (!(dwarf_attr(unit, DW_AT_dwo_name, &name) || dwarf_attr(unit, DW_AT_GNU_dwo_name, &name)) ||
	    dwarf_cu_info(unit->cu, NULL, NULL, NULL, NULL, &id, NULL, NULL) != 0 || !dwarf_formstring(&name))
		return false;
	if (open_in(part, package, linked, unit, id))
		return true;
	const char *directory_name = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &directory));
	if (!debug_files_find_part(directory_name, dwarf_formstring(&name), search, &part->file))
		return false;
	if (open_in(part, &part->file, linked, unit, id))
		return true;
	elf_file_close(&part->file);
	return false;
}

bool dwarf_part_open_empty(struct dwarf_part *part, const struct elf_file *linked)
{
	const struct dwarf_span spans[NUM_SECTIONS] = { [INFO] = { (const unsigned char *)"", 1 } }; // too short for a unit, not for libdw
	*part = (struct dwarf_part){ 0 };
	if (open_image(part, linked, spans))
		return true;
	close_image(part);
	return false;
}

void dwarf_part_close(struct dwarf_part *part)
{
	close_image(part);
	elf_file_close(&part->file);
}

static bool find_ranges(const struct dwarf_part *part, Dwarf_Attribute *attribute, ptrdiff_t *offset)
{
	Dwarf_Word number;
	uint64_t header_bytes = part->offset_bytes == 8 ? 20 : 12; // of the only table; offsets of lists follow
	if (dwarf_formudata(attribute, &number) != 0)
		return false;
	if (dwarf_whatform(attribute) == DW_FORM_rnglistx)
		number = header_bytes + get_number(span_from(part->range_lists, header_bytes), number, part->offset_bytes);
	*offset = (ptrdiff_t)number;
	return *offset >= 0;
}

ptrdiff_t dwarf_part_next_range(const struct dwarf_part *part, Dwarf_Die *entry, ptrdiff_t offset, Dwarf_Addr *base,
				Dwarf_Addr *low, Dwarf_Addr *limit)
{
	Dwarf_Attribute attribute;
	if (!part || offset || !dwarf_attr(entry, DW_AT_ranges, &attribute))
		return dwarf_ranges(entry, offset, base, low, limit);
	*base = part->base;
	if (!find_ranges(part, &attribute, &offset))
		return -1;
	if (offset)
		return dwarf_ranges(entry, offset, base, low, limit);
	offset = dwarf_ranges(entry, 0, base, low, limit); // takes 0 for "the first", and the base for 0
	if (*base)
		return offset;
	*base = part->base;
	*low += part->base;
	*limit += part->base;
	return offset;
}
