// SPDX-License-Identifier: Apache-2.0
// Dumps: writing the profile, from within the program.  INSIDE.
#include "control/dump.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/other_stack.h"
#include "base/system.h"
#include "base/text.h"
#include "control/control.h"
#include "control/message.h"
#include "control/pattern.h"
#include "control/quiet.h"
#include "ledger/read.h"
#include "pprof/writer.h"
#include "profile/from_ledger.h"
#include "shim/profiler.h"

#define MAX_KEEP 65536
#define RENAME_NO_REPLACE 1
#define STACK_BYTES (256 * 1024)
#define NOT_REGULAR 10000 // no errno value
#define FILE_MODE 0600 // a profile tells a command line

// What names one numbered dump, apart from what is constant.
struct numbered {
	uint32_t number;
	int64_t time_s;
};

static struct {
	_Atomic uint32_t lock; // tid of the thread that is dumping
	uint32_t last_number;
	uint64_t num_written;   // numbered dumps
	bool is_over;           // the last one is under way or done; under the lock
	struct numbered *kept;  // ring of the newest CAIRN_KEEP; NULL: all are kept
	int pid;                // for names
} dump;

int dump_get_pid(void)
{
	return dump.pid;
}

void dump_init(void)
{
	struct numbered *kept = dump.kept;
	if (!kept && control.config.keep)
		kept = system_map(MAX_KEEP * sizeof(struct numbered));
	memset(&dump, 0, sizeof(dump));
	dump.kept = kept;
	dump.pid = system_pid();
}

static bool lock(void)
{
	uint32_t self = (uint32_t)system_tid();
	int64_t deadline = system_clock_ns(CLOCK_MONOTONIC) + INT64_C(10000000000);
	for (;;) {
		uint32_t holder = 0;
		if (atomic_compare_exchange_strong_explicit(&dump.lock, &holder, self, memory_order_acquire,
							    memory_order_relaxed))
			return true;
		// A fault within a dump, whose handler wants another one.
		if (holder == self || system_clock_ns(CLOCK_MONOTONIC) > deadline)
			return false;
		system_wait(&dump.lock, holder, 10000000);
	}
}

static void unlock(void)
{
	// Pairs with the acquire in lock().
	atomic_store_explicit(&dump.lock, 0, memory_order_release);
	system_wake(&dump.lock);
}

static double ticks_per_ns(const struct ledger_header *header)
{
	int64_t elapsed_ns = system_clock_ns(CLOCK_MONOTONIC) - header->start_clock_ns;
	return elapsed_ns > 0 ? (double)(system_ticks() - header->start_ticks) / (double)elapsed_ns : 0;
}

// 0 or an errno value.
static int write_profile(int fd, bool is_peak)
{
	struct arena arena, names_arena;
	struct own_names names;
	struct writer *writer;
	uint64_t start_ticks = system_ticks();
	arena_init(&arena, WRITER_ARENA_BYTES + sizeof(*writer) + 64);
	writer = arena_get(&arena, sizeof(*writer));
	if (!writer)
		return ENOMEM;
	arena_init(&names_arena, control.config.is_naming ? OWN_NAMES_ARENA_BYTES : 0); // without it names are missing
	struct profile_request request = {
		.is_peak = is_peak,
		.time_ns = system_clock_ns(CLOCK_REALTIME),
		.cpu_ns = system_clock_ns(CLOCK_PROCESS_CPUTIME_ID),
		.ticks_per_ns = ticks_per_ns(profiler.ledger.header),
		.names = own_names_init(&names, &names_arena, &profiler.ledger) ? &names : NULL,
	};
	writer_begin(writer, &arena, fd);
	profile_from_ledger(&profiler.ledger, &request, &writer->sink);
	int error = writer_end(writer);
	arena_deinit(&names_arena);
	arena_deinit(&arena);
	atomic_fetch_add_explicit(&profiler.ledger.header->dump_ticks, system_ticks() - start_ticks, memory_order_relaxed);
	return error;
}

static void make_path(struct text *path, const struct numbered *numbered, bool is_peak)
{
	const struct pattern_values values = { (uint64_t)dump.pid, numbered->number, control.program, numbered->time_s,
					       control.host };
	pattern_expand(path, control.config.out, &values, is_peak);
}

static bool has_number(void)
{
	return pattern_has_number(control.config.out);
}

