// SPDX-License-Identifier: Apache-2.0
// Demangle: the names of functions as people write them.  OUTSIDE.
#include "symbolize/demangle.h"

#include <ctype.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <libiberty/demangle.h>

#include "base/text.h"

#define MAX_SYMBOL_BYTES 4096 // libiberty's stack grows with it: some 300 bytes for each
#define MAX_NAME_BYTES 8192   // a short symbol can stand for a name of any length
#define MAX_D_REFERENCES 16   // each may multiply the length, and libiberty gives a D name whole only
#define MAX_DEMANGLING_US 100000 // of processor time

struct output {
	struct text text;
	jmp_buf is_full;
	char storage[MAX_NAME_BYTES];
};

static void take(const char *piece, size_t num_bytes, void *context)
{
	struct output *output = context;
	text_add_bytes(&output->text, piece, num_bytes);
	if (output->text.is_cut)
		longjmp(output->is_full, 1);
}

// False if it is no such symbol.  A name that is too long is cut.
static bool demangle_with_callback(int (*run)(const char *, int, demangle_callbackref, void *), const char *symbol,
				   struct output *output)
{
	output->text = (struct text)TEXT_ON(output->storage);
	output->storage[0] = 0;
	if (setjmp(output->is_full))
		return true;
	return run(symbol, DMGL_ANSI | DMGL_NO_RECURSE_LIMIT, take, output) && output->text.length;
}

static bool demangle_d(const char *symbol, struct output *output)
{
	size_t num_references = 0;
	for (const char *at = symbol; *at; at++)
		num_references += *at == 'Q';
	if (!text_begins_with(symbol, "_D") || !isdigit((unsigned char)symbol[2]) || num_references > MAX_D_REFERENCES)
		return false;
	char *name = dlang_demangle(symbol, 0);
	output->text = (struct text)TEXT_ON(output->storage);
	if (name)
		text_add_bytes(&output->text, name, strcspn(name, "("));
	free(name);
	return name && !output->text.is_cut;
}

// ", std::allocator<...>" and the like: what follows it, or NULL if it is no such template argument.
static const char *skip_default(const char *from)
{
	static const char *const defaults[] = {
		", std::allocator<", ", std::char_traits<", ", std::less<", ", std::equal_to<", ", std::hash<",
		", std::default_delete<",
	};
	bool is_default = false;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		is_default |= text_begins_with(from, defaults[i]);
	if (!is_default)
		return NULL;
	const char *at = strchr(from, '<') + 1;
	for (int depth = 1; depth; at++) {
		if (!*at)
			return NULL;
		depth += (*at == '<') - (*at == '>');
	}
	return at;
}

// Leave arguments out that repeat a default, where they end a list.  From the right: what is left out may
// have been followed by such arguments too.
static void drop_defaults(char *name)
{
	for (char *at = name + strlen(name); at > name;) {
		const char *end = *--at == ',' ? skip_default(at) : NULL;
		if (!end)
			continue;
		end += *end == ' ';
		if (*end == '>')
			memmove(at, end, strlen(end) + 1);
	}
}

static void replace_all(char *name, const char *what, const char *with) // that is no longer
{
	size_t what_length = strlen(what), with_length = strlen(with);
	for (char *at = name; (at = strstr(at, what));) {
		memcpy(at, with, with_length);
		memmove(at + with_length, at + what_length, strlen(at + what_length) + 1);
	}
}

static void simplify(char *name)
{
	replace_all(name, "std::__cxx11::", "std::");
	drop_defaults(name);
	replace_all(name, "> >", ">>");
	replace_all(name, "std::basic_string<char>", "std::string");
}

// The length of a symbol without its version.
static size_t length_without_version(const char *symbol)
{
	const char *at = strchr(symbol, '@');
	return at && at > symbol ? (size_t)(at - symbol) : strlen(symbol);
}

// The length of a C symbol without what compilers append to clones and parts of functions.
static size_t length_without_suffix(const char *symbol)
{
	static const char *const suffixes[] = { ".isra.", ".part.", ".constprop.", ".cold", ".lto_priv.", ".llvm." };
	size_t length = strlen(symbol);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const char *at = strstr(symbol, suffixes[i]);
		if (at && at > symbol && (size_t)(at - symbol) < length)
			length = (size_t)(at - symbol);
	}
	return length;
}

static sigjmp_buf is_late;

static void give_up(int signal)
{
	(void)signal;
	siglongjmp(is_late, 1);
}

// Substitutions within pack expansions can be made so that libiberty looks for ever before it gives anything.  It holds
// nothing meanwhile, no lock and no memory, and may be left at any moment.
static bool demangle_in_time(const char *symbol, struct output *output)
{
	const struct sigaction late = { .sa_handler = give_up };
	const struct itimerval limit = { .it_value = { 0, MAX_DEMANGLING_US } }, none = { { 0, 0 }, { 0, 0 } };
	struct sigaction before;
	volatile bool is_done = false;
	sigaction(SIGVTALRM, &late, &before);
	if (sigsetjmp(is_late, 1) == 0) {
		setitimer(ITIMER_VIRTUAL, &limit, NULL);
		is_done = demangle_with_callback(cplus_demangle_v3_callback, symbol, output);
	}
	setitimer(ITIMER_VIRTUAL, &none, NULL);
	sigaction(SIGVTALRM, &before, NULL);
	return is_done;
}

static bool demangle_cpp(const char *symbol, struct output *output)
{
	if (!text_begins_with(symbol, "_Z"))
		return false;
	bool may_take_long = strlen(symbol) > 64 && (strstr(symbol, "Dp") || strstr(symbol, "sp"));
	return may_take_long ? demangle_in_time(symbol, output)
			     : demangle_with_callback(cplus_demangle_v3_callback, symbol, output);
}

static bool demangle(const char *symbol, struct output *output)
{
	return demangle_with_callback(rust_demangle_callback, symbol, output) || demangle_cpp(symbol, output) ||
	       demangle_d(symbol, output);
}

static void simplify_plain(const char *name, struct output *output)
{
	output->text = (struct text)TEXT_ON(output->storage);
	output->storage[0] = 0;
	text_add(&output->text, name);
	simplify(output->storage);
}

void demangle_add(struct text *text, const char *versioned)
{
	static struct output output; // too large for some stacks
	char storage[MAX_SYMBOL_BYTES];
	struct text symbol = TEXT_ON(storage);
	text_add_bytes(&symbol, versioned, length_without_version(versioned));
	if (!symbol.is_cut && demangle(storage, &output)) {
		simplify(output.storage);
		text_add(text, output.storage);
	} else if (strstr(versioned, "::")) { // from debug information, which has names that no linker sees
		simplify_plain(versioned, &output);
		text_add(text, output.storage);
	} else {
		text_add_bytes(text, storage, length_without_suffix(storage));
	}
}
