// SPDX-License-Identifier: Apache-2.0
/*
 * Calls every form of operator new and operator delete of C++17, each new from a function of its own,
 * prints a log of how each behaved (failure, std::bad_alloc, new handler, alignment), which must be the
 * same with and without cairn, and then the truth per function.
 *
 * Debian's mimalloc aborts where it should throw std::bad_alloc: "without-failure" leaves that out.
 */
#include "truth.h"

#include <cstdint>
#include <cstring>
#include <malloc.h>
#include <new>

namespace {

enum site {
	PLAIN, ARRAY, NOTHROW, ARRAY_NOTHROW, ALIGNED, ARRAY_ALIGNED, ALIGNED_NOTHROW, ARRAY_ALIGNED_NOTHROW,
	EXPRESSION, ARRAY_EXPRESSION, NUM_SITES
};

truth truths[NUM_SITES] = {
	{"new_plain", 0, 0, 0, 0}, {"new_array", 0, 0, 0, 0},
	{"new_nothrow", 0, 0, 0, 0}, {"new_array_nothrow", 0, 0, 0, 0},
	{"new_aligned", 0, 0, 0, 0}, {"new_array_aligned", 0, 0, 0, 0},
	{"new_aligned_nothrow", 0, 0, 0, 0}, {"new_array_aligned_nothrow", 0, 0, 0, 0},
	{"new_expression", 0, 0, 0, 0}, {"new_array_expression", 0, 0, 0, 0},
};

struct widget {
	char bytes[48];
	widget() { memset(bytes, 1, sizeof(bytes)); }
	~widget() { bytes[0] = 0; }
};

volatile size_t huge = SIZE_MAX / 2 - 65536;
const std::align_val_t ALIGNMENT{256};

void *checked(enum site site, void *address, size_t size, size_t alignment)
{
	address = truth_keep(address);
	dprintf(STDOUT_FILENO, "%s(%zu): %s, alignment %s, usable size %s\n", truths[site].function, size,
	        address ? "block" : "NULL", (uintptr_t)address % alignment ? "BAD" : "good",
	        malloc_usable_size(address) >= size ? "good" : "BAD");
	memset(address, 0x5a, malloc_usable_size(address));
	truth_add(&truths[site], size);
	return address;
}

SITE void *new_plain(size_t size) { return checked(PLAIN, ::operator new(size), size, 8); }
SITE void *new_array(size_t size) { return checked(ARRAY, ::operator new[](size), size, 8); }
SITE void *new_nothrow(size_t size) { return checked(NOTHROW, ::operator new(size, std::nothrow), size, 8); }
SITE void *new_array_nothrow(size_t size) { return checked(ARRAY_NOTHROW, ::operator new[](size, std::nothrow), size, 8); }
SITE void *new_aligned(size_t size) { return checked(ALIGNED, ::operator new(size, ALIGNMENT), size, 256); }
SITE void *new_array_aligned(size_t size) { return checked(ARRAY_ALIGNED, ::operator new[](size, ALIGNMENT), size, 256); }

SITE void *new_aligned_nothrow(size_t size)
{
	return checked(ALIGNED_NOTHROW, ::operator new(size, ALIGNMENT, std::nothrow), size, 256);
}

SITE void *new_array_aligned_nothrow(size_t size)
{
	return checked(ARRAY_ALIGNED_NOTHROW, ::operator new[](size, ALIGNMENT, std::nothrow), size, 256);
}

SITE widget *new_expression()
{
	widget *made = static_cast<widget *>(truth_keep(new widget));
	truth_add(&truths[EXPRESSION], sizeof(widget));
	return made;
}

// The compiler asks for room to count the elements too.
const size_t WIDGETS = 5;
const size_t WIDGETS_BYTES = WIDGETS * sizeof(widget) + sizeof(size_t);

SITE widget *new_array_expression()
{
	widget *made = static_cast<widget *>(truth_keep(new widget[WIDGETS]));
	truth_add(&truths[ARRAY_EXPRESSION], WIDGETS_BYTES);
	return made;
}

template <typename Function> void log_failure(const char *name, Function function)
{
	try {
		void *address = truth_keep(function());
		dprintf(STDOUT_FILENO, "%s: %s\n", name, address ? "BLOCK" : "NULL");
	} catch (const std::bad_alloc &error) {
		dprintf(STDOUT_FILENO, "%s: %s\n", name, error.what());
	}
}

SITE void new_huge() { log_failure("new_huge", [] { return ::operator new(huge); }); }
SITE void new_huge_nothrow() { log_failure("new_huge_nothrow", [] { return ::operator new(huge, std::nothrow); }); }
SITE void new_huge_aligned() { log_failure("new_huge_aligned", [] { return ::operator new(huge, ALIGNMENT); }); }

SITE void new_huge_aligned_nothrow()
{
	log_failure("new_huge_aligned_nothrow", [] { return ::operator new(huge, ALIGNMENT, std::nothrow); });
}

// A new handler is called until it gives up: here it removes itself at the third call.
int handler_calls;

void handler()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

SITE void new_handled()
{
	handler_calls = 0;
	std::set_new_handler(handler);
	log_failure("new_handled", [] { return ::operator new(huge); });
	dprintf(STDOUT_FILENO, "new_handled: the handler ran %d times\n", handler_calls);
}

void forget(enum site site, size_t size)
{
	truth_remove(&truths[site], size);
}

} // namespace

int main(int argc, char **argv)
{
	new_plain(1000);
	new_plain(0);
	new_array(2000);
	new_nothrow(3000);
	new_array_nothrow(4000);
	new_aligned(5000);
	new_array_aligned(6000);
	new_aligned_nothrow(7000);
	new_array_aligned_nothrow(8000);
	new_expression();
	new_array_expression();

	::operator delete(new_plain(10)), forget(PLAIN, 10);
	::operator delete(new_plain(11), size_t(11)), forget(PLAIN, 11);
	::operator delete(new_nothrow(12), std::nothrow), forget(NOTHROW, 12);
	::operator delete[](new_array(13)), forget(ARRAY, 13);
	::operator delete[](new_array(14), size_t(14)), forget(ARRAY, 14);
	::operator delete[](new_array_nothrow(15), std::nothrow), forget(ARRAY_NOTHROW, 15);
	::operator delete(new_aligned(600), ALIGNMENT), forget(ALIGNED, 600);
	::operator delete(new_aligned(601), size_t(601), ALIGNMENT), forget(ALIGNED, 601);
	::operator delete(new_aligned_nothrow(602), ALIGNMENT, std::nothrow), forget(ALIGNED_NOTHROW, 602);
	::operator delete[](new_array_aligned(603), ALIGNMENT), forget(ARRAY_ALIGNED, 603);
	::operator delete[](new_array_aligned(604), size_t(604), ALIGNMENT), forget(ARRAY_ALIGNED, 604);
	::operator delete[](new_array_aligned_nothrow(605), ALIGNMENT, std::nothrow), forget(ARRAY_ALIGNED_NOTHROW, 605);
	delete new_expression(), forget(EXPRESSION, sizeof(widget));
	delete[] new_array_expression(), forget(ARRAY_EXPRESSION, WIDGETS_BYTES);
	::operator delete(nullptr);
	::operator delete[](nullptr);

	if (argc < 2 || strcmp(argv[1], "without-failure")) {
		new_huge();
		new_huge_nothrow();
		new_huge_aligned();
		new_huge_aligned_nothrow();
		new_handled();
	}
	for (const truth &truth : truths)
		truth_print(&truth);
}
