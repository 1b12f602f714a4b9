// SPDX-License-Identifier: Apache-2.0
// Rules of leaks: what files may say, and which stacks they hide.
#include "unit/unit.h"

#include <stdio.h>
#include <unistd.h>

#include "leaks/rule_pattern.h"
#include "unit/rules_by_hand.h"

#define FRAMES(...) ((const struct by_hand_frame[]){ __VA_ARGS__, { .name = NULL } })

static struct leak_rules *made(const char *text)
{
	struct error error = { "" };
	struct leak_rules *rules = leak_rules_create();
	bool is_sound = leak_rules_add_text(rules, "test.supp", text, strlen(text), &error);
	assert_string_equal(error.message, "");
	assert_true(is_sound);
	return rules;
}

static bool hides_kind(const char *text, enum leak_kind kind, const struct by_hand_frame *frames)
{
	struct store *store = store_create(1);
	struct leak_rules *rules = made(text);
	assert_true(by_hand_push(store, kind, 2, 30, frames));
	leak_rules_apply(rules, store);
	bool is_hidden = !store->samples[0]->values[0];
	assert_int_equal(store->samples[0]->values[1], is_hidden ? 0 : 30);
	leak_rules_destroy(rules);
	store_destroy(store);
	return is_hidden;
}

static bool hides(const char *text, const struct by_hand_frame *frames)
{
	return hides_kind(text, LEAK_DEFINITE, frames);
}

// A block of these lines.
static bool block_hides(const char *lines, const struct by_hand_frame *frames)
{
	char text[1000];
	snprintf(text, sizeof(text), "{\nname\nMemcheck:Leak\n%s\n}\n", lines);
	return hides(text, frames);
}

static const struct by_hand_frame parse[] = {
	{ .name = "std::vector<int>::grow", .system_name = "_ZN6vector4growEv", .file = "/usr/include/vector.h", .line = 7,
	  .binary = "/opt/app/bin/server", .is_inlined = true },
	{ .name = "Parser::parse", .system_name = "_ZN6Parser5parseEi", .file = "src/parser.cc", .line = 12,
	  .binary = "/opt/app/bin/server" },
	{ .name = "", .binary = "/usr/lib/libplugin.so.1" },
	{ .name = "main", .system_name = "main", .file = "src/main.c", .line = 3, .binary = "/opt/app/bin/server" },
	{ .name = NULL },
};

static const struct by_hand_frame by_new[] = {
	{ .name = "operator new", .system_name = "_Znwm", .binary = "/usr/lib/libstdc++.so.6" },
	{ .name = "make", .system_name = "_Z4makev", .binary = "/opt/app/bin/server" },
	{ .name = "main", .system_name = "main", .binary = "/opt/app/bin/server" },
	{ .name = NULL },
};

static void test_a_pattern_is_a_part_of_a_name_file_or_binary_of_any_frame(void **state)
{
	(void)state;
	assert_true(hides("leak:parse\n", parse));
	assert_true(hides("leak:Parser::\n", parse));
	assert_true(hides("leak:_ZN6Parser\n", parse));
	assert_true(hides("leak:vector.h\n", parse));
	assert_true(hides("leak:libplugin\n", parse));
	assert_true(hides("leak:main", parse));
	assert_true(hides("  leak: Parser*parse \r\n", parse));
	assert_false(hides("leak:parsed\n", parse));
	assert_false(hides("leak:p?rse\n", parse)); // ? is itself
	assert_false(hides("leak:parse::Parser\n", parse));
}

static void test_ends_of_names_can_be_told(void **state)
{
	(void)state;
	assert_true(hides("leak:^main$\n", parse));
	assert_true(hides("leak:^Pars\n", parse));
	assert_true(hides("leak:plugin.so.1$\n", parse));
	assert_true(hides("leak:^src/*.cc$\n", parse));
	assert_false(hides("leak:^arser\n", parse));
	assert_false(hides("leak:Parser::pars$\n", parse));
	assert_false(hides("leak:^$\n", parse)); // what has no name matches nothing
}

