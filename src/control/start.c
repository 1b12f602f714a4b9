// SPDX-License-Identifier: Apache-2.0
/*
 * Start: from a process without a profiler to one with it.  INSIDE.
 *
 * Two steps.  profiler_start() runs within the first allocation that comes after libc is ready, mostly
 * in a constructor of some library; it may do nothing that allocates or waits.  The constructor here
 * runs later, outside of any allocation, and does the rest.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/system.h"
#include "base/text.h"
#include "control/config.h"
#include "control/control.h"
#include "control/dump.h"
#include "control/exits.h"
#include "control/forks.h"
#include "control/helper.h"
#include "control/message.h"
#include "control/signals.h"
#include "shim/profiler.h"
#include "shim/real.h"
#include "unwind/verify.h"

#define EXPORT __attribute__((visibility("default")))

// Rules of places in the code that are remembered: 16 bytes each, taken as they are needed.
#define EXACT_RULES (UINT64_C(1) << 18)
#define SAMPLED_RULES (UINT64_C(1) << 14)

extern char **environ __attribute__((weak));
extern unsigned long getauxval(unsigned long) __attribute__((weak));

struct control control;

// A whole small file; its length, 0 if it cannot be read.
static size_t read_file(const char *path, char *to, size_t size_bytes)
{
	long fd = system_call3(SYS_open, (long)path, O_RDONLY | O_CLOEXEC, 0);
	size_t length = 0;
	long got;
	if (fd < 0)
		return 0;
	while (length < size_bytes && (got = system_call3(SYS_read, fd, (long)(to + length), (long)(size_bytes - length))) > 0)
		length += (size_t)got;
	system_call3(SYS_close, fd, 0, 0);
	return length;
}

struct identity {
	char executable[CONFIG_MAX_PATH];
	char command_line[1024]; // arguments separated by spaces
	char first_argument[CONFIG_MAX_PATH];
};

static void read_identity(struct identity *identity)
{
	long length = system_call3(SYS_readlink, (long)"/proc/self/exe", (long)identity->executable,
				   sizeof(identity->executable) - 1);
	identity->executable[length > 0 ? length : 0] = 0;
	size_t num_bytes = read_file("/proc/self/cmdline", identity->command_line, sizeof(identity->command_line) - 1);
	identity->command_line[num_bytes] = 0;
	memcpy(identity->first_argument, identity->command_line, strlen(identity->command_line) + 1);
	for (size_t i = 0; i + 1 < num_bytes; i++)
		if (identity->command_line[i] == 0)
			identity->command_line[i] = ' ';
	struct text program = TEXT_ON(control.program);
	text_add(&program, identity->executable[0] ? text_base_name(identity->executable) : "unknown");
	num_bytes = read_file("/proc/sys/kernel/hostname", control.host, sizeof(control.host) - 1);
	while (num_bytes && (control.host[num_bytes - 1] == '\n' || control.host[num_bytes - 1] == 0))
		num_bytes--;
	control.host[num_bytes] = 0;
}

static bool is_wanted(const struct identity *identity)
{
	return config_is_wanted(&control.config, control.program) ||
	       config_is_wanted(&control.config, text_base_name(identity->first_argument));
}

// Readers take the first mapping for the main program.
static void enter_main_program(void)
{
	struct place place;
	if (&getauxval)
		rules_find(&profiler.rules, &profiler.ledger, getauxval(AT_ENTRY), true, &place);
}

static void after_adoption(void)
{
	if (dump_get_pid() != system_pid()) // a raw clone(): the handlers of fork() did not run
		dump_init();
	dump_set_growth_limit();
}

// A path that is not absolute is taken from the directory in which the program starts, wherever it goes
// later.  One that is then too long stays as it is.
static void make_absolute(char *path, bool is_pattern)
{
	static char directory[CONFIG_MAX_PATH], absolute[CONFIG_MAX_PATH];
	struct text text = TEXT_ON(absolute);
	if (path[0] == '/' || system_call3(SYS_getcwd, (long)directory, sizeof(directory), 0) <= 0 || directory[0] != '/')
		return;
	for (const char *at = directory; *at; at++)
		text_add(&text, is_pattern && *at == '%' ? "%%" : (char[]){ *at, 0 });
	text_add(&text, "/");
	text_add(&text, path);
	if (!text.is_cut)
		memcpy(path, absolute, text.length + 1);
}

static void note_unknown_variables(void)
{
	const char *name;
	for (char **entry = environ; *entry; entry++)
		if (!config_is_known(*entry, &name))
			message_verbose("there is no such variable: ", name);
}

static void note_no_file(int error)
{
	char storage[CONFIG_MAX_PATH + 128];
	struct text detail = TEXT_ON(storage);
	text_add(&detail, control.config.ledger);
	text_add(&detail, ": error ");
	text_add_number(&detail, (uint64_t)error);
	if (error == EPERM)
		text_add(&detail, " (others than its owner or root may replace files in it)");
	message_verbose("the ledger is kept in memory, since it cannot be in ", storage);
}

static bool set_up(void)
{
	struct config *config = &control.config;
	static struct identity identity; // too large for a small stack
	char storage[512];
	struct text error = TEXT_ON(storage);
	message_init();
	text_add(&error, "cairn: ");
	if (!config_read(config, environ, &error)) {
		text_add(&error, "; the program runs unprofiled\n");
		message_error(&error);
		return false;
	}
	profiler.only_pid = (int)config->only_pid;
	if (!profiler_is_wanted_here())
		return false;
	make_absolute(config->out, true);
	if (config->ledger[0])
		make_absolute(config->ledger, false);
	read_identity(&identity);
	if (!is_wanted(&identity)) {
		message_verbose("not profiled, since CAIRN_ONLY does not name it: ", control.program);
		return false;
	}
	uint64_t num_rules = config->rate_bytes == 1 ? EXACT_RULES : SAMPLED_RULES;
	profiler.storage = (struct storage){ config->ledger[0] ? config->ledger : NULL, control.program };
	int why_no_file = 0;
	if (!ledger_create_in(&profiler.ledger, &profiler.storage, config->memory_bytes, config->rate_bytes, &why_no_file) ||
	    !rules_init(&profiler.rules, num_rules) || !lanes_init(&profiler.lanes, config->rate_bytes == 1)) {
		message_verbose("no memory for the ledger: not profiled", NULL);
		if (profiler.ledger.header && profiler.ledger.header->is_file)
			storage_remove(&profiler.storage);
		ledger_destroy(&profiler.ledger);
		return false;
	}
	profiler.ledger.header->command_line = ledger_add_string(&profiler.ledger, identity.command_line);
	profiler.ledger.header->program = ledger_add_string(&profiler.ledger, identity.executable);
	if (why_no_file)
		note_no_file(why_no_file);
	profiler_init_shadow();
	profiler_note_own_memory();
	profiler_init_fork_page();
	module_range((uintptr_t)&set_up, &profiler.own_start, &profiler.own_limit);
	profiler.adopted = after_adoption;
	profiler.is_seed_given = config->has_seed;
	profiler.seed = config->has_seed ? config->seed : system_ticks() ^ (uint64_t)system_pid() << 32;
	profiler.growth_limit = INT64_MAX;
	dump_set_growth_limit();
	profiler.growth_reached = helper_request_growth_dump;
	atomic_store_explicit(&profiler.rate_bytes, config->rate_bytes, memory_order_relaxed);
	enter_main_program();
	dump_init();
	message_verbose("profiling ", control.program);
	note_unknown_variables();
	return true;
}

void profiler_start(void)
{
	uint32_t state = PROFILER_NEW;
	bool is_secure = &getauxval && getauxval(AT_SECURE);
	bool is_too_early = !&environ || !environ;
	if (is_too_early && !is_secure)
		return;
	if (!atomic_compare_exchange_strong_explicit(&profiler.state, &state, PROFILER_STARTING, memory_order_acquire,
						     memory_order_relaxed))
		return;
	bool was_own = profiler_begin_own();
	state = !is_secure && set_up() ? PROFILER_ON : PROFILER_OFF;
	profiler_end_own(was_own);
	// Pairs with the acquire in profiler_is_on().
	atomic_store_explicit(&profiler.state, state, memory_order_release);
}

// With another library before this one in LD_PRELOAD, or an allocator in the program itself, its malloc is
// the one that is called.
static void note_bypass(void)
{
	if (real_is_reached())
		return;
	ledger_count(&profiler.ledger, LEDGER_COUNTER_bypassed, 1);
	message_verbose("another malloc comes before cairn's: what it serves is not seen", NULL);
}

__attribute__((constructor)) static void construct(void)
{
	real_resolve();
	if (!profiler_is_on())
		return;
	bool was_own = profiler_begin_own();
	real_probe_operators();
	note_bypass();
	exits_init();
	forks_init();
	signals_init();
	helper_init();
	if (control.config.is_verifying && verify_init())
		profiler.verify = verify_stack;
	profiler_end_own(was_own);
}

EXPORT int dlclose(void *library)
{
	real_resolve();
	if (atomic_load_explicit(&profiler.state, memory_order_acquire) != PROFILER_ON)
		return real.dlclose(library);
	rules_begin_close(&profiler.rules);
	int result = real.dlclose(library);
	rules_end_close(&profiler.rules);
	return result;
}
