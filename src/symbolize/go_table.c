// SPDX-License-Identifier: Apache-2.0
// Go table: functions, files, lines and inlined calls of a Go program.  OUTSIDE.
#include "symbolize/go_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "symbolize/elf_image.h"
#include "symbolize/go_module.h"

#define MAX_NAME_BYTES 65536
#define MAX_STEPS 1000000 // for one address; the code of a large function has some thousands
#define MAX_CHECKED 200   // functions with inlined calls

enum {
	STEPS_INLINED = 2, // which of a function's tables of code says which inlined call is where (PCDATA_InlTreeIndex)
	DATA_INLINED = 3,  // which of its data are its inlined calls (FUNCDATA_InlTree)
};

// A part of the table: an array or strings.
struct part {
	const uint8_t *bytes;
	uint64_t size_bytes;
};

struct go_table {
	struct elf_image image;
	uint32_t magic;
	struct part functions; // addresses and records, by address; offsets of records count from its start
	struct part names, units, files, steps;
	uint64_t num_functions, text;
	uint64_t function_data; // address; 0: not known
};

struct function {
	uint64_t start, limit;
	const uint8_t *record;
	uint64_t record_bytes;  // up to the end of the part
	uint32_t name;          // offset
	uint32_t files, lines;  // offsets of tables of code
	uint32_t unit;
	uint32_t start_line;    // 0: not known
	uint32_t num_tables, num_data;
	uint64_t tables;        // where their offsets are in the record; those of the data follow
};

static bool read_word(const struct part *part, uint64_t offset, uint32_t *value)
{
	if (offset > part->size_bytes || part->size_bytes - offset < sizeof(*value))
		return false;
	*value = elf_image_read32(part->bytes + offset);
	return true;
}

static const char *find_string(const struct part *part, uint64_t offset)
{
	uint64_t num_left = offset < part->size_bytes ? part->size_bytes - offset : 0;
	uint64_t max = num_left < MAX_NAME_BYTES ? num_left : MAX_NAME_BYTES;
	const char *string = (const char *)part->bytes + offset;
	return max && memchr(string, 0, max) ? string : "";
}

static bool is_at_least_1_18(const struct go_table *table)
{
	return table->magic == GO_MAGIC_1_18 || table->magic == GO_MAGIC_1_20;
}

// Of an element of the array of functions: address and offset of the record.
static uint64_t field_bytes(const struct go_table *table)
{
	return is_at_least_1_18(table) ? 4 : 8;
}

static uint64_t read_field(const struct go_table *table, uint64_t number)
{
	const uint8_t *at = table->functions.bytes + number * field_bytes(table);
	return is_at_least_1_18(table) ? elf_image_read32(at) : elf_image_read64(at);
}

static uint64_t read_start(const struct go_table *table, uint64_t function)
{
	return table->text + read_field(table, 2 * function);
}

// The parts' offsets are from the table's start.
static bool cut_part(const struct part *whole, uint64_t offset, struct part *part)
{
	if (offset >= whole->size_bytes)
		return false;
	*part = (struct part){ .bytes = whole->bytes + offset, .size_bytes = whole->size_bytes - offset };
	return true;
}

static bool cut_parts(struct go_table *table, const struct part *whole)
{
	uint64_t first = is_at_least_1_18(table) ? 32 : 24; // where the offsets are in the header
	struct part *const parts[] = { &table->names, &table->units, &table->files, &table->steps, &table->functions };
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!cut_part(whole, elf_image_read64(whole->bytes + first + 8 * i), parts[i]))
			return false;
	return true;
}

// In the first format everything counts from the table's start, and the array of files is told at the functions' end.
static bool cut_parts_1_2(struct go_table *table, const struct part *whole)
{
	uint32_t files;
	table->names = table->steps = *whole;
	return cut_part(whole, 16, &table->functions) && table->num_functions < whole->size_bytes / 16 &&
	       read_word(&table->functions, table->num_functions * 16 + 8, &files) && cut_part(whole, files, &table->files);
}

static bool has_sound_functions(const struct go_table *table)
{
	uint64_t num = table->num_functions, size_bytes;
	if (!num || num > table->functions.size_bytes / field_bytes(table) / 2 ||
	    (2 * num + 1) * field_bytes(table) > table->functions.size_bytes)
		return false;
	// They are code, of one segment.
	uint64_t start = read_start(table, 0), limit = read_start(table, num);
	return start < limit && elf_image_find(&table->image, start, &size_bytes) && limit - start <= size_bytes;
}

