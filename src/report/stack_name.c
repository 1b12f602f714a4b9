// SPDX-License-Identifier: Apache-2.0
// Stack name: a call stack in one line.  OUTSIDE.
#include "report/stack_name.h"

#include <string.h>

#include "base/text.h"
#include "report/printable.h"
#include "report/units.h"

#define MAX_NAME_BYTES 2048

bool stack_name_is_allocator(const char *function)
{
	static const char *const whole[] = {
		"malloc", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc",
		"g_malloc", "g_malloc0", "g_realloc", "g_malloc_n", "g_malloc0_n", "xmalloc", "xcalloc", "xrealloc",
	};
	static const char *const starts[] = {
		"operator new", "std::allocator<", "std::allocator_traits<", "std::__new_allocator<", "__gnu_cxx::new_allocator<",
		"__gnu_cxx::__alloc_traits<", "alloc::alloc::", "alloc::raw_vec::", "__rust_alloc", "__rust_realloc", "__rdl_",
	};
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strcmp(function, whole[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (text_begins_with(function, starts[i]))
			return true;
	return text_ends_with(function, "::_M_allocate");
}

static void name_frame(struct names *names, const struct ledger *ledger, uint32_t frame, char *storage, size_t size_bytes)
{
	struct text name = { .start = storage, .size_bytes = size_bytes };
	*storage = 0;
	names_add_frame(names, ledger, frame, &name);
}

size_t stack_name_find_leaf(struct names *names, const struct ledger *ledger, const uint32_t *frames, size_t num_frames)
{
	for (size_t i = 0; i < num_frames; i++) {
		char name[MAX_NAME_BYTES];
		name_frame(names, ledger, frames[i], name, sizeof(name));
		if (!stack_name_is_allocator(name))
			return i;
	}
	return 0;
}

void stack_name_add(struct text *text, struct names *names, const struct ledger *ledger, uint32_t site,
		    size_t max_columns)
{
	static const char separator[] = " < ";
	uint32_t frames[STACK_NAME_MAX_FRAMES];
	size_t num_frames = read_stack(ledger, site, frames, STACK_NAME_MAX_FRAMES), num_columns = 0;
	size_t leaf = stack_name_find_leaf(names, ledger, frames, num_frames);
	for (size_t i = leaf; i < num_frames; i++) {
		char name[MAX_NAME_BYTES], storage[MAX_NAME_BYTES];
		struct text piece = TEXT_ON(storage);
		storage[0] = 0;
		name_frame(names, ledger, frames[i], name, sizeof(name));
		if (i > leaf)
			text_add(&piece, separator);
		printable_add_cut(&piece, name, max_columns - num_columns - piece.length);
		text_add(text, storage);
		num_columns += units_width(storage);
		if (num_columns + sizeof(separator) + 3 > max_columns) // a caller needs some letters
			return;
	}
	if (!num_frames)
		printable_add_cut(text, "[no stack]", max_columns);
}
