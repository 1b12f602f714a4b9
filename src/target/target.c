// SPDX-License-Identifier: Apache-2.0
// Target: a ledger to be read, as a private copy.  OUTSIDE.
#include "target/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/system.h"
#include "base/text.h"
#include "target/image.h"
#include "target/owner.h"
#include "target/process.h"
#include "target/source.h"

#define BLOCKS_AT_ONCE 4096

struct target {
	struct source source;
	struct image images[2]; // the current one, and one for the next copy
	int current;
	bool is_running; // at the moment of the copy
	char program[256];
};

static const char *name_of(const struct target *target, char *storage, size_t size_bytes)
{
	if (target->source.path)
		return target->source.path;
	snprintf(storage, size_bytes, "%d", (int)target->source.pid);
	return storage;
}

static const struct image *current(const struct target *target)
{
	return &target->images[target->current];
}

static bool has_process(const struct target *target)
{
	return source_has_process(&target->source, current(target)->ledger.header->start_ticks);
}

bool target_refresh(struct target *target, struct error *error)
{
	struct image *next = &target->images[!target->current];
	char storage[32];
	// Asked before: what is copied when the process is gone is the last there is.
	bool is_running = current(target)->memory && has_process(target);
	if (!image_copy(next, &target->source, error))
		return error_prefix(error, name_of(target, storage, sizeof(storage)));
	target->is_running = is_running;
	target->current = !target->current;
	return true;
}

static void read_program(struct target *target)
{
	const struct ledger *ledger = target_ledger(target);
	const char *path = read_string(ledger, ledger->header->program);
	struct text program = TEXT_ON(target->program);
	text_add(&program, *path ? text_base_name(path) : "unknown");
	for (char *at = target->program; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
}

// Take the first copy; the source is the target's from now on.
static bool open_source(struct target **target, struct source source, struct error *error)
{
	struct target *opened = calloc(1, sizeof(*opened));
	if (!opened) {
		source_close(&source);
		return error_set(error, "out of memory");
	}
	opened->source = source;
	if (!target_refresh(opened, error)) {
		target_close(opened);
		return false;
	}
	opened->is_running = has_process(opened);
	read_program(opened);
	*target = opened;
	return true;
}

bool target_open_file(struct target **target, const char *path, struct error *error)
{
	struct source source;
	if (!source_open_file(&source, path, error) || !open_source(target, source, error))
		return false;
	// Only what was checked tells whose it is.
	owner_find(&(*target)->source, target_ledger(*target)->header);
	(*target)->is_running = has_process(*target);
	return true;
}

static bool open_process(struct target **target, pid_t pid, struct error *error)
{
	struct source source;
	return source_open_process(&source, pid, error) && open_source(target, source, error);
}

bool target_open(struct target **target, const char *name, struct error *error)
{
	size_t num_digits = strspn(name, "0123456789");
	if (!*name)
		return error_set(error, "'': is neither a process id nor a ledger");
	if (num_digits == 0 || name[num_digits])
		return target_open_file(target, name, error);
	errno = 0;
	long pid = strtol(name, NULL, 10);
	if (errno || pid < 1 || pid > INT32_MAX)
		return error_set(error, "%s: is no process id", name);
	return open_process(target, (pid_t)pid, error);
}

void target_close(struct target *target)
{
	if (!target)
		return;
	for (int i = 0; i < 2; i++)
		image_deinit(&target->images[i]);
	source_close(&target->source);
	free(target);
}

const struct ledger *target_ledger(const struct target *target)
{
	return &current(target)->ledger;
}

int64_t target_time_ns(const struct target *target)
{
	return current(target)->time_ns;
}

double target_ticks_per_ns(const struct target *target)
{
	const struct ledger_header *header = target_ledger(target)->header;
	double measured = read_ticks_per_ns(target_ledger(target));
	if (!target->is_running)
		return measured;
	// The clock and the counter are the machine's: over the longest time there is.
	int64_t elapsed_ns = system_clock_ns(CLOCK_MONOTONIC) - header->start_clock_ns;
	uint64_t now = system_ticks();
	return elapsed_ns > 0 && now > header->start_ticks ? (double)(now - header->start_ticks) / (double)elapsed_ns : measured;
}

uint64_t target_now_ticks(const struct target *target)
{
	const struct ledger_header *header = target_ledger(target)->header;
	uint64_t late = header->late_ticks > header->peak_ticks ? header->late_ticks : header->peak_ticks;
	double lifetime_ns = (double)(header->end_time_ns - header->start_time_ns);
	if (target->is_running)
		return current(target)->ticks;
	if (!header->end_time_ns || !(lifetime_ns > 0) || lifetime_ns > 1e18)
		return late;
	return header->start_ticks + (uint64_t)(lifetime_ns * read_ticks_per_ns(target_ledger(target)));
}

pid_t target_pid(const struct target *target)
{
	return target->is_running ? target->source.pid : 0;
}

const char *target_path(const struct target *target)
{
	return target->source.path;
}

const char *target_program(const struct target *target)
{
	return target->program;
}

static bool visit_blocks(const struct ledger_block *blocks, uint64_t num,
			 bool (*visit)(void *context, const struct target_block *block), void *context)
{
	for (uint64_t i = 0; i < num; i++) {
		struct target_block block = { blocks[i].address, blocks[i].size_bytes, blocks[i].weight,
					      blocks[i].birth * LEDGER_BIRTH_TICKS, blocks[i].site, blocks[i].is_inherited == 1 };
		if (block.address && block.site && !visit(context, &block))
			return false;
	}
	return true;
}

bool target_read_blocks(struct target *target, uint64_t max_blocks,
			bool (*visit)(void *context, const struct target_block *block), void *context, struct error *error)
{
	const struct ledger_region *region = &target_ledger(target)->header->regions[LEDGER_BLOCKS];
	uint64_t num = read_num(target_ledger(target), LEDGER_BLOCKS);
	struct ledger_block *blocks = malloc(BLOCKS_AT_ONCE * sizeof(*blocks));
	bool is_read = blocks != NULL || error_set(error, "out of memory");
	num = num < max_blocks ? num : max_blocks;
	for (uint64_t i = 1; is_read && i < num; i += BLOCKS_AT_ONCE) {
		uint64_t num_now = num - i < BLOCKS_AT_ONCE ? num - i : BLOCKS_AT_ONCE;
		memset(blocks, 0, num_now * sizeof(*blocks)); // holes are left as they are
		is_read = source_read(&target->source, region->offset + i * sizeof(*blocks), blocks, num_now * sizeof(*blocks), error);
		if (is_read && !visit_blocks(blocks, num_now, visit, context))
			break;
	}
	free(blocks);
	return is_read;
}