// Where the code begins also stands in the table's header, but there the loader may have to fill it in.
static void read_places(struct go_table *table, uint64_t address, const uint8_t *header)
{
	struct go_module module = { .table = address };
	go_module_read(&module, &table->image);
	table->text = module.text ? module.text : elf_image_read64(header + 24);
	table->function_data = module.function_data;
}

static bool read_table(struct go_table *table, uint64_t address)
{
	struct part whole;
	whole.bytes = elf_image_find(&table->image, address, &whole.size_bytes);
	if (!whole.bytes || whole.size_bytes < 80)
		return false;
	table->magic = elf_image_read32(whole.bytes);
	table->num_functions = elf_image_read64(whole.bytes + 8);
	table->text = table->function_data = 0;
	if (table->magic == GO_MAGIC_1_2 ? !cut_parts_1_2(table, &whole) : !cut_parts(table, &whole))
		return false;
	if (is_at_least_1_18(table))
		read_places(table, address, whole.bytes);
	return has_sound_functions(table);
}

static bool read_function(const struct go_table *table, uint64_t number, struct function *function)
{
	struct part record;
	uint64_t rest = is_at_least_1_18(table) ? 4 : 8; // after the address
	if (!cut_part(&table->functions, read_field(table, 2 * number + 1) -
		      (table->magic == GO_MAGIC_1_2 ? 16 : 0), &record))
		return false;
	function->start = read_start(table, number);
	function->limit = read_start(table, number + 1);
	function->record = record.bytes;
	function->record_bytes = record.size_bytes;
	function->unit = function->start_line = 0;
	bool is_whole = read_word(&record, rest, &function->name) && read_word(&record, rest + 16, &function->files) &&
			read_word(&record, rest + 20, &function->lines) &&
			read_word(&record, rest + 24, &function->num_tables);
	uint64_t last = rest + 28; // the word whose highest byte is the number of data
	if (table->magic != GO_MAGIC_1_2) {
		is_whole = is_whole && read_word(&record, last, &function->unit);
		last += 4;
	}
	if (table->magic == GO_MAGIC_1_20) {
		is_whole = is_whole && read_word(&record, last, &function->start_line);
		last += 4;
	}
	is_whole = is_whole && read_word(&record, last, &function->num_data);
	function->num_data >>= 24;
	function->tables = last + 4;
	return is_whole;
}

