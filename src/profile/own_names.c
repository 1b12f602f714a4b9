// SPDX-License-Identifier: Apache-2.0
// Own names: which functions a program's frames are in.  BOTH worlds.
#include "profile/own_names.h"

#include <elf.h>
#include <string.h>

#include "base/system.h"
#include "ledger/read.h"
#include "profile/own_file.h"

#define MAX_NS INT64_C(2000000000) // for all names of a dump
#define MAX_UNSIZED_BYTES 4096     // assembler code often does not say where it ends
#define MAX_OFFERS 10000           // without a look at the clock
#define SHORT_NAME_BYTES 256       // most are shorter

// A place in the code, and the best symbol so far that may be its function's.
struct own_question {
	uint64_t address; // as the file has them
	uint64_t start;   // of the symbol
	uint32_t frame;
	uint32_t name;    // of the symbol, offset; 0: none so far
	uint8_t is_sized, rank;
	uint8_t num_underscores; // the name begins with; NOT_READ: not known
};

#define NOT_READ 255

_Static_assert(OWN_NAMES_MAX_FRAMES * sizeof(uint32_t) + OWN_NAMES_MAX_QUESTIONS * sizeof(struct own_question) +
		       OWN_FILE_PIECE_BYTES + OWN_NAMES_MAX_BYTES + 4096 <= OWN_NAMES_ARENA_BYTES,
	       "the arena has room for all of it");

bool own_names_init(struct own_names *names, struct arena *arena, const struct ledger *ledger)
{
	*names = (struct own_names){ .ledger = ledger, .deadline_ns = system_clock_ns(CLOCK_MONOTONIC) + MAX_NS };
	names->functions = arena_get(arena, OWN_NAMES_MAX_FRAMES * sizeof(*names->functions));
	names->questions = arena_get(arena, OWN_NAMES_MAX_QUESTIONS * sizeof(*names->questions));
	names->piece = arena_get(arena, OWN_FILE_PIECE_BYTES);
	names->name = arena_get(arena, OWN_NAMES_MAX_BYTES);
	return names->functions && names->questions && names->piece && names->name;
}

static bool is_late(const struct own_names *names)
{
	return system_clock_ns(CLOCK_MONOTONIC) > names->deadline_ns;
}

// Heap sort (Williams, Floyd): no memory, no recursion.  Let the element at number sink to its place.
static void sink_down(struct own_question *questions, size_t number, size_t num)
{
	struct own_question sinking = questions[number];
	for (size_t child; (child = 2 * number + 1) < num; number = child) {
		if (child + 1 < num && questions[child + 1].address > questions[child].address)
			child++;
		if (questions[child].address <= sinking.address)
			break;
		questions[number] = questions[child];
	}
	questions[number] = sinking;
}

static void sort(struct own_question *questions, size_t num)
{
	for (size_t i = num / 2; i-- > 0;)
		sink_down(questions, i, num);
	for (size_t last = num; last-- > 1;) {
		struct own_question largest = questions[0];
		questions[0] = questions[last];
		questions[last] = largest;
		sink_down(questions, 0, last);
	}
}

// The frames that lie in a mapping; to_address is to be added to what is an offset in its file.
static size_t gather(struct own_names *names, uint32_t number, const struct ledger_mapping *mapping,
		     uint64_t to_address)
{
	size_t num = 0;
	for (uint32_t i = 1; i < names->num_frames && num < OWN_NAMES_MAX_QUESTIONS; i++) {
		uint32_t of;
		uint64_t address;
		if (read_frame(names->ledger, i, &of, &address) && of == number)
			names->questions[num++] = (struct own_question){
				.address = address - mapping->start + mapping->offset + to_address, .frame = i };
	}
	sort(names->questions, num);
	return num;
}