static void test_a_block_begins_at_the_leaf_and_may_be_shorter(void **state)
{
	(void)state;
	assert_true(block_hides("fun:_ZN6vector4growEv", parse));
	assert_true(block_hides("fun:_ZN6vector*\nfun:_ZN6Parser5parse??", parse));
	assert_true(block_hides("fun:*grow*\nfun:*parse*\nobj:*/libplugin.so*\nfun:main", parse));
	assert_false(block_hides("fun:main", parse));
	assert_false(block_hides("fun:*parse*", parse));
	assert_false(block_hides("fun:*grow*\nfun:main", parse));
	assert_false(block_hides("fun:*grow*\nfun:*parse*\nfun:*\nfun:main\nfun:start", parse));
}

static void test_dots_stand_for_any_number_of_frames(void **state)
{
	(void)state;
	assert_true(block_hides("...\nfun:main", parse));
	assert_true(block_hides("...\nfun:*grow*\n...\nfun:main\n...", parse));
	assert_true(block_hides("fun:*grow*\n...\n...\nfun:*parse*", parse));
	assert_false(block_hides("...\nfun:main\n...\nfun:*parse*", parse));
	assert_false(block_hides("...\nfun:main\nfun:*", parse));
	// What was matched already is not tried again.
	assert_false(block_hides("...\nfun:a\n...\nfun:b",
				 FRAMES({ .name = "c" }, { .name = "b" }, { .name = "a" }, { .name = "c" })));
	// The first place where what follows fits may be the wrong one.
	assert_true(block_hides("...\nfun:a\nfun:b", FRAMES({ .name = "a" }, { .name = "a" }, { .name = "c" }, { .name = "a" },
							   { .name = "b" })));
}

static void test_functions_have_several_names(void **state)
{
	(void)state;
	assert_true(block_hides("fun:std::vector<int>::grow", parse));
	assert_true(block_hides("fun:a::f", FRAMES({ .name = "a::f(int (*)(char)) const" })));
	assert_true(block_hides("fun:a::f(*) const", FRAMES({ .name = "a::f(int (*)(char)) const" })));
	assert_false(block_hides("fun:a", FRAMES({ .name = "a(anonymous namespace)::f" })));
	assert_true(block_hides("fun:setlocale", FRAMES({ .name = "__GI_setlocale", .system_name = "__GI_setlocale" })));
	assert_false(block_hides("fun:locale", FRAMES({ .name = "__GI_setlocale" })));
	assert_true(block_hides("fun:newlocale", FRAMES({ .name = "__newlocale" })));
	assert_true(block_hides("fun:f\nfun:(below main)", FRAMES({ .name = "f" }, { .name = "__libc_start_call_main" })));
	assert_true(block_hides("fun:f\nfun:clone", FRAMES({ .name = "f" }, { .name = "__clone3" })));
	assert_false(block_hides("fun:Z1f", FRAMES({ .name = "_Z1f" })));
}

static void test_what_has_no_name_matches_only_a_star(void **state)
{
	(void)state;
	const struct by_hand_frame *frames = FRAMES({ .name = "", .binary = "/lib/x.so" }, { .name = "main" });
	assert_true(block_hides("fun:*\nfun:main", frames));
	assert_true(block_hides("obj:/lib/x.so\nfun:main", frames));
	assert_false(block_hides("fun:?*\nfun:main", frames));
	assert_false(hides("leak:^*$\n", FRAMES({ .name = "" })));
	assert_true(block_hides("obj:*", FRAMES({ .name = "" })));
}

static void test_sources_are_files_and_lines(void **state)
{
	(void)state;
	assert_true(block_hides("src:vector.h\nsrc:parser.cc:12", parse));
	assert_true(block_hides("src:/usr/include/*\nsrc:src/parser.cc", parse));
	assert_false(block_hides("src:vector.h\nsrc:parser.cc:13", parse));
	assert_false(block_hides("src:arser.cc", parse));
}

