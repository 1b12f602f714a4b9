// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <signal.h>
#include <string.h>

#include "control/config.h"

static char storage[512];

static bool read_one(struct config *config, const char *entry)
{
	char *environment[] = { "PATH=/bin", (char *)entry, NULL };
	struct text error = TEXT_ON(storage);
	storage[0] = 0;
	return config_read(config, environment, &error);
}

static void test_without_variables_there_are_defaults(void **state)
{
	struct config config;
	(void)state;
	assert_true(read_one(&config, "CAIRNRATE=1"));
	assert_string_equal(config.out, "cairn.%e.%p.%n.pb.gz");
	assert_int_equal(config.rate_bytes, 512 * 1024);
	assert_int_equal(config.memory_bytes, 64 << 20);
	assert_int_equal(config.signal, 0);
	assert_true(read_one(&config, "CAIRN_RATE=1"));
	assert_int_equal(config.memory_bytes, 1 << 30);
}

static void test_good_values_are_taken(void **state)
{
	struct config config;
	(void)state;
	assert_true(read_one(&config, "CAIRN_RATE=0") && config.rate_bytes == 0);
	assert_true(read_one(&config, "CAIRN_RATE=2M") && config.rate_bytes == 2 << 20);
	assert_true(read_one(&config, "CAIRN_SEED=0") && config.has_seed && config.seed == 0);
	assert_true(read_one(&config, "CAIRN_INTERVAL=5m") && config.interval_ns == INT64_C(300000000000));
	assert_true(read_one(&config, "CAIRN_KEEP=3") && config.keep == 3);
	assert_true(read_one(&config, "CAIRN_SIGNAL=USR2") && config.signal == SIGUSR2);
	assert_true(read_one(&config, "CAIRN_SIGNAL=SIGUSR1") && config.signal == SIGUSR1);
	assert_true(read_one(&config, "CAIRN_SIGNAL=12") && config.signal == 12);
	assert_true(read_one(&config, "CAIRN_SIGNAL=RTMIN+3") && config.signal == 37);
	assert_true(read_one(&config, "CAIRN_SIGNAL=SIGRTMIN") && config.signal == 34);
	assert_true(read_one(&config, "CAIRN_DUMP_GROWTH=100M") && config.growth_bytes == 100 << 20);
	assert_true(read_one(&config, "CAIRN_SYMBOLIZE=names") && config.is_naming);
	assert_true(read_one(&config, "CAIRN_SYMBOLIZE=none") && !config.is_naming);
	assert_true(read_one(&config, "CAIRN_FATAL=1") && config.is_fatal);
	assert_true(read_one(&config, "CAIRN_FATAL=0") && !config.is_fatal);
	assert_true(read_one(&config, "CAIRN_OUT=/x/%p.%n.%e.%t.%h.%%") && strcmp(config.out, "/x/%p.%n.%e.%t.%h.%%") == 0);
}

static void test_bad_values_are_named_with_what_is_accepted(void **state)
{
	static const char *const bad[] = {
		"CAIRN_RATE=fast", "CAIRN_RATE=-1", "CAIRN_RATE=1025G", "CAIRN_SEED=x", "CAIRN_MEMORY=1",
		"CAIRN_MEMORY=64G", "CAIRN_INTERVAL=0", "CAIRN_INTERVAL=1ms", "CAIRN_INTERVAL=5d", "CAIRN_KEEP=0",
		"CAIRN_KEEP=65537", "CAIRN_SIGNAL=KILL", "CAIRN_SIGNAL=9", "CAIRN_SIGNAL=SEGV", "CAIRN_SIGNAL=0",
		"CAIRN_SIGNAL=65", "CAIRN_SIGNAL=RTMIN+31", "CAIRN_SIGNAL=RTMAX", "CAIRN_SIGNAL=usr2", "CAIRN_DUMP_GROWTH=0",
		"CAIRN_PEAK=yes", "CAIRN_FATAL=2", "CAIRN_OUT=a%q", "CAIRN_OUT=a%", "CAIRN_PID=0", "CAIRN_PID=4G", "CAIRN_PID=me",
		"CAIRN_VERIFY_STACKS=x", "CAIRN_SYMBOLIZE=1", "CAIRN_SYMBOLIZE=lines",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config config;
		char expected[100] = "";
		assert_false(read_one(&config, bad[i]));
		strcat(strcat(expected, bad[i]), ": expected ");
		assert_memory_equal(storage, expected, strlen(expected));
		assert_null(strchr(storage, '\n')); // part of one line
	}
}

static void test_a_value_without_end_is_cut_in_the_message(void **state)
{
	struct config config;
	static char entry[100000] = "CAIRN_RATE=";
	(void)state;
	memset(entry + 11, 'x', sizeof(entry) - 12);
	assert_false(read_one(&config, entry));
	assert_true(strlen(storage) < 512);
	memcpy(entry, "CAIRN_OUT=/", 11);
	assert_false(read_one(&config, entry));
}

static void test_only_names_whole_programs(void **state)
{
	struct config config;
	(void)state;
	assert_true(read_one(&config, "CAIRN_ONLY=redis-server,git"));
	assert_true(config_is_wanted(&config, "git"));
	assert_true(config_is_wanted(&config, "redis-server"));
	assert_false(config_is_wanted(&config, "redis"));
	assert_false(config_is_wanted(&config, "gitk"));
	assert_false(config_is_wanted(&config, ""));
	assert_true(read_one(&config, "CAIRN_ONLY=ls, git ,true"));
	assert_true(config_is_wanted(&config, "git"));
	assert_true(config_is_wanted(&config, "true"));
	assert_true(read_one(&config, "NOTHING=1"));
	assert_true(config_is_wanted(&config, "anything"));
}

static void test_an_empty_variable_is_not_set(void **state)
{
	struct config config;
	(void)state;
	assert_true(read_one(&config, "CAIRN_RATE=") && config.rate_bytes == 512 * 1024);
	assert_true(read_one(&config, "CAIRN_SIGNAL=") && config.signal == 0);
	assert_true(read_one(&config, "CAIRN_OUT=") && strcmp(config.out, "cairn.%e.%p.%n.pb.gz") == 0);
}

static void test_a_misspelt_variable_is_noticed(void **state)
{
	const char *name;
	(void)state;
	assert_false(config_is_known("CAIRN_RTE=1", &name));
	assert_string_equal(name, "CAIRN_RTE=1");
	assert_true(config_is_known("CAIRN_RATE=1", &name));
	assert_true(config_is_known("PATH=/bin", &name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_variables_there_are_defaults),
		cmocka_unit_test(test_good_values_are_taken),
		cmocka_unit_test(test_bad_values_are_named_with_what_is_accepted),
		cmocka_unit_test(test_a_value_without_end_is_cut_in_the_message),
		cmocka_unit_test(test_only_names_whole_programs),
		cmocka_unit_test(test_an_empty_variable_is_not_set),
		cmocka_unit_test(test_a_misspelt_variable_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