// The first of the questions at address or beyond it.
static size_t find_first(const struct own_question *questions, size_t num, uint64_t address)
{
	size_t low = 0, high = num;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (questions[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint8_t read_underscores(struct own_file *file, uint32_t name)
{
	char start[8];
	uint8_t num = 0;
	if (!own_file_read_name(file, name, start, sizeof(start)))
		return sizeof(start);
	while (start[num] == '_')
		num++;
	return num;
}

// As in symbolize/: the function that begins last; of the names of one a global before a weak and a local one, and
// the one with fewest underscores.
static bool is_better(struct own_file *file, struct own_question *a, struct own_question *b)
{
	if (a->is_sized != b->is_sized)
		return a->is_sized;
	if (a->start != b->start)
		return a->start > b->start;
	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (a->num_underscores == NOT_READ)
		a->num_underscores = read_underscores(file, a->name);
	if (b->num_underscores == NOT_READ)
		b->num_underscores = read_underscores(file, b->name);
	return a->num_underscores < b->num_underscores;
}

static bool is_function(const Elf64_Sym *symbol)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info);
	return (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) && symbol->st_name &&
	       symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS;
}

// Offer a symbol to the questions that it may answer; how many these are.
static size_t offer(struct own_file *file, struct own_question *questions, size_t num, const Elf64_Sym *symbol)
{
	static const uint8_t ranks[16] = { [STB_GLOBAL] = 3, [STB_GNU_UNIQUE] = 3, [STB_WEAK] = 2, [STB_LOCAL] = 1 };
	uint64_t num_bytes = symbol->st_size ? symbol->st_size : MAX_UNSIZED_BYTES;
	struct own_question offered = { .start = symbol->st_value, .name = symbol->st_name, .is_sized = symbol->st_size > 0,
					.rank = ranks[ELF64_ST_BIND(symbol->st_info)], .num_underscores = NOT_READ };
	size_t first = find_first(questions, num, symbol->st_value), i = first;
	for (; i < num && questions[i].address - symbol->st_value < num_bytes; i++) {
		if (questions[i].name && !is_better(file, &offered, &questions[i]))
			continue;
		offered.address = questions[i].address;
		offered.frame = questions[i].frame;
		questions[i] = offered;
	}
	return i - first;
}

// False if there is no more time: then some answers may be wrong.
static bool answer(struct own_names *names, struct own_file *file, size_t num)
{
	const Elf64_Sym *symbols;
	size_t num_symbols, num_offers = 0;
	for (uint64_t first = 0; (num_symbols = own_file_read_symbols(file, first, &symbols)) > 0; first += num_symbols)
		for (size_t i = 0; i < num_symbols; i++) {
			num_offers += is_function(&symbols[i]) ? offer(file, names->questions, num, &symbols[i]) : 0;
			bool is_last = i + 1 == num_symbols; // of the piece
			if ((is_last || num_offers >= MAX_OFFERS) && is_late(names))
				return false;
			num_offers = num_offers < MAX_OFFERS ? num_offers : 0;
		}
	return true;
}

// Read a name whole.
static bool read_name(struct own_names *names, struct own_file *file, uint32_t offset)
{
	return own_file_read_name(file, offset, names->name, SHORT_NAME_BYTES) && *names->name &&
	       (strlen(names->name) < SHORT_NAME_BYTES - 1 ||
		(own_file_read_name(file, offset, names->name, OWN_NAMES_MAX_BYTES) &&
		 strlen(names->name) < OWN_NAMES_MAX_BYTES - 1));
}

// Neighbours are most often in the same function.
static bool push_functions(struct own_names *names, struct own_file *file, size_t num, const struct profile_sink *sink)
{
	const struct own_question *before = NULL;
	for (const struct own_question *question = names->questions; question < names->questions + num; question++) {
		if (!question->name)
			continue;
		if (before && before->name == question->name) {
			names->functions[question->frame] = names->functions[before->frame];
			continue;
		}
		before = question;
		if (is_late(names) || !read_name(names, file, question->name))
			continue;
		const struct profile_function function = { .id = ++names->last_id, .name = names->name,
							   .system_name = names->name, .filename = "" };
		names->functions[question->frame] = function.id;
		if (!sink->function(sink->context, &function))
			return false;
	}
	return true;
}

static bool push_mapping(struct own_names *names, uint32_t number, const struct profile_sink *sink)
{
	struct own_file file;
	uint64_t to_address;
	bool is_taken = true;
	const struct ledger_mapping *mapping = read_mapping(names->ledger, number);
	const char *path = mapping ? read_string(names->ledger, mapping->path) : "";
	if (*path != '/' || !own_file_open(&file, path, read_string(names->ledger, mapping->build_id), names->piece))
		return true;
	if (own_file_find_code(&file, mapping->offset, mapping->limit - mapping->start, &to_address)) {
		size_t num = gather(names, number, mapping, to_address);
		if (num && answer(names, &file, num))
			is_taken = push_functions(names, &file, num, sink);
	}
	own_file_close(&file);
	return is_taken;
}

bool own_names_push(struct own_names *names, uint32_t first_id, const struct profile_sink *sink)
{
	uint32_t num_mappings = read_num(names->ledger, LEDGER_MAPPINGS);
	names->last_id = first_id;
	names->num_frames = read_num(names->ledger, LEDGER_FRAMES);
	if (names->num_frames > OWN_NAMES_MAX_FRAMES)
		names->num_frames = OWN_NAMES_MAX_FRAMES;
	for (uint32_t i = 1; i < num_mappings && !is_late(names); i++)
		if (!push_mapping(names, i, sink))
			return false;
	return true;
}
