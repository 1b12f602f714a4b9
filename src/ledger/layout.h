// SPDX-License-Identifier: Apache-2.0
/*
 * Layout of the ledger: the tallies of one process in one shared mapping.
 *
 * BOTH worlds: written by the threads of the profiled program, read by dumps and by other processes at
 * any moment, also after the program was killed.  So everything is position-independent (indexes
 * instead of pointers), of fixed width, and at each instant valid:
 *
 *   - Tables only grow.  An element is filled in completely, then published by one release store of
 *     its index; whoever loads the index with acquire sees the whole element.  Index 0 means "none".
 *   - Counters only grow.  live = allocated - freed; a reader loads freed first, so that it cannot
 *     see the freeing of something whose allocation it does not see.
 *   - What is counted often belongs to a lane, which one thread at a time writes to: a site has a tally
 *     for each lane that met it, and what is true of the site is their sum.
 *   - Blocks are the exception: they come and go.  A block is valid while its address is not 0, and
 *     is unlinked under the lock bit of its bucket.  Tallies do not depend on the table of blocks.
 *
 * A change of anything here needs a new LEDGER_VERSION.
 */
#ifndef CAIRN_LEDGER_LAYOUT_H
#define CAIRN_LEDGER_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_MAGIC "cairnldg"
#define LEDGER_VERSION 4

// Objects and bytes are fixed-point numbers with this many bits behind the point.
#define LEDGER_FRACTION_BITS 8
#define LEDGER_ONE (UINT64_C(1) << LEDGER_FRACTION_BITS)

// Frames of the call tree that are not code.
enum ledger_special_frame {
	LEDGER_FRAME_TRUNCATED = 1, // "[truncated]": the stack was deeper than what was recorded
	LEDGER_FRAME_FULL = 2,      // "[ledger full]": no room for further stacks
	LEDGER_NUM_SPECIAL_FRAMES = 2,
};

#define LEDGER_SITE_FULL 1 // the site whose only frame is LEDGER_FRAME_FULL

// Zero-terminated strings one after another, named by offset; offset 0 is "".
// An executable range of the program's memory, as /proc/PID/maps would show it.
struct ledger_mapping {
	uint64_t start;
	uint64_t limit;
	uint64_t offset;   // in the file
	uint32_t path;     // string; "" if unknown
	uint32_t build_id; // string, lower-case hexadecimal; "" if it has none
	uint64_t reserved;
};

// A place in the code.
struct ledger_frame {
	uint64_t address; // of the call: the return address - 1
	uint32_t mapping; // 0: none known
	_Atomic uint32_t next; // in the bucket
};

// A node of the call tree: frame, called by what parent stands for.  parent < the node's own index.
struct ledger_node {
	uint32_t parent; // 0: frame is the root of the stack
	uint32_t frame;  // 0: the node was given up before it was published
	_Atomic uint32_t next;  // in the bucket; see chain.h
	_Atomic uint32_t sites; // the first one of this stack; 0: none
};

// A call stack that allocates.
struct ledger_site {
	uint32_t node;
	uint32_t label; // 0: none
	_Atomic uint32_t next;    // site of the same node
	_Atomic uint32_t tallies; // the first one; 0: given up before it was published
};

// What one lane counted at a site: one cache line, written by one thread at a time.  Of one lane what was freed may be
// more than what was allocated; numbers are modulo 2^64, and the sum of a site's tallies is right.
struct ledger_tally {
	uint32_t site;
	uint32_t lane;
	_Atomic uint32_t next;      // tally of the same site
	_Atomic uint32_t peak_seen; // number of the peak that peak_* belong to
	_Atomic uint64_t allocated_objects;
	_Atomic uint64_t allocated_bytes;
	_Atomic uint64_t freed_objects;
	_Atomic uint64_t freed_bytes;
	_Atomic uint64_t peak_objects; // live at that peak
	_Atomic uint64_t peak_bytes;
};

// What sampling adds to a tally; never touched in exact mode.  Variances are the bits of doubles, in
// objects^2 and bytes^2.
struct ledger_tally_errors {
	_Atomic uint64_t allocated_objects_variance;
	_Atomic uint64_t allocated_bytes_variance;
	_Atomic uint64_t freed_objects_variance;
	_Atomic uint64_t freed_bytes_variance;
	_Atomic uint64_t peak_bytes_variance; // of what was live at the peak that peak_bytes belongs to
	uint64_t reserved[3];
};