static void fail(const char *what, const char *path, int error)
{
	char storage[CONFIG_MAX_PATH + 64];
	struct text detail = TEXT_ON(storage);
	ledger_count(&profiler.ledger, LEDGER_COUNTER_failed_dumps, 1);
	text_add(&detail, *path ? path : "the empty name");
	text_add(&detail, ": ");
	if (error != NOT_REGULAR) {
		text_add(&detail, "error ");
		text_add_number(&detail, (uint64_t)error);
	}
	switch (error) {
	case NOT_REGULAR: text_add(&detail, "is not a regular file, and so is not replaced"); break;
	case EISDIR: text_add(&detail, " (a directory)"); break;
	case ENOTDIR: text_add(&detail, " (not a directory)"); break;
	case ENOENT: text_add(&detail, " (no such directory)"); break;
	case EACCES: text_add(&detail, " (permission denied)"); break;
	case ENOSPC: text_add(&detail, " (no space left)"); break;
	case EROFS: text_add(&detail, " (read-only file system)"); break;
	case EMFILE: text_add(&detail, " (too many open files)"); break;
	case EFBIG: text_add(&detail, " (larger than the limit on file sizes)"); break;
	case ENAMETOOLONG: text_add(&detail, " (name too long)"); break;
	}
	message_verbose(what, storage);
}

// Rename in one step.  Without may_replace a file that is there already gives EEXIST, also on file
// systems that know rename() only.
static int put_in_place(const char *temporary, const char *path, bool may_replace)
{
	long result = may_replace ? system_call3(SYS_rename, (long)temporary, (long)path, 0)
				  : system_call6(SYS_renameat2, AT_FDCWD, (long)temporary, AT_FDCWD, (long)path,
						 RENAME_NO_REPLACE, 0);
	if (!may_replace && (result == -EINVAL || result == -ENOSYS)) {
		result = system_call3(SYS_link, (long)temporary, (long)path, 0);
		if (result == 0)
			system_call3(SYS_unlink, (long)temporary, 0, 0);
		else if (result != -EEXIST)
			result = system_call3(SYS_rename, (long)temporary, (long)path, 0);
	}
	return (int)-result;
}

