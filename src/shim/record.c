// SPDX-License-Identifier: Apache-2.0
// Recording.  INSIDE.
#include "shim/record.h"

#include "base/system.h"
#include "ledger/sites.h"
#include "ledger/tallies.h"
#include "ledger/tree.h"
#include "shim/profiler.h"
#include "shim/shadow.h"

// Every how many events the time that one takes is measured.
#define TIMED_EVENTS 64
#define LATE_TICKS (UINT64_C(1) << 32) // how far header->late_ticks may be behind: a second or two

// The stack between an operator new and its caller, at most.
#define MAX_OPERATOR_FRAME 512

static void seed_thread(void)
{
	uint64_t number = atomic_fetch_add_explicit(&profiler.num_threads, 1, memory_order_relaxed);
	sampler_seed(&thread.sampler, profiler.seed + number * UINT64_C(0xd1342543de82ef95));
	thread.is_seeded = true;
}

// A weight in fixed point, rounded up or down at random so that it is right on average and a block can keep it.
static uint64_t fixed_weight(double weight)
{
	if (weight <= 1)
		return LEDGER_ONE;
	double scaled = weight * LEDGER_ONE;
	int exponent = block_weight_exponent((uint64_t)scaled);
	scaled /= (double)(UINT64_C(1) << exponent);
	uint64_t whole = (uint64_t)scaled;
	double uniform = (double)(sampler_random(&thread.sampler) >> 11) * 0x1p-53;
	return (whole + (uniform < scaled - (double)whole)) << exponent;
}

static uint64_t begin_timing(void)
{
	return ++thread.num_events % TIMED_EVENTS == 0 ? system_ticks() : 0;
}

static void end_timing(const struct event *event, uint64_t start_ticks)
{
	struct ledger_header *header = profiler.ledger.header;
	if (!start_ticks || !event->lane)
		return;
	uint64_t now = system_ticks();
	_Atomic uint64_t *own_ticks = &header->lanes[event->lane->writer.lane].own_ticks;
	atomic_store_explicit(own_ticks, atomic_load_explicit(own_ticks, memory_order_relaxed) + (now - start_ticks) * TIMED_EVENTS,
			      memory_order_relaxed);
	if (now - atomic_load_explicit(&header->late_ticks, memory_order_relaxed) > LATE_TICKS) {
		atomic_store_explicit(&header->late_ticks, now, memory_order_relaxed);
		atomic_store_explicit(&header->late_clock_ns, system_clock_ns(CLOCK_MONOTONIC), memory_order_relaxed);
	}
}