// A number in 7 bits a byte, the lowest first.
static bool read_number(const struct part *part, uint64_t *offset, uint32_t *number)
{
	*number = 0;
	for (unsigned shift = 0; shift < 35 && *offset < part->size_bytes; shift += 7) {
		uint8_t byte = part->bytes[(*offset)++];
		*number |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

// A table of code is steps (how the value changes, for how many bytes of code it then holds), from -1 and the
// function's start.  False if it says nothing of the address.
static bool find_value(const struct go_table *table, uint32_t offset, const struct function *function, uint64_t address,
		       uint32_t *num_steps, int32_t *value)
{
	uint64_t at = offset, code = function->start;
	uint32_t current = UINT32_MAX;
	for (bool is_first = true; offset && *num_steps < MAX_STEPS; is_first = false) {
		uint32_t change, num_bytes;
		++*num_steps;
		if (!read_number(&table->steps, &at, &change) || (!change && !is_first) ||
		    !read_number(&table->steps, &at, &num_bytes))
			return false;
		current += change & 1 ? ~(change >> 1) : change >> 1;
		code += num_bytes;
		if (address < code) {
			*value = (int32_t)current;
			return true;
		}
	}
	return false;
}

static const char *find_file(const struct go_table *table, const struct function *function, uint32_t number)
{
	uint32_t offset;
	if (table->magic == GO_MAGIC_1_2)
		return read_word(&table->files, 4 * (uint64_t)number, &offset) ? find_string(&table->names, offset) : "";
	if (!read_word(&table->units, 4 * ((uint64_t)function->unit + number), &offset) || offset == UINT32_MAX)
		return "";
	return find_string(&table->files, offset);
}

// File and line of the code at an address.
static void find_place(const struct go_table *table, const struct function *function, uint64_t address,
		       uint32_t *num_steps, struct line *line)
{
	int32_t file, number;
	if (!find_value(table, function->files, function, address, num_steps, &file) || file < 0 ||
	    !find_value(table, function->lines, function, address, num_steps, &number) || number < 0)
		return;
	line->file = find_file(table, function, (uint32_t)file);
	line->line = *line->file ? number : 0;
}

// The offset of a function's table of code or of its data; false if it has none.
static bool read_offset(const struct function *function, uint64_t number, uint32_t *offset)
{
	const struct part record = { function->record, function->record_bytes };
	return read_word(&record, function->tables + 4 * number, offset);
}

struct inlined {
	uint32_t name, start_line; // 0: not known
	uint32_t code;             // offset of the call within the function that it was inlined into
};

// A call that was inlined into a function, by number.
static bool read_inlined(const struct go_table *table, const struct function *function, uint32_t number,
			 struct inlined *inlined)
{
	uint64_t size_bytes = table->magic == GO_MAGIC_1_18 ? 20 : 16;
	uint32_t offset;
	if (!table->function_data || function->num_data <= DATA_INLINED ||
	    !read_offset(function, (uint64_t)function->num_tables + DATA_INLINED, &offset) || offset == UINT32_MAX)
		return false;
	const uint8_t *bytes = elf_image_get(&table->image, table->function_data + offset + number * size_bytes, size_bytes);
	if (!bytes)
		return false;
	bool is_1_18 = table->magic == GO_MAGIC_1_18;
	inlined->name = elf_image_read32(bytes + (is_1_18 ? 12 : 4));
	inlined->code = elf_image_read32(bytes + (is_1_18 ? 16 : 8));
	inlined->start_line = is_1_18 ? 0 : elf_image_read32(bytes + 12);
	return inlined->code < function->limit - function->start;
}

// The innermost inlined call at an address; false if there is none.
static bool find_inlined(const struct go_table *table, const struct function *function, uint64_t address,
			 uint32_t *num_steps, struct inlined *inlined)
{
	uint32_t offset;
	int32_t number;
	return table->function_data && function->num_tables > STEPS_INLINED &&
	       read_offset(function, STEPS_INLINED, &offset) &&
	       find_value(table, offset, function, address, num_steps, &number) && number >= 0 &&
	       read_inlined(table, function, (uint32_t)number, inlined);
}

// Does function_data lead to inlined calls, or does a newer Go mean something else by that word?
static bool has_sound_inlined(const struct go_table *table)
{
	size_t num_checked = 0;
	for (uint64_t i = 0; i < table->num_functions && num_checked < MAX_CHECKED; i++) {
		struct function function;
		struct inlined inlined;
		uint32_t offset;
		if (!read_function(table, i, &function) || function.num_data <= DATA_INLINED ||
		    !read_offset(&function, (uint64_t)function.num_tables + DATA_INLINED, &offset) ||
		    offset == UINT32_MAX)
			continue;
		// A name begins where another ends.
		if (!read_inlined(table, &function, 0, &inlined) || !*find_string(&table->names, inlined.name) ||
		    (inlined.name && table->names.bytes[inlined.name - 1]))
			return false;
		num_checked++;
	}
	return true;
}

struct go_table *go_table_create(Elf *elf)
{
	struct go_table *table = memory_get(1, sizeof(*table));
	bool is_sound = false;
	if (elf_image_init(&table->image, elf))
		for (uint64_t at = 0; !is_sound && go_module_find_table(&table->image, elf, &at); at++)
			is_sound = read_table(table, at);
	if (!is_sound) {
		go_table_destroy(table);
		return NULL;
	}
	if (!has_sound_inlined(table))
		table->function_data = 0;
	return table;
}

void go_table_destroy(struct go_table *table)
{
	free(table);
}

bool go_table_has_inlined(const struct go_table *table)
{
	return table->function_data != 0;
}

// The last function that begins at address or before it.
static bool find_function(const struct go_table *table, uint64_t address, struct function *function)
{
	uint64_t low = 0, high = table->num_functions;
	if (address < read_start(table, 0) || address >= read_start(table, high))
		return false;
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		if (read_start(table, middle) <= address)
			low = middle;
		else
			high = middle;
	}
	return read_function(table, low, function) && address < function->limit;
}

size_t go_table_find(const struct go_table *table, uint64_t address, struct line lines[LINE_MAX_CALLS])
{
	struct function function;
	struct inlined inlined = { .code = 0 };
	uint32_t num_steps = 0;
	size_t num = 0;
	if (!find_function(table, address, &function))
		return 0;
	for (bool is_inlined = true; is_inlined && num < LINE_MAX_CALLS; num++) {
		lines[num] = (struct line){ .function = "", .file = "" };
		find_place(table, &function, address, &num_steps, &lines[num]);
		is_inlined = find_inlined(table, &function, address, &num_steps, &inlined);
		lines[num].function = find_string(&table->names, is_inlined ? inlined.name : function.name);
		lines[num].start_line = is_inlined ? inlined.start_line : function.start_line;
		address = function.start + inlined.code;
	}
	return num;
}
