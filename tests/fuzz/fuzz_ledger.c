// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: a ledger that somebody has damaged is refused or read, whatever is in it.
 *
 * The input is what is done to a small sound ledger, as a ledger itself is large and mostly empty:
 *   1 byte   mode, bits of enum mode
 *   4 bytes  size of the truncated ledger (modulo that of the whole), if the mode says so
 *   then any number of patches: 1 byte where (0: header, then the regions, then what the header says of each
 *   region), 2 bytes offset from there, 1 byte number of bytes (modulo 16), these bytes
 * Everything in ledger/read.h is asked for everything there is, and it is made into a profile.
 */
#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ledger/blocks.h"
#include "ledger/mappings.h"
#include "ledger/read.h"
#include "ledger/sites.h"
#include "ledger/tree.h"
#include "pprof/writer.h"
#include "profile/from_ledger.h"
#include "profile/store.h"
#include "target/target.h"
#include "unit/tallying.h"

#define MAX_PATCHES 64
#define MAX_FRAMES 700

enum mode {
	MODE_PEAK = 1,
	MODE_FILE = 2,   // opened as `cairn dump FILE` does
	MODE_WRITE = 4,  // into profile.proto, else into a store
	MODE_TRUNCATE = 8,
};

struct input {
	const uint8_t *at, *limit;
};

struct patch {
	size_t offset, num_bytes;
};

static struct ledger sound;
static size_t total_bytes;
static int file;      // in memory, as large as the ledger
static char *damaged; // its mapping
static char path[64]; // its path
static volatile uint64_t seen; // what was read, so that reading is not optimised away

static void fill(struct ledger *ledger)
{
	struct mapping program = { .start = 0x400000, .limit = 0x480000, .path = "/bin/program", .build_id = "ab12" };
	struct mapping library = { .start = 0x7f0000000000, .limit = 0x7f0000100000, .offset = 0x1000,
				   .path = "/lib/library.so", .build_id = "" };
	ledger->header->command_line = ledger_add_string(ledger, "program --flag");
	ledger->header->program = ledger_add_string(ledger, "/bin/program");
	mapping_add(ledger, &program);
	mapping_add(ledger, &library);
	struct ledger_writer lanes[2];
	ledger_writer_init(&lanes[0], ledger, 0);
	ledger_writer_init(&lanes[1], ledger, 1);
	uint32_t node = 0;
	for (uint64_t i = 0; i < 40; i++) {
		uint32_t frame = tree_get_frame(ledger, 1 + i % 2, (i % 2 ? 0x7f0000000000 : 0x400000) + 16 * i);
		node = tree_get_node(ledger, i % 10 ? node : 0, frame);
		uint32_t site = site_get(ledger, node, 0, 0);
		struct block block = { .address = 0x10000 + 64 * i, .size_bytes = i, .weight = LEDGER_ONE, .site = site }, replaced;
		add_allocation(&lanes[i % 2], site, 100 + i, 3 * LEDGER_ONE);
		add_block(&lanes[0], &block, &replaced);
		if (i % 3 == 0)
			add_freeing(&lanes[i % 4 / 2], site, 100 + i, 3 * LEDGER_ONE);
	}
}

// What is in use, from one copy of the ledger to another.
static void copy_used(char *to, const char *from)
{
	const struct ledger_header *header = sound.header;
	memcpy(to, from, sizeof(*header));
	for (int i = 0; i < LEDGER_NUM_REGIONS; i++) {
		const struct ledger_region *region = &header->regions[i];
		uint64_t num = header->regions[ledger_counted_by((enum ledger_region_number)i)].num_used;
		memcpy(to + region->offset, from + region->offset, num * region->element_bytes);
	}
}