static void test_the_allocation_function_is_in_blocks_but_not_in_stacks(void **state)
{
	(void)state;
	const struct by_hand_frame *frames = FRAMES({ .name = "load" }, { .name = "main" });
	assert_true(block_hides("fun:malloc\nfun:load", frames));
	assert_true(block_hides("fun:*alloc\nfun:load\nfun:main", frames));
	assert_true(block_hides("fun:_Znwm\nfun:load", frames)); // operators of another library are not on the stack
	assert_true(block_hides("fun:load", frames));
	assert_true(block_hides("...\nfun:malloc\nfun:load", frames));
	assert_true(block_hides("fun:malloc\n...\nfun:main", frames));
	assert_true(block_hides("fun:malloc", frames)); // as valgrind has it
	assert_false(block_hides("fun:malloc\nfun:main", frames));
	assert_false(block_hides("fun:mallox\nfun:load", frames));
	assert_false(block_hides("fun:load\nfun:malloc", frames));
	assert_true(block_hides("fun:*a*\nfun:main", frames)); // a first frame that is there
}

static void test_operators_that_are_in_stacks_are_the_allocation_function(void **state)
{
	(void)state;
	assert_true(block_hides("fun:_Znwm\nfun:_Z4makev", by_new));
	assert_true(block_hides("fun:_Zn*m\nfun:_Z4makev", by_new));
	assert_true(block_hides("fun:_Znam\nfun:_Z4makev", by_new)); // new[] ends with a jump to new
	assert_false(block_hides("fun:calloc\nfun:_Z4makev", by_new));
	assert_false(block_hides("fun:_Znam\nfun:main", by_new));
	assert_true(block_hides("fun:_Z4makev", by_new));
	assert_false(block_hides("fun:malloc\nfun:_Z4makev", by_new));
	assert_false(block_hides("fun:malloc", by_new));
	const struct by_hand_frame *array = FRAMES({ .name = "operator new", .system_name = "_Znwm" },
						   { .name = "operator new[]", .system_name = "_Znam" }, { .name = "make" });
	assert_true(block_hides("fun:_Znam\nfun:make", array));
	assert_true(block_hides("fun:_Znwm\nfun:_Znam\nfun:make", array));
	assert_false(block_hides("fun:malloc\nfun:make", array));
	const struct by_hand_frame *own = FRAMES({ .name = "malloc" }, { .name = "calloc" }, { .name = "make" });
	assert_true(block_hides("fun:calloc\nfun:make", own)); // a program's own functions
}

static void test_patterns_do_not_hide_everything_by_the_allocation_function(void **state)
{
	(void)state;
	assert_false(hides("leak:malloc\n", FRAMES({ .name = "load" }, { .name = "main" })));
	assert_true(hides("leak:malloc\n", FRAMES({ .name = "my_malloc" }, { .name = "main" })));
	assert_false(hides("leak:operator new\n", by_new));
	assert_false(hides("leak:libstdc++\n", by_new));
	assert_true(hides("leak:make\n", by_new));
}

static void test_kinds_can_be_told(void **state)
{
	(void)state;
	static const struct {
		const char *words;
		bool has_kind[LEAK_NUM_KINDS + 1]; // the last: without a label
	} cases[] = {
		{ "", { 1, 1, 1, 1, 1 } },
		{ "match-leak-kinds: all\n", { 1, 1, 1, 1, 1 } },
		{ "match-leak-kinds:definite\n", { 1, 0, 0, 0, 0 } },
		{ "match-leak-kinds: definite,possible\n", { 1, 0, 0, 0, 0 } },
		{ "match-leak-kinds: possible\n", { 0, 0, 0, 0, 0 } },
		{ "match-leak-kinds: indirect , reachable\n", { 0, 1, 1, 0, 0 } },
		{ "match-leak-kinds: none\n", { 0, 0, 0, 0, 0 } },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[200];
		snprintf(text, sizeof(text), "{\nname\nMemcheck:Leak\n%sfun:f\n}\n", cases[i].words);
		for (int kind = 0; kind <= LEAK_NUM_KINDS; kind++)
			assert_int_equal(hides_kind(text, (enum leak_kind)kind, FRAMES({ .name = "f" })), cases[i].has_kind[kind]);
	}
}

