// SPDX-License-Identifier: Apache-2.0
// Maps of just-in-time compilers: which line an address belongs to, whose files are believed, and those that node makes.
#include "unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbolize/perf_map.h"

static void assert_name(const struct perf_map *map, uint64_t address, const char *expected)
{
	const char *found = perf_map_find(map, address);
	if (expected) {
		assert_non_null(found);
		assert_string_equal(found, expected);
	} else {
		assert_null(found);
	}
}

static struct perf_map *create(const char *text)
{
	return perf_map_create(text, strlen(text));
}

static void test_an_address_belongs_to_the_line_that_covers_it(void **state)
{
	(void)state;
	struct perf_map *map = create("3000 10 third\n1000 20 first with spaces a.js:1\n7f0011223344 1 far\n");
	assert_name(map, 0xfff, NULL);
	assert_name(map, 0x1000, "first with spaces a.js:1");
	assert_name(map, 0x101f, "first with spaces a.js:1");
	assert_name(map, 0x1020, NULL);
	assert_name(map, 0x300f, "third");
	assert_name(map, 0x7f0011223344, "far");
	assert_name(map, 0x7f0011223345, NULL);
	perf_map_destroy(map);
}

static void test_of_lines_that_cover_an_address_the_last_is_right(void **state)
{
	(void)state;
	struct perf_map *map = create("100 100 old\n140 20 new\n150 8 newest\n1f0 20 beyond\n100 10 again\n100 8 twice\n");
	assert_name(map, 0x100, "twice");
	assert_name(map, 0x108, "again");
	assert_name(map, 0x110, "old");
	assert_name(map, 0x14f, "new");
	assert_name(map, 0x150, "newest");
	assert_name(map, 0x158, "new");
	assert_name(map, 0x160, "old");
	assert_name(map, 0x1ef, "old");
	assert_name(map, 0x1f0, "beyond");
	assert_name(map, 0x20f, "beyond");
	assert_name(map, 0x210, NULL);
	perf_map_destroy(map);
}

// Against painting bytes one by one.
static void test_random_lines_are_as_if_written_over_one_another(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 300; round++) {
		char text[4000] = "", expected[256][8] = { "" };
		for (int i = 0; i < 40; i++) {
			unsigned start = (unsigned)random() % 200, size_bytes = (unsigned)random() % 56;
			sprintf(text + strlen(text), "%x %x f%d\n", start, size_bytes, i);
			for (unsigned at = start; at < start + size_bytes; at++)
				sprintf(expected[at], "f%d", i);
		}
		struct perf_map *map = create(text);
		for (unsigned at = 0; at < 256; at++)
			assert_name(map, at, *expected[at] ? expected[at] : NULL);
		perf_map_destroy(map);
	}
}

static void test_lines_that_say_nothing_are_left_out(void **state)
{
	(void)state;
	struct perf_map *map = create("\nnonsense\n10 20\n10 20 \n-10 20 minus\n10 -2 minus\n  10 20 indented\n10 0 empty\n"
				      "fffffffffffffff0 20 around\n11112222333344445 1 large\n30 8 good\n40 8 cut");
	for (uint64_t at = 0; at < 0x30; at++)
		assert_name(map, at, NULL);
	assert_name(map, 0x30, "good");
	assert_name(map, 0x40, "cut"); // the end of a file that is being written: perhaps the name is longer
	assert_name(map, 0xfffffffffffffff5, NULL);
	perf_map_destroy(map);
	map = perf_map_create("", 0);
	assert_name(map, 0, NULL);
	perf_map_destroy(map);
	map = perf_map_create("10 8 a\0b\n20 8 c\n", 17);
	assert_name(map, 0x20, NULL); // what follows a NUL is not text
	perf_map_destroy(map);
}

static const char *own_path(void)
{
	static char path[60];
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	return path;
}

static void write_own(const char *text)
{
	FILE *file = fopen(own_path(), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_problem(uid_t user, const char *expected)
{
	const char *problem;
	assert_null(perf_map_open(getpid(), user, &problem));
	assert_string_equal(problem, expected);
}

static void test_only_regular_files_of_the_user_or_of_root_are_read(void **state)
{
	(void)state;
	const char *problem;
	unlink(own_path());
	assert_problem(getuid(), "no such file");
	assert_int_equal(mkfifo(own_path(), 0600), 0);
	assert_problem(getuid(), "not a regular file");
	unlink(own_path());
	write_own("10 8 own\n");
	struct perf_map *map = perf_map_open(getpid(), getuid(), &problem);
	assert_non_null(map);
	assert_name(map, 0x10, "own");
	perf_map_destroy(map);
	if (getuid() == 0)
		assert_int_equal(chown(own_path(), 12345, 12345), 0);
	assert_problem(54321, "belongs to another user");
	if (getuid() == 0) {
		map = perf_map_open(getpid(), 12345, &problem);
		assert_non_null(map);
		perf_map_destroy(map);
	}
	assert_int_equal(truncate(own_path(), (64 << 20) + 1), 0);
	assert_problem(getuid() == 0 ? 12345 : getuid(), "larger than 64 MiB");
	unlink(own_path());
	assert_int_equal(symlink("/proc/self/maps", own_path()), 0);
	assert_problem(getuid(), "no such file");
	unlink(own_path());
}

// Each line that node writes is found, save those of memory that was used again.
static void test_what_node_makes_is_read(void **state)
{
	(void)state;
	const char *problem;
	char path[60], line[4096];
	int num_lines = 0, num_found = 0, has_own = 0, pipes[2];
	if (access("/usr/bin/node", X_OK) != 0)
		skip();
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pipes[1], 1);
		execl("/usr/bin/node", "node", "--perf-basic-prof", "-e",
		      "function ownFunction(x) { return x * x + 1; } let s = 0; for (let i = 0; i < 1e6; i++) s += ownFunction(i);"
		      "console.log(s); setTimeout(() => {}, 60000);", (char *)NULL);
		_exit(1);
	}
	assert_true(read(pipes[0], line, sizeof(line)) > 0);
	struct perf_map *map = perf_map_open(pid, getuid(), &problem);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_non_null(map);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)pid);
	FILE *file = fopen(path, "r");
	while (fgets(line, sizeof(line), file)) {
		uint64_t start, size_bytes;
		char name[4096];
		if (sscanf(line, "%lx %lx %4095[^\n]", &start, &size_bytes, name) != 3)
			continue;
		const char *found = perf_map_find(map, start + size_bytes / 2);
		num_lines++;
		has_own += strstr(name, "ownFunction") != NULL;
		num_found += found && strcmp(found, name) == 0;
	}
	fclose(file);
	unlink(path);
	perf_map_destroy(map);
	assert_true(has_own >= 1);
	assert_true(num_lines > 100 && num_found > num_lines * 9 / 10); // some were written over
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_belongs_to_the_line_that_covers_it),
		cmocka_unit_test(test_of_lines_that_cover_an_address_the_last_is_right),
		cmocka_unit_test(test_random_lines_are_as_if_written_over_one_another),
		cmocka_unit_test(test_lines_that_say_nothing_are_left_out),
		cmocka_unit_test(test_only_regular_files_of_the_user_or_of_root_are_read),
		cmocka_unit_test(test_what_node_makes_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
