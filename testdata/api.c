// SPDX-License-Identifier: Apache-2.0
/*
 * Steers cairn through its header and prints what each call said: all must say "not loaded" when the
 * library is not there.  The argument is a directory for the dumps.
 */
#include "truth.h"

#include <cairn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { NUM_BLOCKS = 100 };

static const char *directory;
static struct truth befores = {.function = "api_before_reset"};
static struct truth stopped = {.function = "api_while_stopped"};
static struct truth afters = {.function = "api_after_reset"};

SITE static void *api_before_reset(size_t size)
{
	truth_add(&befores, size);
	return truth_keep(malloc(size));
}

SITE static void *api_while_stopped(size_t size)
{
	truth_add(&stopped, size);
	return truth_keep(malloc(size));
}

SITE static void *api_after_reset(size_t size)
{
	truth_add(&afters, size);
	return truth_keep(malloc(size));
}

static void say(const char *call, long result)
{
	dprintf(STDOUT_FILENO, "%s: %ld, errno %s\n", call, result, errno == EDOM ? "untouched" : "CHANGED");
	errno = EDOM;
}

static void dump(const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	errno = EDOM;
	say("dump", cairn_dump(path));
}

static void dump_to_descriptor(const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	errno = EDOM;
	say("dump_fd", cairn_dump_fd(fd));
	dprintf(STDOUT_FILENO, "descriptor: %s\n", close(fd) ? "CLOSED" : "still open");
}

static void print_stats(void)
{
	struct cairn_stats stats = {.size_bytes = sizeof(stats)};
	errno = EDOM;
	int result = cairn_stats(&stats);
	say("stats", result);
	if (result)
		return;
	dprintf(STDOUT_FILENO, "stat is_running %u\n", stats.is_running);
	dprintf(STDOUT_FILENO, "stat rate_bytes %lu\n", stats.rate_bytes);
	dprintf(STDOUT_FILENO, "stat allocated_objects %lu\n", stats.allocated_objects);
	dprintf(STDOUT_FILENO, "stat allocated_bytes %lu\n", stats.allocated_bytes);
	dprintf(STDOUT_FILENO, "stat live_objects %lu\n", stats.live_objects);
	dprintf(STDOUT_FILENO, "stat live_bytes %lu\n", stats.live_bytes);
	dprintf(STDOUT_FILENO, "stat live_bytes_error %lu\n", stats.live_bytes_error);
	dprintf(STDOUT_FILENO, "stat peak_bytes %lu\n", stats.peak_bytes);
	dprintf(STDOUT_FILENO, "stat num_samples %lu\n", stats.num_samples);
	dprintf(STDOUT_FILENO, "stat num_sites %lu\n", stats.num_sites);
	dprintf(STDOUT_FILENO, "stat num_dropped_stacks %lu\n", stats.num_dropped_stacks);
	dprintf(STDOUT_FILENO, "stat num_untracked %lu\n", stats.num_untracked);
	dprintf(STDOUT_FILENO, "stat num_failed_dumps %lu\n", stats.num_failed_dumps);
	dprintf(STDOUT_FILENO, "stat ledger_bytes %lu\n", stats.ledger_bytes);
	dprintf(STDOUT_FILENO, "stat num_units %lu\n", stats.num_units);
}

int main(int argc, char **argv)
{
	directory = argc > 1 ? argv[1] : ".";
	void *live[NUM_BLOCKS];
	errno = EDOM;
	say("get_rate", cairn_get_rate());
	for (int i = 0; i < NUM_BLOCKS; i++)
		live[i] = api_before_reset(10000);
	for (int i = 0; i < NUM_BLOCKS / 2; i++) {
		free(live[i]);
		truth_remove(&befores, 10000);
	}
	truth_print(&befores);
	print_stats();
	dump("before.pb.gz");

	say("stop", cairn_stop());
	say("get_rate", cairn_get_rate());
	print_stats();
	for (int i = 0; i < NUM_BLOCKS; i++)
		api_while_stopped(500);
	free(live[NUM_BLOCKS - 1]); // recorded while running, so its end is seen
	truth_remove(&befores, 10000);
	say("start", cairn_start());
	say("get_rate", cairn_get_rate());

	say("reset", cairn_reset());
	befores.alloc_objects = befores.alloc_bytes = 0; // the new epoch counts from here; live blocks stay
	for (int i = 0; i < NUM_BLOCKS; i++)
		api_after_reset(700);
	dprintf(STDOUT_FILENO, "epoch 2\n");
	truth_print(&befores);
	truth_print(&afters);
	dump("after.pb.gz");
	dump_to_descriptor("descriptor.pb.gz");
	errno = EDOM;
	say("dump NULL", cairn_dump(NULL));
	char path[4096];
	snprintf(path, sizeof(path), "%s/peak.pb.gz", directory);
	errno = EDOM;
	say("dump_peak", cairn_dump_peak(path));

	say("dump nowhere", cairn_dump("/nonexistent/directory/file.pb.gz"));
	say("dump_fd nowhere", cairn_dump_fd(-1));
	int full = open("/dev/full", O_WRONLY);
	errno = EDOM;
	say("dump_fd full", cairn_dump_fd(full));
	say("set_rate 0", cairn_set_rate(0));
	say("get_rate", cairn_get_rate());
	say("set_rate too high", cairn_set_rate(UINT64_MAX));
	say("set_rate 64K", cairn_set_rate(65536));
	say("get_rate", cairn_get_rate());
	struct cairn_stats wrong = {.size_bytes = 1};
	say("stats of no size", cairn_stats(&wrong));
	say("add_work", cairn_add_work(7));
	say("add_work", cairn_add_work(5));
	print_stats();
	return 0;
}