static void test_blocks_of_other_tools_and_kinds_are_taken_and_never_match(void **state)
{
	(void)state;
	assert_false(hides("{\na\nMemcheck:Cond\nfun:f\n}\n{\nb\nHelgrind:Race\nwhatever it has\n}\n{\nc\nMemcheck:Param\n"
			   "write(buf)\nfun:f\n}\n{\nd\nCoreError:FdBadClose\n}\n",
			   FRAMES({ .name = "f" })));
	assert_true(hides("{\na\nAddrcheck,Memcheck:Leak\nfun:f\n}\n", FRAMES({ .name = "f" })));
}

static void test_both_forms_comments_and_line_ends_may_be_mixed(void **state)
{
	(void)state;
	const char *text = "# a comment\r\n\r\n{\r\n\t<a name # with a mark>\r\n   # within\r\n   Memcheck:Leak\r\n\r\n"
			   "   fun:f\r\n}\r\nleak:g";
	assert_true(hides(text, FRAMES({ .name = "f" })));
	assert_true(hides(text, FRAMES({ .name = "h" }, { .name = "g" })));
	assert_false(hides(text, FRAMES({ .name = "h" })));
	assert_false(hides("", FRAMES({ .name = "h" })));
}

static void test_what_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "leak:\n", "test:1: found 'leak:'; expected leak:PATTERN" },
		{ "\n#\nrace:f\n", "test:3: found 'race:f'; expected leak:PATTERN, '{'" },
		{ "}\n", "test:1: found '}'" },
		{ "{ name\n", "test:1: found '{ name'" },
		{ "\n{\nname\nMemcheck:Leak\nfun:f\n", "test:2: found a block that does not end; expected '}'" },
		{ "{\n", "test:1: found a block that does not end" },
		{ "{\n}\n", "test:2: found '}'; expected a name" },
		{ "{\nname\n}\n", "test:3: found '}'; expected TOOL:KIND" },
		{ "{\nname\nLeak\nfun:f\n}\n", "test:3: found 'Leak'; expected TOOL:KIND" },
		{ "{\nname\nMemcheck:Leek\nfun:f\n}\n", "test:3: found 'Memcheck:Leek'; expected Memcheck:Leak or another" },
		{ "{\nname\nMemcheck:Leak\nfun:f\n{\n", "test:5: found '{' in the block that begins in line 1" },
		{ "{\nname\nMemcheck:Leak\nfun:\n}\n", "test:4: found 'fun:'; expected a pattern" },
		{ "{\nname\nMemcheck:Leak\nfn:x\n}\n", "test:4: found 'fn:x'; expected fun:PATTERN, obj:PATTERN, src:PATTERN" },
		{ "{\nname\nMemcheck:Leak\n}\n", "test:4: found '}'; expected at least one line fun:" },
		{ "{\nname\nMemcheck:Leak\n...\n}\n", "test:5: found '}'; expected at least one line fun:" },
		{ "{\nname\nMemcheck:Leak\nmatch-leak-kinds: lost\nfun:f\n}\n", "test:4: found 'match-leak-kinds: lost'; expected" },
		{ "{\nname\nMemcheck:Leak\nfun:f\nmatch-leak-kinds: all\n}\n", "test:5: found 'match-leak-kinds: all'; expected fun:" },
		{ "leak:a\n\x7f\x45LF\x02\x01\n", "test:2: found binary data; expected a file of rules" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error error = { "" };
		struct leak_rules *rules = leak_rules_create();
		assert_false(leak_rules_add_text(rules, "test", cases[i][0], strlen(cases[i][0]), &error));
		assert_memory_equal(error.message, cases[i][1], strlen(cases[i][1]));
		assert_int_equal(leak_rules_get_num_unused(rules), 0); // a file is taken whole or not at all
		leak_rules_destroy(rules);
	}
}