static void must(bool condition, const char *what)
{
	if (!condition) {
		perror(what);
		abort();
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	must(ledger_create(&sound, 1 << 20, 512), "ledger_create");
	total_bytes = sound.header->total_bytes;
	must(mprotect(sound.header, total_bytes, PROT_READ | PROT_WRITE) == 0, "mprotect");
	fill(&sound);
	file = memfd_create("damaged", MFD_CLOEXEC);
	must(file >= 0 && ftruncate(file, (off_t)total_bytes) == 0, "memfd_create");
	damaged = mmap(NULL, total_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	must(damaged != MAP_FAILED, "mmap");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	copy_used(damaged, (const char *)sound.header);
	return 0;
}

// The next bytes of the input as a number; 0 for those that it does not have.
static uint32_t take_number(struct input *input, int num_bytes)
{
	uint32_t number = 0;
	for (int i = 0; i < num_bytes && input->at < input->limit; i++)
		number |= (uint32_t)*input->at++ << (8 * i);
	return number;
}

static size_t find_start(uint32_t where)
{
	if (where == 0)
		return 0;
	if (where <= LEDGER_NUM_REGIONS)
		return sound.header->regions[where - 1].offset;
	return offsetof(struct ledger_header, regions) + (where - 1 - LEDGER_NUM_REGIONS) * sizeof(struct ledger_region);
}

static bool take_patch(struct input *input, struct patch *patch)
{
	size_t start = find_start(take_number(input, 1) % (1 + 2 * LEDGER_NUM_REGIONS));
	patch->offset = start + take_number(input, 2);
	patch->num_bytes = take_number(input, 1) % 16;
	size_t left = (size_t)(input->limit - input->at);
	if (patch->num_bytes > left)
		patch->num_bytes = left;
	if (patch->offset > total_bytes - patch->num_bytes)
		return false;
	memcpy(damaged + patch->offset, input->at, patch->num_bytes);
	input->at += patch->num_bytes;
	return true;
}

static void read_everything(const struct ledger *ledger)
{
	struct tally tally;
	uint32_t frames[MAX_FRAMES], mapping;
	uint64_t address;
	for (uint32_t i = 0; i < read_num(ledger, LEDGER_SITES); i++)
		if (read_site(ledger, i, &tally))
			seen += tally.live_bytes + read_stack(ledger, i, frames, MAX_FRAMES);
	for (uint32_t i = 0; i < read_num(ledger, LEDGER_FRAMES); i++)
		seen += read_frame(ledger, i, &mapping, &address);
	for (uint32_t i = 0; i < read_num(ledger, LEDGER_MAPPINGS); i++) {
		const struct ledger_mapping *found = read_mapping(ledger, i);
		if (found)
			seen += strlen(read_string(ledger, found->path)) + strlen(read_string(ledger, found->build_id));
	}
	read_total(ledger, &tally);
	seen += strlen(read_string(ledger, ledger->header->program)) + tally.live_bytes + read_num_samples(ledger) +
		read_is_estimate(ledger) + read_num_lost(ledger) + (read_ticks_per_ns(ledger) > 0) + read_peak_bytes(ledger);
}

static void write_profile(const struct ledger *ledger, const struct profile_request *request)
{
	struct arena arena;
	struct writer writer;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	arena_init(&arena, WRITER_ARENA_BYTES);
	writer_begin(&writer, &arena, null);
	profile_from_ledger(ledger, request, &writer.sink);
	writer_end(&writer);
	arena_deinit(&arena);
	close(null);
}

static void use(const struct ledger *ledger, uint32_t mode)
{
	const struct profile_request request = { .is_peak = mode & MODE_PEAK, .time_ns = 1, .cpu_ns = 1, .ticks_per_ns = 1 };
	read_everything(ledger);
	if (mode & MODE_WRITE) {
		write_profile(ledger, &request);
		return;
	}
	struct store *store = store_create(1);
	profile_from_ledger(ledger, &request, store_begin(store, 0, STORE_ADD));
	store_destroy(store);
}

static void use_memory(size_t size_bytes, uint32_t mode)
{
	struct ledger opened;
	ASAN_POISON_MEMORY_REGION(damaged + size_bytes, total_bytes - size_bytes);
	if (!ledger_open(&opened, damaged, size_bytes))
		use(&opened, mode);
	ASAN_UNPOISON_MEMORY_REGION(damaged, total_bytes);
}

static bool visit_block(void *context, const struct target_block *block)
{
	(void)context;
	seen += block->size_bytes + block->site;
	return true;
}

static void use_file(size_t size_bytes, uint32_t mode)
{
	struct target *target;
	struct error error;
	must(ftruncate(file, (off_t)size_bytes) == 0, "ftruncate");
	if (target_open_file(&target, path, &error)) {
		use(target_ledger(target), mode);
		target_refresh(target, &error);
		target_read_blocks(target, 1000, visit_block, NULL, &error);
		seen += target_now_ticks(target) + (target_ticks_per_ns(target) > 0) + strlen(target_program(target)) +
			(uint64_t)target_pid(target);
		target_close(target);
	} else {
		must(error.message[0] != 0, "an error without a message");
	}
	must(ftruncate(file, (off_t)total_bytes) == 0, "ftruncate");
	if (size_bytes < total_bytes)
		copy_used(damaged, (const char *)sound.header);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
	struct input input = { bytes, bytes + num_bytes };
	struct patch patches[MAX_PATCHES];
	size_t num_patches = 0;
	uint32_t mode = take_number(&input, 1);
	size_t size_bytes = mode & MODE_TRUNCATE ? take_number(&input, 4) % (total_bytes + 1) : total_bytes;
	while (input.at < input.limit && num_patches < MAX_PATCHES && take_patch(&input, &patches[num_patches]))
		num_patches++;
	if (mode & MODE_FILE)
		use_file(size_bytes, mode);
	else
		use_memory(size_bytes, mode);
	for (size_t i = 0; i < num_patches; i++)
		memcpy(damaged + patches[i].offset, (const char *)sound.header + patches[i].offset, patches[i].num_bytes);
	return 0;
}