// What the cumulative tallies were when the epoch began, and when the process was forked; never touched unless
// there is a second epoch or a parent.
struct ledger_site_epoch {
	_Atomic uint64_t allocated_objects;
	_Atomic uint64_t allocated_bytes;
	uint64_t inherited_objects;
	uint64_t inherited_bytes;
};

#define LEDGER_BIRTH_TICKS (UINT64_C(1) << 26) // some hundredths of a second

// How many blocks one stands for, fixed point, in 32 bits: 27 bits of mantissa and, above them, a binary exponent.
#define LEDGER_MANTISSA_BITS 27

// A live block: half a cache line.
struct ledger_block {
	_Atomic uint64_t address; // 0: not in use
	uint64_t size_bytes;
	uint32_t weight;       // see above
	_Atomic uint32_t site; // of a block that is not in use but first of a batch: the batch below it
	uint32_t birth : 31;   // ticks since the start, in units of LEDGER_BIRTH_TICKS
	uint32_t is_inherited : 1; // the parent allocated it, before it forked
	_Atomic uint32_t next; // in its chain, or among those not in use
};

// The regions: what they hold, and how many table elements of each kind there can be at most is told
// by capacity.  Buckets are heads of chains (index of the first element); only writers use them, and in a
// file they are a hole.
enum ledger_region_number {
	LEDGER_STRINGS,
	LEDGER_MAPPINGS,
	LEDGER_FRAMES,
	LEDGER_NODES,
	LEDGER_SITES,
	LEDGER_SITE_EPOCHS, // parallel to sites
	LEDGER_TALLIES,
	LEDGER_TALLY_ERRORS, // parallel to tallies
	LEDGER_BLOCKS,
	LEDGER_FRAME_BUCKETS,
	LEDGER_NODE_BUCKETS,
	LEDGER_BLOCK_BUCKETS,
	LEDGER_NUM_REGIONS,
};

struct ledger_region {
	uint64_t offset; // from the start of the ledger
	uint64_t element_bytes;
	uint64_t charge_bytes;     // what one element costs of the memory limit, parallel tables included
	uint64_t capacity;         // elements, the unused number 0 included
	_Atomic uint64_t num_used; // elements handed out, number 0 included
	_Atomic uint64_t num_paid; // elements that the memory limit has been charged for
	_Atomic uint64_t open_bytes; // accessible in the writer's mapping
};

// Self-audit: what cairn could not do, or did with less than full truth.  Each only grows.
#define LEDGER_COUNTERS(X)                                                                       \
	X(reentered, "allocations made inside cairn or by a signal handler that interrupted it") \
	X(contended, "events left out because a lock was not to be had")                         \
	X(dropped_stacks, "allocations counted under [ledger full]")                             \
	X(untracked_objects, "blocks whose freeing cannot be seen: no room for them")            \
	X(untracked_bytes, "bytes of these blocks")                                              \
	X(missed_frees, "blocks that were freed unseen: their address was handed out again")     \
	X(truncated_stacks, "stacks cut at the depth limit")                                     \
	X(failed_unwinds, "stacks that end before their root")                                   \
	X(ended_unwinds, "stacks that end in code without call-frame information (Go, generated code)") \
	X(bypassed, "another malloc comes before cairn's: what it serves is not seen")           \
	X(guessed_frames, "frames found by frame pointers, without call-frame information")      \
	X(dropped_mappings, "executable mappings that found no room")                            \
	X(failed_dumps, "profiles that could not be written")                                    \
	X(verified_stacks, "stacks compared with libunwind's")                                   \
	X(differing_stacks, "stacks that differ from libunwind's")

enum ledger_counter {
#define X(name, meaning) LEDGER_COUNTER_##name,
	LEDGER_COUNTERS(X)
#undef X
	LEDGER_NUM_COUNTERS,
};

// How a process ended, as far as it is known.
enum ledger_end {
	LEDGER_END_UNKNOWN, // it runs, or was ended from outside or without libc
	LEDGER_END_EXIT,    // by itself, with the exit status end_status
	LEDGER_END_SIGNAL,  // by the signal end_status; entered by who waited for it
};

#define LEDGER_NUM_LANES 256