static void test_lengths_and_numbers_are_bounded(void **state)
{
	(void)state;
	struct error error = { "" };
	struct leak_rules *rules = leak_rules_create();
	char *text = calloc(1, 100000), *end = text;
	memset(text, 'a', 2001);
	assert_false(leak_rules_add_text(rules, "test", text, 2001, &error));
	assert_string_equal(error.message, "test:1: found a line of 2001 bytes; expected at most 2000");
	for (int i = 0; i < 10001; i++)
		end = stpcpy(end, "leak:a\n");
	assert_true(leak_rules_add_text(rules, "test", text, 70000, &error));
	assert_false(leak_rules_add_text(rules, "more", text, 7, &error));
	assert_string_equal(error.message, "more:1: found 'leak:a'; expected the end of the file, since there are 10000 rules already");
	end = stpcpy(text, "{\nname\nMemcheck:Leak\n");
	for (int i = 0; i < 25; i++)
		end = stpcpy(end, "fun:a\n");
	leak_rules_destroy(rules);
	rules = leak_rules_create();
	assert_false(leak_rules_add_text(rules, "test", text, strlen(text), &error));
	assert_string_equal(error.message, "test:28: found 'fun:a'; expected '}', since a block has at most 24 lines of frames");
	leak_rules_destroy(rules);
	free(text);
}

static void assert_file_problem(const char *path, const char *expected)
{
	struct error error = { "" };
	struct leak_rules *rules = leak_rules_create();
	assert_false(leak_rules_add_file(rules, path, &error));
	assert_string_equal(error.message, expected);
	leak_rules_destroy(rules);
}

static void test_files_are_read_or_it_is_told_why_not(void **state)
{
	(void)state;
	char path[] = "/tmp/cairn-rules-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "leak:f\nleak:g\n", 14), 14);
	struct error error = { "" };
	struct leak_rules *rules = leak_rules_create();
	assert_true(leak_rules_add_file(rules, path, &error));
	assert_int_equal(leak_rules_get_num_unused(rules), 2);
	leak_rules_destroy(rules);
	assert_int_equal(ftruncate(fd, (8 << 20) + 1), 0);
	char expected[200];
	snprintf(expected, sizeof(expected), "%s: is larger than 8 MiB; expected a file of rules", path);
	assert_file_problem(path, expected);
	close(fd);
	unlink(path);
	assert_file_problem("/", "/: cannot be read: Is a directory; expected a file of rules");
	assert_file_problem("/nowhere.supp", "/nowhere.supp: cannot be read: No such file or directory; expected a file of rules");
	assert_file_problem("/dev/zero", "/dev/zero: is larger than 8 MiB; expected a file of rules");
}

static void test_the_first_rule_that_matches_counts_and_is_told(void **state)
{
	(void)state;
	struct store *store = store_create(1);
	struct leak_rules *rules = made("leak:nothing\n{\nfirst\nMemcheck:Leak\nfun:f\n}\nleak:f\nleak:g\n");
	assert_true(by_hand_push(store, LEAK_DEFINITE, 2, 30, FRAMES({ .name = "f" })));
	assert_true(by_hand_push(store, LEAK_INDIRECT, 1, 4, FRAMES({ .name = "f" }, { .name = "g" })));
	assert_true(by_hand_push(store, LEAK_DEFINITE, 5, 50, FRAMES({ .name = "h" }, { .name = "g" })));
	assert_true(by_hand_push(store, LEAK_DEFINITE, 6, 60, FRAMES({ .name = "h" })));
	leak_rules_apply(rules, store);
	size_t num_used;
	const struct leak_rule_use *used = leak_rules_get_used(rules, &num_used);
	assert_int_equal(num_used, 2);
	assert_string_equal(used[0].name, "first");
	assert_string_equal(used[0].file, "test.supp");
	assert_int_equal(used[0].line, 2);
	assert_int_equal(used[0].objects, 3);
	assert_int_equal(used[0].bytes, 34);
	assert_string_equal(used[1].name, "leak:g");
	assert_int_equal(used[1].line, 8);
	assert_int_equal(used[1].bytes, 50);
	assert_int_equal(leak_rules_get_num_unused(rules), 2);
	assert_int_equal(store->samples[3]->values[1], 60);
	leak_rules_apply(rules, store); // what is hidden is not hidden again
	used = leak_rules_get_used(rules, &num_used);
	assert_int_equal(used[0].bytes, 34);
	leak_rules_destroy(rules);
	store_destroy(store);
}

