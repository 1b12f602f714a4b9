// SPDX-License-Identifier: Apache-2.0
// Reading a ledger that somebody has damaged: refused or read in part, never a fault.
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ledger/blocks.h"
#include "ledger/read.h"
#include "ledger/sites.h"
#include "ledger/tree.h"
#include "profile/from_ledger.h"
#include "unit/tallying.h"

static struct ledger_writer writer;

static int create(void **state)
{
	struct ledger *ledger = malloc(sizeof(*ledger));
	*state = ledger;
	if (!ledger_create(ledger, 1 << 20, 512))
		return -1;
	// As another process maps it: everything can be read.
	mprotect(ledger->header, ledger->header->total_bytes, PROT_READ | PROT_WRITE);
	ledger_writer_init(&writer, ledger, 0);
	uint32_t node = 0;
	for (uint64_t i = 0; i < 200; i++) {
		node = i % 20 ? tree_get_node(ledger, node, tree_get_frame(ledger, 0, 0x1000 + i)) : 0;
		if (node)
			add_allocation(&writer, site_get(ledger, node, 0, 0), i, 3 * LEDGER_ONE);
	}
	return 0;
}

static int destroy(void **state)
{
	ledger_writer_deinit(&writer);
	ledger_destroy(*state);
	free(*state);
	return 0;
}

static void test_a_sound_ledger_opens(void **state)
{
	struct ledger *ledger = *state, opened;
	assert_null(ledger_open(&opened, ledger->header, ledger->header->total_bytes));
	assert_ptr_equal(opened.blocks, ledger->blocks);
}

static void test_each_damaged_field_of_the_header_is_named(void **state)
{
	struct ledger *ledger = *state, opened;
	struct ledger_header *header = ledger->header, sound = *header;
	size_t size_bytes = header->total_bytes;
	const char *problem;
#define REFUSES(change, field)                                    \
	change;                                                   \
	problem = ledger_open(&opened, header, size_bytes);       \
	assert_non_null(problem);                                 \
	assert_memory_equal(problem, field, sizeof(field) - 1);   \
	memcpy(header, &sound, sizeof(sound))
	assert_non_null(ledger_open(&opened, header, 100));
	REFUSES(header->magic[0] = 'x', "magic");
	REFUSES(header->version = 99, "version");
	REFUSES(header->header_bytes++, "header_bytes");
	REFUSES(header->is_ready = 0, "is_ready");
	REFUSES(header->total_bytes++, "total_bytes");
	REFUSES(header->regions[LEDGER_NODES].offset = UINT64_MAX - 4095, "regions");
	REFUSES(header->regions[LEDGER_SITES].capacity = UINT64_MAX / 64, "regions");
	REFUSES(header->regions[LEDGER_BLOCKS].element_bytes = 1, "regions");
	REFUSES(header->regions[LEDGER_TALLY_ERRORS].capacity = 1, "regions");
	assert_null(ledger_open(&opened, header, size_bytes));
}

static bool take_description(void *context, const struct profile_description *description)
{
	(void)context;
	return description->time_ns == 1;
}

static bool take_comment(void *context, const char *comment)
{
	(void)context;
	return strlen(comment) < 2000;
}

static bool take_mapping(void *context, const struct profile_mapping *mapping)
{
	(void)context;
	return strlen(mapping->path) + strlen(mapping->build_id) < 1 << 23;
}

static bool take_function(void *context, const struct profile_function *function)
{
	(void)context;
	return function->id != 0 && strlen(function->name) < 100;
}

static bool take_location(void *context, const struct profile_location *location)
{
	(void)context;
	return location->id != 0;
}

static bool take_sample(void *context, const struct profile_sample *sample)
{
	(void)context;
	return sample->num_locations > 0;
}

// Bytes all over the ledger are overwritten; what is left is read whole.  Run under AddressSanitizer
// and UndefinedBehaviorSanitizer in CI.
static void test_random_damage_never_faults(void **state)
{
	struct ledger *ledger = *state;
	uint64_t total_bytes = ledger->header->total_bytes;
	const struct profile_sink sink = { .description = take_description, .comment = take_comment,
					   .mapping = take_mapping, .function = take_function, .location = take_location,
					   .sample = take_sample };
	srandom(7);
	int num_opened = 0;
	for (int round = 0; round < 300; round++) {
		struct ledger opened;
		char *bytes = (char *)ledger->header;
		for (int i = 0; i < 20; i++) {
			uint64_t region = (uint64_t)random() % (LEDGER_NUM_REGIONS + 1);
			uint64_t from = region == LEDGER_NUM_REGIONS ? 500 : ledger->header->regions[region].offset;
			uint64_t at = from + (uint64_t)random() % 4000;
			uint64_t regions_at = offsetof(struct ledger_header, regions);
			if (at >= total_bytes || (at >= 16 && at < 64) ||
			    (at >= regions_at && at < regions_at + sizeof(ledger->header->regions)))
				continue; // those are the business of the test above
			bytes[at] = (char)random();
		}
		if (round % 10 == 0) // counts that are not true
			ledger->header->regions[random() % LEDGER_FRAME_BUCKETS].num_used = (uint64_t)random() << (random() % 34);
		if (ledger_open(&opened, bytes, total_bytes))
			continue;
		num_opened++;
		const struct profile_request request = { .time_ns = 1, .is_peak = round % 2 };
		profile_from_ledger(&opened, &request, &sink);
	}
	assert_int_equal(num_opened, 300);
}

static void test_a_cycle_in_the_tree_ends(void **state)
{
	struct ledger *ledger = *state;
	uint32_t frames[2000];
	ledger->nodes[5].parent = 5;
	ledger->nodes[6].parent = 7;
	ledger->nodes[7].parent = 6;
	ledger->sites[2].node = 7;
	assert_true(read_stack(ledger, 2, frames, 2000) <= 2);
	ledger->sites[2].node = 5;
	assert_int_equal(read_stack(ledger, 2, frames, 2000), 1);
	ledger->sites[2].node = UINT32_MAX;
	assert_int_equal(read_stack(ledger, 2, frames, 2000), 0);
}

static void test_a_cycle_in_a_list_of_tallies_ends(void **state)
{
	struct ledger *ledger = *state;
	struct tally tally;
	uint32_t number = ledger->sites[2].tallies;
	ledger->tallies[number].next = number;
	assert_true(read_site(ledger, 2, &tally));
	ledger->tallies[number].next = UINT32_MAX;
	assert_true(read_site(ledger, 2, &tally));
	ledger->sites[2].tallies = UINT32_MAX;
	assert_false(read_site(ledger, 2, &tally));
}

static void test_more_freed_than_allocated_is_nothing_live(void **state)
{
	struct ledger *ledger = *state;
	struct tally tally;
	ledger->tallies[ledger->sites[2].tallies].freed_bytes = UINT64_MAX / 2;
	ledger->tallies[ledger->sites[2].tallies].freed_objects = UINT64_MAX / 2;
	assert_true(read_site(ledger, 2, &tally));
	assert_int_equal(tally.live_bytes, 0);
	assert_int_equal(tally.live_objects, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_sound_ledger_opens, create, destroy),
		cmocka_unit_test_setup_teardown(test_each_damaged_field_of_the_header_is_named, create, destroy),
		cmocka_unit_test_setup_teardown(test_random_damage_never_faults, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_cycle_in_the_tree_ends, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_cycle_in_a_list_of_tallies_ends, create, destroy),
		cmocka_unit_test_setup_teardown(test_more_freed_than_allocated_is_nothing_live, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