// A device, a pipe, a directory or a symbolic link is not to be replaced by a file.
static bool is_special(const char *path)
{
	struct stat status;
	return system_call4(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !S_ISREG(status.st_mode);
}

// Write to a temporary name beside path, then rename: a file appears whole or not at all.
static int write_file(const char *path, bool is_peak, bool may_replace)
{
	if (is_special(path))
		return NOT_REGULAR;
	char storage[CONFIG_MAX_PATH + 32];
	struct text temporary = TEXT_ON(storage);
	text_add(&temporary, path);
	text_add(&temporary, ".");
	text_add_number(&temporary, (uint64_t)system_pid());
	text_add(&temporary, ".tmp");
	if (temporary.is_cut)
		return ENAMETOOLONG;
	system_call3(SYS_unlink, (long)storage, 0, 0); // of a process before us with our pid
	long fd = system_call3(SYS_open, (long)storage, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return (int)-fd;
	int error = write_profile((int)fd, is_peak);
	long closed = system_call3(SYS_close, fd, 0, 0);
	if (!error && closed < 0)
		error = (int)-closed;
	if (!error)
		error = put_in_place(storage, path, may_replace);
	if (error)
		system_call3(SYS_unlink, (long)storage, 0, 0);
	return error;
}

static void remove_numbered(const struct numbered *numbered)
{
	for (int is_peak = 0; is_peak <= control.config.is_peak; is_peak++) {
		char storage[CONFIG_MAX_PATH];
		struct text path = TEXT_ON(storage);
		make_path(&path, numbered, is_peak);
		system_call3(SYS_unlink, (long)storage, 0, 0);
	}
}

// Only files written by this process are removed, oldest first.
static void keep(const struct numbered *numbered)
{
	if (!dump.kept || !has_number())
		return;
	struct numbered *slot = &dump.kept[dump.num_written % control.config.keep];
	if (dump.num_written >= control.config.keep)
		remove_numbered(slot);
	*slot = *numbered;
	dump.num_written++;
}

// A number whose files exist already, from an earlier program with our pid, is passed over.
static int write_numbered(struct numbered *numbered, struct text *path)
{
	bool may_replace = !has_number();
	int error = EEXIST;
	for (int i = 0; i < 100000 && error == EEXIST; i++) {
		numbered->number = ++dump.last_number;
		path->length = 0;
		make_path(path, numbered, false);
		if (path->is_cut)
			return ENAMETOOLONG;
		if (!may_replace && system_call3(SYS_access, (long)path->start, F_OK, 0) == 0)
			continue;
		error = write_file(path->start, false, may_replace);
	}
	return error;
}

void dump_set_growth_limit(void)
{
	uint64_t live = read_live_bytes(profiler.ledger.header);
	if (control.config.growth_bytes)
		atomic_store_explicit(&profiler.growth_limit, live + (control.config.growth_bytes << LEDGER_FRACTION_BITS),
				      memory_order_relaxed);
}

static enum dump_result write_next(const char *why)
{
	char storage[CONFIG_MAX_PATH];
	struct text path = TEXT_ON(storage);
	struct numbered numbered = { .time_s = system_clock_ns(CLOCK_REALTIME) / 1000000000 };
	uint32_t first_number = dump.last_number;
	int error = write_numbered(&numbered, &path);
	if (!error && control.config.is_peak) {
		message_verbose("wrote ", storage);
		path.length = 0;
		make_path(&path, &numbered, true);
		error = path.is_cut ? ENAMETOOLONG : write_file(storage, true, true);
	}
	if (error) {
		dump.last_number = error == EEXIST ? dump.last_number : first_number;
		fail("could not write ", storage, error);
		return DUMP_FAILED;
	}
	message_verbose("wrote ", storage);
	message_verbose("  because of ", why);
	atomic_store_explicit(&profiler.ledger.header->last_dump, numbered.number, memory_order_relaxed);
	keep(&numbered);
	return DUMP_WRITTEN;
}

enum dump_what { NEXT, LAST, TO_PATH, TO_FD };

struct task {
	enum dump_what what;
	const char *string; // the reason, or the path
	int fd;
	bool is_peak;
	enum dump_result result;
};

static enum dump_result write_numbered_once(enum dump_what what, const char *why)
{
	const struct ledger_header *header = profiler.ledger.header;
	bool has_nothing = atomic_load_explicit(&header->rate_bytes, memory_order_relaxed) == 0 &&
			   read_all_samples(header) == 0;
	if (dump.is_over)
		return DUMP_BUSY;
	dump.is_over = what == LAST;
	// A ledger in a file is itself what remains.
	return what == LAST && (has_nothing || header->is_file) ? DUMP_WRITTEN : write_next(why);
}

static void run_task(void *argument)
{
	struct task *task = argument;
	if (task->what == NEXT || task->what == LAST) {
		task->result = write_numbered_once(task->what, task->string);
		dump_set_growth_limit();
		return;
	}
	int error = task->what == TO_PATH ? write_file(task->string, task->is_peak, true)
					  : write_profile(task->fd, task->is_peak);
	task->result = error ? DUMP_FAILED : DUMP_WRITTEN;
	if (error)
		fail("could not write ", task->what == TO_PATH ? task->string : "to the descriptor", error);
}

static enum dump_result run(struct task task)
{
	task.result = DUMP_BUSY;
	struct quiet quiet = quiet_begin();
	bool was_own = profiler_begin_own();
	if (!profiler_adopt()) {
		task.result = DUMP_FAILED;
	} else if (lock()) {
		void *stack = system_map(STACK_BYTES);
		task.result = DUMP_FAILED;
		if (stack)
			call_on_stack(run_task, &task, stack, STACK_BYTES);
		system_unmap(stack, STACK_BYTES);
		unlock();
	}
	profiler_end_own(was_own);
	quiet_end(&quiet);
	return task.result;
}

enum dump_result dump_write(const char *why)
{
	return run((struct task){ .what = NEXT, .string = why });
}

enum dump_result dump_write_last(const char *why)
{
	return run((struct task){ .what = LAST, .string = why });
}

enum dump_result dump_to_path(const char *path, bool is_peak)
{
	return run((struct task){ .what = TO_PATH, .string = path, .is_peak = is_peak });
}

enum dump_result dump_to_fd(int fd)
{
	return run((struct task){ .what = TO_FD, .fd = fd });
}