static void test_what_is_lost_with_something_hidden_is_hidden_too(void **state)
{
	(void)state;
	size_t num_used;
	struct store *store = store_create(1);
	struct leak_rules *rules = made("leak:hidden\n");
	assert_true(by_hand_push_with(store, LEAK_DEFINITE, 1, 1, 1, FRAMES({ .name = "hidden" })));
	assert_true(by_hand_push_with(store, LEAK_INDIRECT, 1, 1, 10, FRAMES({ .name = "its_own" })));
	assert_true(by_hand_push_with(store, LEAK_DEFINITE, 2, 1, 100, FRAMES({ .name = "shown" })));
	assert_true(by_hand_push_with(store, LEAK_INDIRECT, 2, 1, 1000, FRAMES({ .name = "its_own" })));
	assert_true(by_hand_push_with(store, LEAK_INDIRECT, 2, 1, 10000, FRAMES({ .name = "hidden" }))); // it alone
	assert_true(by_hand_push_with(store, LEAK_INDIRECT, 3, 1, 100000, FRAMES({ .name = "hidden" }))); // of a circle
	assert_true(by_hand_push_with(store, LEAK_INDIRECT, 3, 1, 1000000, FRAMES({ .name = "other" })));
	leak_rules_apply(rules, store);
	const struct leak_rule_use *used = leak_rules_get_used(rules, &num_used);
	assert_int_equal(num_used, 1);
	assert_int_equal(used->bytes, 1110011);
	int64_t left = 0;
	for (size_t i = 0; i < store->num_samples; i++)
		left += store->samples[i]->values[1];
	assert_int_equal(left, 1100);
	leak_rules_destroy(rules);
	store_destroy(store);
}

// More patterns than are compared at a time.
static void test_the_order_holds_for_many_rules(void **state)
{
	(void)state;
	char *text = calloc(1, 100000), *end = text;
	for (int i = 0; i < 1000; i++)
		end += sprintf(end, "leak:^f%d$\nleak:^f%d$\n", i, 999 - i);
	struct store *store = store_create(1);
	struct leak_rules *rules = made(text);
	for (int i = 0; i < 1000; i++) {
		char name[20];
		snprintf(name, sizeof(name), "f%d", i);
		assert_true(by_hand_push(store, LEAK_DEFINITE, 1, i + 1, FRAMES({ .name = name }, { .name = "main" })));
	}
	leak_rules_apply(rules, store);
	size_t num_used;
	const struct leak_rule_use *used = leak_rules_get_used(rules, &num_used);
	assert_int_equal(num_used, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(used[i].line, i + 1);
		assert_int_equal(used[i].bytes, 1 + (i % 2 ? 999 - i / 2 : i / 2));
	}
	assert_int_equal(leak_rules_get_num_unused(rules), 1000);
	leak_rules_destroy(rules);
	store_destroy(store);
	free(text);
}

static bool own_hides(const struct by_hand_frame *frames)
{
	struct store *store = store_create(1);
	struct leak_rules *rules = leak_rules_create();
	leak_rules_add_own(rules);
	assert_int_equal(leak_rules_get_num_unused(rules), 0); // they are not the user's
	assert_true(by_hand_push(store, LEAK_REACHABLE, 2, 30, frames));
	leak_rules_apply(rules, store);
	size_t num_used;
	const struct leak_rule_use *used = leak_rules_get_used(rules, &num_used);
	assert_true(num_used == 0 || !used[0].file);
	leak_rules_destroy(rules);
	store_destroy(store);
	return num_used > 0;
}