// Totals of what one lane counted.  Two cache lines, since processors fetch lines in pairs.
struct ledger_lane {
	_Alignas(128) _Atomic uint64_t live_bytes; // fixed point; modulo 2^64, as more may be freed here than was allocated
	_Atomic uint64_t flushed_bytes; // of these: those that live_bytes of the header has
	_Atomic uint64_t num_samples;   // allocations recorded
	_Atomic uint64_t own_ticks;     // spent inside cairn
};

struct ledger_header {
	char magic[8];
	uint32_t version;
	uint32_t header_bytes;
	uint64_t total_bytes;
	_Atomic uint32_t is_ready; // 1: everything constant below is filled in
	uint32_t pid;           // in its own namespace
	uint64_t process_start; // of that process, in clock ticks since boot (/proc/PID/stat, field 22); 0: not known
	uint64_t pid_namespace; // inode of /proc/self/ns/pid; 0: not known
	uint32_t is_file;       // 1: kept in a file; its pages must be reserved before they are written
	_Atomic uint32_t is_estimate; // 1: some weight was not 1
	uint32_t is_forked;     // 1: began as a copy of the parent's
	_Atomic uint32_t last_dump; // number of the last profile that the process wrote itself; 0: none
	_Atomic uint32_t end;   // enum ledger_end
	_Atomic int32_t end_status;
	_Atomic int64_t end_time_ns; // since 1970; 0: not known
	uint32_t command_line; // string, arguments separated by spaces
	uint32_t program;      // string: path of the executable
	int64_t start_time_ns; // since 1970
	int64_t start_clock_ns; // CLOCK_MONOTONIC
	uint64_t start_ticks;   // time-stamp counter
	// Another moment, at most some seconds before the last event or just after the end: with the start it gives the
	// counter's frequency, also when the program is gone.
	_Atomic uint64_t late_ticks;
	_Atomic int64_t late_clock_ns;
	_Atomic uint64_t rate_bytes;
	_Atomic int64_t epoch_time_ns; // when the cumulative tallies began, since 1970
	_Atomic uint64_t epoch_num_samples; // num_samples then
	uint64_t limit_bytes;          // of memory
	_Atomic uint64_t charged_bytes;
	struct ledger_region regions[LEDGER_NUM_REGIONS];
	_Atomic uint64_t counters[LEDGER_NUM_COUNTERS];
	_Atomic uint64_t dump_ticks; // spent in dumps
	// Units of work that the program says it has done (cairn_add_work()).
	_Atomic uint64_t num_units;
	// Memory of cairn's own in the program, where addresses in the program's blocks may be left over.
	uint64_t own_start, own_limit;

	// What all threads read at each event, and change seldom.
	_Alignas(128) _Atomic uint64_t live_bytes; // of the heap, fixed point, save what lanes have not flushed
	_Atomic uint64_t peak_estimate; // live_bytes as it was when the last peak was noted, to the thread that noted it
	_Atomic uint64_t peak_bytes;    // of all lanes at that moment
	_Atomic uint64_t peak_ticks;    // when it was
	// Changes whenever the heap begins to fall from a new maximum; a tally that is touched next first keeps what it
	// had then.
	_Atomic uint32_t peak_number;
	_Atomic uint32_t num_lanes; // that have been in use
	_Alignas(128) _Atomic uint64_t free_batches; // of blocks: tag << 32 | first block of the first batch
	struct ledger_lane lanes[LEDGER_NUM_LANES];
};

_Static_assert(sizeof(struct ledger_mapping) == 40, "layout");
_Static_assert(sizeof(struct ledger_frame) == 16, "layout");
_Static_assert(sizeof(struct ledger_node) == 16, "layout");
_Static_assert(sizeof(struct ledger_site) == 16, "layout");
_Static_assert(sizeof(struct ledger_tally) == 64, "layout");
_Static_assert(sizeof(struct ledger_tally_errors) == 64, "layout");
_Static_assert(sizeof(struct ledger_site_epoch) == 32, "layout");
_Static_assert(sizeof(struct ledger_block) == 32, "layout");
_Static_assert(sizeof(struct ledger_lane) == 128, "layout");
_Static_assert(sizeof(struct ledger_header) < 40960, "layout");
_Static_assert(offsetof(struct ledger_header, regions) == 168, "layout");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic uint32_t) == 4, "layout");

#endif
