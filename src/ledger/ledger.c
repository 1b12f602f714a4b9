// SPDX-License-Identifier: Apache-2.0
// Ledger: making the shared mapping and handing out its elements.  INSIDE.
#include "ledger/ledger.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/system.h"

// Tables become accessible in pieces of this size.  The rest of the address space must not be, for the
// kernel would fill all of it with pages if the program called mlockall().
#define OPEN_BYTES (UINT64_C(1) << 18)

// Memory is charged in pieces of this size: small enough to waste little, large enough to be rare.
#define CHARGE_BYTES 16384

#define NUM_MAPPINGS 65536
#define STRING_BYTES (UINT64_C(4) << 20)

struct plan {
	uint64_t element_bytes;
	uint64_t capacity;
	uint64_t charge_bytes; // 0: element_bytes
};

static bool is_buckets(int region)
{
	return region >= LEDGER_FRAME_BUCKETS;
}

static uint64_t power_of_2_below(uint64_t number)
{
	return UINT64_C(1) << (63 - __builtin_clzll(number | 1));
}

// Each table could fill the whole limit by itself: address space costs nothing, and nobody knows
// beforehand whether a program has many stacks or many blocks.  Chains stay short until the limit.
static void make_plan(struct plan plan[LEDGER_NUM_REGIONS], uint64_t limit_bytes)
{
	uint64_t most = UINT64_C(1) << 30; // indexes have 31 bits
#define TABLE(type) { sizeof(type), limit_bytes / sizeof(type) < most ? limit_bytes / sizeof(type) : most, 0 }
#define BUCKETS(bytes_each) { sizeof(uint32_t), power_of_2_below(limit_bytes / (bytes_each)), 0 }
	struct plan sites = TABLE(struct ledger_site), tallies = TABLE(struct ledger_tally);
	sites.charge_bytes = sizeof(struct ledger_site) + sizeof(struct ledger_site_epoch);
	tallies.charge_bytes = sizeof(struct ledger_tally) + sizeof(struct ledger_tally_errors);
	struct plan tables[LEDGER_NUM_REGIONS] = {
		[LEDGER_STRINGS] = { 1, STRING_BYTES, 0 },
		[LEDGER_MAPPINGS] = { sizeof(struct ledger_mapping), NUM_MAPPINGS, 0 },
		[LEDGER_FRAMES] = TABLE(struct ledger_frame),
		[LEDGER_NODES] = TABLE(struct ledger_node),
		[LEDGER_SITES] = sites,
		[LEDGER_SITE_EPOCHS] = { sizeof(struct ledger_site_epoch), sites.capacity, 0 },
		[LEDGER_TALLIES] = tallies,
		[LEDGER_TALLY_ERRORS] = { sizeof(struct ledger_tally_errors), tallies.capacity, 0 },
		[LEDGER_BLOCKS] = TABLE(struct ledger_block),
		[LEDGER_FRAME_BUCKETS] = BUCKETS(8192),
		[LEDGER_NODE_BUCKETS] = BUCKETS(256),
		[LEDGER_BLOCK_BUCKETS] = BUCKETS(512),
	};
#undef TABLE
#undef BUCKETS
	memcpy(plan, tables, sizeof(tables));
}

static uint64_t round_up(uint64_t number, uint64_t unit)
{
	return (number + unit - 1) / unit * unit;
}

static uint64_t plan_bytes(const struct plan plan[LEDGER_NUM_REGIONS])
{
	uint64_t total = round_up(sizeof(struct ledger_header), 4096);
	for (int i = 0; i < LEDGER_NUM_REGIONS; i++)
		total += round_up(plan[i].element_bytes * plan[i].capacity, 4096);
	return total;
}