#define LIBC .binary = "/usr/lib/x86_64-linux-gnu/libc.so.6"
#define LOADER .binary = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"

static void test_own_rules_hide_the_libraries_and_not_the_program(void **state)
{
	(void)state;
	const struct by_hand_frame user = { .name = "lose", .binary = "/opt/app/bin/server" };
	assert_true(own_hides(FRAMES({ .name = "_IO_file_doallocate", LIBC }, { .name = "puts", LIBC }, user)));
	assert_true(own_hides(FRAMES({ .name = "", LIBC }, { .name = "setlocale", LIBC }, user)));
	assert_true(own_hides(FRAMES({ .name = "", LOADER }, { .name = "pthread_create", LIBC }, user)));
	assert_true(own_hides(FRAMES({ .name = "", .binary = "/usr/lib/libstdc++.so.6.0.30" }, { .name = "", LOADER })));
	assert_false(own_hides(FRAMES(user, { .name = "", LOADER }, { .name = "dlopen", LIBC })));
	assert_false(own_hides(FRAMES({ .name = "strdup", LIBC }, user, { .name = "", LOADER }, { .name = "dlopen", LIBC })));
	assert_false(own_hides(FRAMES({ .name = "strdup", LIBC }, user, { .name = "qsort", LIBC }, { .name = "main" })));
	assert_false(own_hides(FRAMES({ .name = "", LIBC }, user)));
	assert_false(own_hides(FRAMES(user, { .name = "setlocale" })));
	assert_false(own_hides(FRAMES({ .name = "operator new", .binary = "/usr/lib/libstdc++.so.6" }, user, { .name = "", LOADER })));
	assert_string_equal(leak_kind_names[LEAK_REACHABLE], "reachable");
	assert_non_null(strstr(leak_rules_get_own(), "_IO_file_doallocate"));
}

// Stars are tried from the left only once each; without that this would take ages.
static void test_matching_takes_no_longer_than_pattern_times_name(void **state)
{
	(void)state;
	char glob[1801], text[10001];
	for (int i = 0; i < 1800; i += 2)
		memcpy(glob + i, "*a", 2);
	glob[1799] = 'b';
	glob[1800] = 0;
	memset(text, 'a', 10000);
	text[10000] = 0;
	assert_false(rule_pattern_matches_text(glob, text, true));
	text[9999] = 'b';
	assert_true(rule_pattern_matches_text(glob, text, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pattern_is_a_part_of_a_name_file_or_binary_of_any_frame),
		cmocka_unit_test(test_ends_of_names_can_be_told),
		cmocka_unit_test(test_a_block_begins_at_the_leaf_and_may_be_shorter),
		cmocka_unit_test(test_dots_stand_for_any_number_of_frames),
		cmocka_unit_test(test_functions_have_several_names),
		cmocka_unit_test(test_what_has_no_name_matches_only_a_star),
		cmocka_unit_test(test_sources_are_files_and_lines),
		cmocka_unit_test(test_the_allocation_function_is_in_blocks_but_not_in_stacks),
		cmocka_unit_test(test_operators_that_are_in_stacks_are_the_allocation_function),
		cmocka_unit_test(test_patterns_do_not_hide_everything_by_the_allocation_function),
		cmocka_unit_test(test_kinds_can_be_told),
		cmocka_unit_test(test_blocks_of_other_tools_and_kinds_are_taken_and_never_match),
		cmocka_unit_test(test_both_forms_comments_and_line_ends_may_be_mixed),
		cmocka_unit_test(test_what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(test_lengths_and_numbers_are_bounded),
		cmocka_unit_test(test_files_are_read_or_it_is_told_why_not),
		cmocka_unit_test(test_the_first_rule_that_matches_counts_and_is_told),
		cmocka_unit_test(test_what_is_lost_with_something_hidden_is_hidden_too),
		cmocka_unit_test(test_the_order_holds_for_many_rules),
		cmocka_unit_test(test_own_rules_hide_the_libraries_and_not_the_program),
		cmocka_unit_test(test_matching_takes_no_longer_than_pattern_times_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