static uint64_t hash_frame(uint64_t hash, uint32_t frame)
{
	hash = (hash ^ frame) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

// True if leaf is the node of the frames (leaf first), called from the last node known.  Their nodes are noted on the way.
static bool is_leaf_of(struct lane *lane, uint32_t leaf, const uint32_t *frames, uint32_t num_frames)
{
	const struct ledger_node *nodes = profiler.ledger.nodes;
	uint32_t depth = lane->num_known + num_frames, node = leaf;
	for (uint32_t i = 0; i < num_frames; i++, node = nodes[node].parent) {
		if (!node || nodes[node].frame != frames[i])
			return false;
		lane->known_nodes[--depth] = node;
	}
	return node == (depth ? lane->known_nodes[depth - 1] : 0);
}

// The frames from the last node known on are these: note them, with the hash of the whole stack, which is returned.
static uint64_t note_frames(struct lane *lane, const uint32_t *frames, uint32_t num_frames)
{
	uint32_t depth = lane->num_known;
	uint64_t hash = depth ? lane->known_hashes[depth - 1] : 0;
	for (uint32_t i = num_frames; i > 0; i--, depth++) {
		hash = hash_frame(hash, frames[i - 1]);
		lane->known_frames[depth] = frames[i - 1];
		lane->known_hashes[depth] = hash;
	}
	return hash;
}

// Find the nodes of the frames noted up to depth, and return the last one; 0: there is no room.
static uint32_t find_nodes(struct lane *lane, uint32_t depth)
{
	uint32_t node = lane->num_known ? lane->known_nodes[lane->num_known - 1] : 0;
	while (lane->num_known < depth) {
		node = tree_get_node(&profiler.ledger, node, lane->known_frames[lane->num_known]);
		if (!node)
			return 0;
		lane->known_nodes[lane->num_known++] = node;
	}
	return node;
}

// Where the allocations of a stack are counted.
struct found {
	uint32_t site;
	uint32_t tally; // in the lane; 0: there is no room for one
};

static struct found find_tally_of(struct lane *lane, uint32_t node)
{
	uint32_t site = node ? site_get_unlabelled(&profiler.ledger, node, lane->writer.lane) : LEDGER_SITE_FULL;
	return (struct found){ site, ledger_writer_tally(&lane->writer, site) };
}

// The same for a stack of whose frames the last ones are not known: from the lane's memory of stacks, which is one
// comparison, or frame by frame.
static struct found find_leaf(struct lane *lane, const uint32_t *frames, uint32_t num_frames)
{
	uint64_t hash = note_frames(lane, frames, num_frames);
	struct leaf *leaf = lane->leaves ? &lane->leaves[hash % LANE_NUM_LEAVES] : NULL;
	if (leaf && leaf->tally) {
		const struct ledger_tally *tally = &profiler.ledger.tallies[leaf->tally];
		__builtin_prefetch(tally, 1);
		if (is_leaf_of(lane, leaf->node, frames, num_frames)) {
			lane->num_known += num_frames;
			return (struct found){ tally->site, leaf->tally };
		}
	}
	uint32_t node = find_nodes(lane, lane->num_known + num_frames);
	struct found found = find_tally_of(lane, node);
	if (leaf && found.site != LEDGER_SITE_FULL)
		*leaf = (struct leaf){ node, found.tally };
	if (!node) // what is known does not reach as far as the trail
		trail_clear(&lane->walks.trail);
	return found;
}

// Where a stack is counted; the frames come leaf first, the tree grows from the root.
static struct found find_site(struct lane *lane, const struct walk *walk)
{
	uint32_t num_frames = (uint32_t)walk->num_frames, depth = (uint32_t)walk->num_kept, num_known = lane->num_known;
	if (walk->end == WALK_TRUNCATED) {
		ledger_count(&profiler.ledger, LEDGER_COUNTER_truncated_stacks, 1);
		lane->frames[num_frames++] = LEDGER_FRAME_TRUNCATED;
	}
	// What was walked again may be the same, too.
	while (depth < num_known && num_frames && lane->known_frames[depth] == lane->frames[num_frames - 1]) {
		depth++;
		num_frames--;
	}
	lane->num_known = depth;
	if (num_frames && walk->end != WALK_FULL)
		return find_leaf(lane, lane->frames, num_frames);
	return find_tally_of(lane, depth && walk->end != WALK_FULL ? lane->known_nodes[depth - 1] : 0);
}

// The frames that the walk has in common with the one before.
static void add_kept(const struct lane *lane, struct walk *walk)
{
	for (size_t i = walk->num_kept; i > 0; i--)
		walk->frames[walk->num_frames++] = lane->known_frames[i - 1];
	walk->num_kept = 0;
}

static struct found capture_site(struct lane *lane, const struct origin *origin)
{
	struct walk walk = { .frames = lane->frames };
	walk_stack(&walk, &profiler.rules, &profiler.ledger, &thread.stack, &lane->walks, origin, profiler.own_start,
		   profiler.own_limit);
	if (walk.end == WALK_LOST)
		ledger_count(&profiler.ledger, LEDGER_COUNTER_failed_unwinds, 1);
	if (walk.end == WALK_ENDED)
		ledger_count(&profiler.ledger, LEDGER_COUNTER_ended_unwinds, 1);
	if (walk.num_guessed)
		ledger_count(&profiler.ledger, LEDGER_COUNTER_guessed_frames, walk.num_guessed);
	if (profiler.verify) {
		add_kept(lane, &walk);
		profiler.verify(&profiler.ledger, &walk, origin);
	}
	struct found found = find_site(lane, &walk);
	if (found.site == LEDGER_SITE_FULL)
		ledger_count(&profiler.ledger, LEDGER_COUNTER_dropped_stacks, 1);
	return found;
}

// The tally of this event's lane for a site.  Where the ledger has no room for one that of another lane serves, in which
// the event then goes on.  0: that lane was not to be had.
static uint32_t find_tally(struct event *event, uint32_t site)
{
	const struct ledger *ledger = &profiler.ledger;
	uint32_t tally = ledger_writer_tally(&event->lane->writer, site);
	if (__builtin_expect(tally != 0, 1))
		return tally;
	// Pairs with the release in tally_add().
	tally = atomic_load_explicit(&ledger->sites[site].tallies, memory_order_acquire);
	if (tally && profiler_change_lane(event, ledger->tallies[tally].lane))
		return tally;
	ledger_count(&profiler.ledger, LEDGER_COUNTER_contended, 1);
	return 0;
}

static void forget(struct event *event, const struct block *block)
{
	uint32_t tally = find_tally(event, block->site);
	if (tally)
		tally_add_freeing(&event->lane->writer, tally, block->size_bytes, block->weight);
	shadow_remove((void *)block->address);
}

static void note_untracked(const struct block *block)
{
	struct ledger *ledger = &profiler.ledger;
	ledger_count(ledger, LEDGER_COUNTER_untracked_objects, block->weight >> LEDGER_FRACTION_BITS);
	ledger_count(ledger, LEDGER_COUNTER_untracked_bytes, block->weight * block->size_bytes >> LEDGER_FRACTION_BITS);
}

static void remember(struct event *event, _Atomic uint32_t *bucket, const struct block *block, uint32_t tally)
{
	struct block replaced;
	if (!tally && !(tally = find_tally(event, block->site)))
		return;
	struct ledger_writer *writer = &event->lane->writer;
	uint64_t live = tally_add_allocation(writer, tally, block->size_bytes, block->weight);
	switch (block_add(writer, bucket, block, &replaced)) {
	case BLOCK_NO_ROOM:
		tally_add_freeing(writer, tally, block->size_bytes, block->weight);
		note_untracked(block);
		return;
	case BLOCK_REPLACED:
		ledger_count(&profiler.ledger, LEDGER_COUNTER_missed_frees, 1);
		forget(event, &replaced);
		break;
	case BLOCK_ADDED: break;
	}
	if (block->weight == LEDGER_ONE)
		shadow_mark_for_good((void *)block->address); // exact mode: every KiB has some
	else
		shadow_add((void *)block->address);
	if ((int64_t)(live - atomic_load_explicit(&profiler.growth_limit, memory_order_relaxed)) > 0 && profiler.growth_reached)
		profiler.growth_reached();
}

// What the program asked for, where an operator new that rounds up is our caller.
static uint64_t asked_bytes(uint64_t size_bytes, const struct origin *origin)
{
	uintptr_t most_bytes = thread.rounding.most_bytes;
	thread.rounding.most_bytes = 0;
	bool is_within = most_bytes && origin->sp < thread.rounding.sp && thread.rounding.sp - origin->sp < MAX_OPERATOR_FRAME;
	return is_within && size_bytes >= thread.rounding.asked_bytes && size_bytes <= most_bytes
		       ? thread.rounding.asked_bytes
		       : size_bytes;
}

void record_allocation(void *pointer, size_t size_bytes, const struct origin *origin)
{
	double weight = 1;
	if (!profiler_is_on()) {
		// Nothing will ever be recorded, or not yet.
		if (atomic_load_explicit(&profiler.state, memory_order_relaxed) == PROFILER_OFF)
			thread.sampler.clear_bytes = UINT64_MAX;
		return;
	}
	if (thread.is_own) {
		thread.num_own++;
		return;
	}
	if (!thread.is_seeded)
		seed_thread();
	uint64_t rate_bytes = atomic_load_explicit(&profiler.rate_bytes, memory_order_relaxed);
	if (!sampler_takes_all(&thread.sampler, rate_bytes) && !sampler_advance(&thread.sampler, rate_bytes, size_bytes, &weight))
		return;
	struct event event;
	if (!profiler_enter(&event))
		return;
	uint64_t start_ticks = begin_timing();
	_Atomic uint32_t *bucket = block_bucket(&profiler.ledger, (uintptr_t)pointer);
	__builtin_prefetch(bucket, 1); // it comes while the stack is walked
	struct found found = capture_site(event.lane, origin);
	struct block block = { .address = (uintptr_t)pointer, .size_bytes = asked_bytes(size_bytes, origin), .weight = fixed_weight(weight),
			       .site = found.site };
	// The child of a raw clone() in a signal handler may go on with its parent's event, but not on its parent's ledger.
	if (__builtin_expect(profiler_has_ledger(), 1)) {
		remember(&event, bucket, &block, found.tally);
		end_timing(&event, start_ticks);
	}
	profiler_leave(&event);
}

// What is known of the block at address, which is then forgotten; weight 0 if nothing is.
static struct block take(void *pointer, bool is_freed)
{
	struct block block = { 0 };
	if (!profiler_is_on())
		return block;
	// In a KiB with a sampled block others are not; in a child the ledger may not be its own yet.
	_Atomic uint32_t *buckets = profiler.ledger.block_buckets, *bucket = block_bucket(&profiler.ledger, (uintptr_t)pointer);
	if (profiler_has_ledger() && !block_may_be_known(bucket))
		return block;
	block_prefetch(&profiler.ledger, bucket);
	struct event event;
	if (!profiler_enter(&event))
		return block;
	if (profiler.ledger.block_buckets != buckets) // it has got its own now, also where a handler has forked just before
		bucket = block_bucket(&profiler.ledger, (uintptr_t)pointer);
	uint64_t start_ticks = begin_timing();
	if (!block_remove(&event.lane->writer, bucket, (uintptr_t)pointer, &block))
		block.weight = 0;
	else if (is_freed)
		forget(&event, &block);
	end_timing(&event, start_ticks);
	profiler_leave(&event);
	return block;
}

void record_freeing(void *pointer)
{
	take(pointer, true);
}

void record_begin_move(struct record_move *move, void *pointer)
{
	move->block = take(pointer, false);
}

void record_end_move(const struct record_move *move, bool has_moved)
{
	if (!move->block.weight)
		return;
	struct event event;
	if (!profiler_enter(&event))
		return;
	struct block replaced;
	if (has_moved) {
		forget(&event, &move->block);
	} else if (block_add(&event.lane->writer, block_bucket(&profiler.ledger, move->block.address), &move->block, &replaced) ==
		   BLOCK_NO_ROOM) {
		forget(&event, &move->block);
		note_untracked(&move->block);
	}
	profiler_leave(&event);
}