// A ledger that took most of a limited address space would leave too little for the program.
static bool is_affordable(uint64_t size_bytes)
{
	struct rlimit limit;
	return system_call4(SYS_prlimit64, 0, RLIMIT_AS, 0, (long)&limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
	       size_bytes <= limit.rlim_cur / 8;
}

static bool open_one(struct ledger_header *header, enum ledger_region_number number, uint64_t num_elements)
{
	struct ledger_region *region = &header->regions[number];
	uint64_t whole_bytes = round_up(region->capacity * region->element_bytes, 4096);
	uint64_t size_bytes = round_up(num_elements * region->element_bytes, OPEN_BYTES);
	size_bytes = size_bytes < whole_bytes ? size_bytes : whole_bytes;
	uint64_t before = atomic_load_explicit(&region->open_bytes, memory_order_relaxed);
	if (size_bytes <= before)
		return true;
	// From the start: another thread may have made less accessible, but is not done yet.
	if (system_call3(SYS_mprotect, (long)((char *)header + region->offset), (long)size_bytes, PROT_READ | PROT_WRITE) != 0)
		return false;
	while (before < size_bytes && !atomic_compare_exchange_weak_explicit(&region->open_bytes, &before, size_bytes,
									     memory_order_relaxed, memory_order_relaxed))
		;
	return true;
}

static bool open_and_reserve(struct ledger_header *header, enum ledger_region_number number, uint64_t from, uint64_t limit)
{
	const struct ledger_region *region = &header->regions[number];
	return open_one(header, number, limit) &&
	       (!header->is_file || is_buckets(number) ||
		storage_reserve((char *)header + region->offset, from * region->element_bytes, limit * region->element_bytes));
}

bool ledger_open_up(struct ledger_header *header, enum ledger_region_number number, uint64_t from, uint64_t limit)
{
	return open_and_reserve(header, number, from, limit) &&
	       (number != LEDGER_SITES || open_and_reserve(header, LEDGER_SITE_EPOCHS, from, limit)) &&
	       (number != LEDGER_TALLIES || open_and_reserve(header, LEDGER_TALLY_ERRORS, from, limit));
}

void ledger_attach(struct ledger *ledger, struct ledger_header *header)
{
	char *start = (char *)header;
#define AT(number) ((void *)(start + header->regions[number].offset))
	*ledger = (struct ledger){
		.header = header,
		.strings = AT(LEDGER_STRINGS),
		.mappings = AT(LEDGER_MAPPINGS),
		.frames = AT(LEDGER_FRAMES),
		.nodes = AT(LEDGER_NODES),
		.sites = AT(LEDGER_SITES),
		.epochs = AT(LEDGER_SITE_EPOCHS),
		.tallies = AT(LEDGER_TALLIES),
		.errors = AT(LEDGER_TALLY_ERRORS),
		.blocks = AT(LEDGER_BLOCKS),
		.frame_buckets = AT(LEDGER_FRAME_BUCKETS),
		.node_buckets = AT(LEDGER_NODE_BUCKETS),
		.block_buckets = AT(LEDGER_BLOCK_BUCKETS),
		.num_block_buckets = header->regions[LEDGER_BLOCK_BUCKETS].capacity,
	};
#undef AT
}

static bool lay_out(struct ledger_header *header, const struct plan plan[LEDGER_NUM_REGIONS])
{
	bool has_room = true;
	uint64_t offset = round_up(sizeof(*header), 4096);
	header->charged_bytes = offset;
	for (int i = 0; i < LEDGER_NUM_REGIONS; i++) {
		struct ledger_region *region = &header->regions[i];
		region->offset = offset;
		region->element_bytes = plan[i].element_bytes;
		region->charge_bytes = plan[i].charge_bytes ? plan[i].charge_bytes : plan[i].element_bytes;
		region->capacity = plan[i].capacity;
		region->num_used = is_buckets(i) ? plan[i].capacity : 1;
		region->num_paid = region->num_used;
		header->charged_bytes += region->num_paid * region->charge_bytes;
		offset += round_up(plan[i].element_bytes * plan[i].capacity, 4096);
	}
	for (int i = 0; i < LEDGER_NUM_REGIONS; i++)
		has_room = has_room && ledger_open_up(header, i, 0, header->regions[i].num_paid);
	return has_room;
}

// False: there is not even room for these.
static bool add_special_frames(struct ledger *ledger)
{
	for (int i = 0; i < LEDGER_NUM_SPECIAL_FRAMES; i++)
		if (!ledger_add(ledger, LEDGER_FRAMES, 1))
			return false;
	uint32_t node = ledger_add(ledger, LEDGER_NODES, 1), site = ledger_add(ledger, LEDGER_SITES, 1);
	uint32_t tally = ledger_add(ledger, LEDGER_TALLIES, 1);
	if (!node || !site || !tally)
		return false;
	ledger->nodes[node].frame = LEDGER_FRAME_FULL;
	ledger->nodes[node].sites = site;
	ledger->sites[site].node = node;
	ledger->sites[site].tallies = tally;
	ledger->tallies[tally].site = site;
	return true;
}

// Field 22 of /proc/self/stat; the second is a name in parentheses that may hold anything.
static uint64_t read_process_start(void)
{
	char stat[512];
	long fd = system_call3(SYS_open, (long)"/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	long length = system_call3(SYS_read, fd, (long)stat, sizeof(stat) - 1);
	system_call3(SYS_close, fd, 0, 0);
	stat[length > 0 ? length : 0] = 0;
	char *at = strrchr(stat, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	uint64_t start = 0;
	for (at = at ? at + 1 : stat + sizeof(stat) - 1; *at >= '0' && *at <= '9'; at++)
		start = start * 10 + (uint64_t)(*at - '0');
	return start;
}

static void fill_in(struct ledger_header *header, uint64_t limit_bytes, uint64_t rate_bytes)
{
	struct stat namespace;
	memcpy(header->magic, LEDGER_MAGIC, sizeof(header->magic));
	header->version = LEDGER_VERSION;
	header->header_bytes = sizeof(*header);
	header->limit_bytes = limit_bytes;
	header->pid = (uint32_t)system_pid();
	if (header->is_file) {
		header->process_start = read_process_start();
		if (system_call3(SYS_stat, (long)"/proc/self/ns/pid", (long)&namespace, 0) == 0)
			header->pid_namespace = namespace.st_ino;
	}
	header->start_time_ns = system_clock_ns(CLOCK_REALTIME);
	header->start_clock_ns = system_clock_ns(CLOCK_MONOTONIC);
	header->start_ticks = system_ticks();
	atomic_store_explicit(&header->rate_bytes, rate_bytes, memory_order_relaxed);
	header->epoch_time_ns = header->start_time_ns;
}

// Only writers need the buckets, all of which must be there from the start.  In a file they would have to be
// reserved at once, which takes milliseconds.
static bool keep_buckets_apart(char *memory, const struct plan plan[LEDGER_NUM_REGIONS])
{
	uint64_t start_bytes = round_up(sizeof(struct ledger_header), 4096), total_bytes = plan_bytes(plan);
	for (int i = 0; !is_buckets(i); i++)
		start_bytes += round_up(plan[i].element_bytes * plan[i].capacity, 4096);
	return storage_map_apart(memory + start_bytes, total_bytes - start_bytes);
}

// 0 or an errno value.
static int create(struct ledger *ledger, const struct storage *storage, bool is_file, uint64_t limit_bytes, uint64_t rate_bytes)
{
	struct plan plan[LEDGER_NUM_REGIONS];
	void *memory = NULL;
	int error = ENOMEM;
	for (; limit_bytes >= LEDGER_MIN_LIMIT_BYTES; limit_bytes /= 2) {
		make_plan(plan, limit_bytes);
		if (is_affordable(plan_bytes(plan)) && (error = storage_map(storage, is_file, plan_bytes(plan), &memory)) != ENOMEM)
			break;
	}
	if (error)
		return error;
	struct ledger_header *header = memory;
	uint64_t header_bytes = round_up(sizeof(*header), 4096), total_bytes = plan_bytes(plan);
	bool is_open = system_call3(SYS_mprotect, (long)memory, (long)header_bytes, PROT_READ | PROT_WRITE) == 0;
	if (is_open && (!is_file || (storage_reserve(memory, 0, header_bytes) && keep_buckets_apart(memory, plan)))) {
		header->is_file = is_file;
		header->total_bytes = total_bytes;
		fill_in(header, limit_bytes, rate_bytes);
		bool has_room = lay_out(header, plan);
		ledger_attach(ledger, header);
		if (has_room && add_special_frames(ledger)) {
			// Pairs with the acquire in ledger_open().
			atomic_store_explicit(&header->is_ready, 1, memory_order_release);
			return 0;
		}
	}
	system_unmap(memory, total_bytes);
	if (is_file)
		storage_remove(storage);
	return ENOSPC;
}

bool ledger_create_in(struct ledger *ledger, const struct storage *storage, uint64_t limit_bytes, uint64_t rate_bytes, int *why_no_file)
{
	limit_bytes = limit_bytes < LEDGER_MIN_LIMIT_BYTES ? LEDGER_MIN_LIMIT_BYTES : limit_bytes;
	limit_bytes = limit_bytes > LEDGER_MAX_LIMIT_BYTES ? LEDGER_MAX_LIMIT_BYTES : limit_bytes;
	*why_no_file = storage->directory ? create(ledger, storage, true, limit_bytes, rate_bytes) : 0;
	return (storage->directory && !*why_no_file) || create(ledger, storage, false, limit_bytes, rate_bytes) == 0;
}

bool ledger_create(struct ledger *ledger, uint64_t limit_bytes, uint64_t rate_bytes)
{
	int why_no_file;
	return ledger_create_in(ledger, &(struct storage){ 0 }, limit_bytes, rate_bytes, &why_no_file);
}

void ledger_destroy(struct ledger *ledger)
{
	if (ledger->header)
		system_unmap(ledger->header, ledger->header->total_bytes);
	*ledger = (struct ledger){ 0 };
}

void ledger_make_private(struct ledger *ledger)
{
	struct ledger_header *header = ledger->header;
	uint64_t total_bytes = header->total_bytes;
	long memory = system_call6(SYS_mmap, 0, (long)total_bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (system_is_error(memory))
		return;
	memcpy((void *)memory, header, sizeof(*header));
	for (int i = 0; i < LEDGER_NUM_REGIONS; i++) {
		const struct ledger_region *region = &header->regions[i];
		uint64_t num_used = ledger_num_used(ledger, ledger_counted_by((enum ledger_region_number)i));
		memcpy((char *)memory + region->offset, (char *)header + region->offset, num_used * region->element_bytes);
	}
	system_call6(SYS_mremap, memory, (long)total_bytes, (long)total_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, (long)header, 0);
}

// Charge the memory limit for the next elements of a region.  False: the limit is reached.
static bool pay(struct ledger_header *header, struct ledger_region *region, uint64_t needed)
{
	uint64_t paid = atomic_load_explicit(&region->num_paid, memory_order_relaxed);
	while (paid < needed) {
		uint64_t step = CHARGE_BYTES / region->charge_bytes;
		uint64_t next = paid + step < needed ? needed : paid + step;
		next = next > region->capacity ? region->capacity : next;
		uint64_t cost = (next - paid) * region->charge_bytes;
		uint64_t before = atomic_fetch_add_explicit(&header->charged_bytes, cost, memory_order_relaxed);
		// Before another thread can see that it is paid.
		bool has_room = before + cost <= header->limit_bytes &&
				ledger_open_up(header, (enum ledger_region_number)(region - header->regions), paid, next);
		if (!has_room ||
		    !atomic_compare_exchange_strong_explicit(&region->num_paid, &paid, next,
							     memory_order_relaxed, memory_order_relaxed))
			atomic_fetch_sub_explicit(&header->charged_bytes, cost, memory_order_relaxed);
		else
			paid = next;
		if (!has_room)
			return false;
	}
	return true;
}

uint32_t ledger_add(struct ledger *ledger, enum ledger_region_number number, uint32_t num_elements)
{
	struct ledger_region *region = &ledger->header->regions[number];
	uint64_t index = atomic_load_explicit(&region->num_used, memory_order_relaxed);
	do {
		if (index + num_elements > region->capacity)
			return 0;
		if (!pay(ledger->header, region, index + num_elements))
			return 0;
		// Release: pairs with the acquire in ledger_num_used().
	} while (!atomic_compare_exchange_weak_explicit(&region->num_used, &index, index + num_elements,
							memory_order_release, memory_order_relaxed));
	return (uint32_t)index;
}

uint32_t ledger_add_string(struct ledger *ledger, const char *string)
{
	size_t length = strlen(string);
	if (length == 0 || length >= STRING_BYTES)
		return 0;
	uint32_t offset = ledger_add(ledger, LEDGER_STRINGS, (uint32_t)length + 1);
	if (offset)
		memcpy(ledger->strings + offset, string, length);
	return offset;
}
