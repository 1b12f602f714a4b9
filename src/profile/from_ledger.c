// SPDX-License-Identifier: Apache-2.0
// The heap profile that a ledger holds.  BOTH worlds.
#include "profile/from_ledger.h"

#include "base/text.h"
#include "profile/heap.h"
#include "profile/version.h"

#define MAX_FRAMES 640 // more than the depth at which stacks are cut, little enough for a signal stack

static const char *const special_frames[] = {
	[LEDGER_FRAME_TRUNCATED] = "[truncated]",
	[LEDGER_FRAME_FULL] = "[ledger full]",
};

static bool push_comment(const struct profile_sink *sink, const struct text *comment)
{
	return sink->comment(sink->context, comment->start);
}

static bool push_command(const struct ledger *ledger, const struct profile_sink *sink)
{
	char storage[1024];
	struct text comment = TEXT_ON(storage);
	text_add(&comment, "command: ");
	text_add(&comment, read_string(ledger, ledger->header->command_line));
	return push_comment(sink, &comment);
}

// What tells profiles of one process from those of others.
static bool push_process(const struct ledger *ledger, const struct profile_sink *sink)
{
	char storage[100];
	struct text comment = TEXT_ON(storage);
	uint64_t start_ms = (uint64_t)ledger->header->start_time_ns / 1000000;
	text_add(&comment, "process: ");
	text_add_number(&comment, ledger->header->pid);
	text_add(&comment, ", profiled since ");
	text_add_number(&comment, start_ms / 1000);
	text_add(&comment, ".");
	text_add_padded(&comment, start_ms % 1000, 3);
	return push_comment(sink, &comment);
}

static bool push_rate(const struct ledger *ledger, const struct profile_sink *sink)
{
	char storage[200];
	struct text comment = TEXT_ON(storage);
	uint64_t rate_bytes = atomic_load_explicit(&ledger->header->rate_bytes, memory_order_relaxed);
	text_add(&comment, "rate: ");
	if (rate_bytes == 0) {
		text_add(&comment, "0 (not recording)");
	} else if (rate_bytes == 1) {
		text_add(&comment, "1 (exact: every allocation)");
	} else {
		text_add(&comment, "one sample in ");
		text_add_size(&comment, rate_bytes);
		text_add(&comment, " on average");
	}
	text_add(&comment, "; samples: ");
	text_add_number(&comment, read_num_samples(ledger));
	return push_comment(sink, &comment);
}

// A ledger that is not sound may name any number, and what does not fit its type is undefined.
static uint64_t to_integer(double number)
{
	return number < 1e19 ? (uint64_t)number : UINT64_C(10000000000000000000);
}

static bool push_live(const struct ledger *ledger, bool is_peak, const struct profile_sink *sink)
{
	char storage[200];
	struct text comment = TEXT_ON(storage);
	struct tally total;
	read_total(ledger, &total);
	text_add(&comment, is_peak ? "peak: " : "live: ");
	text_add_size(&comment, is_peak ? total.peak_bytes : total.live_bytes);
	text_add(&comment, " in ");
	text_add_number(&comment, is_peak ? total.peak_objects : total.live_objects);
	text_add(&comment, " blocks");
	if (read_is_estimate(ledger)) {
		text_add(&comment, " (standard error ");
		text_add_size(&comment, to_integer(__builtin_sqrt(is_peak ? total.peak_bytes_variance : total.live_bytes_variance)));
		text_add(&comment, ")");
	}
	return push_comment(sink, &comment);
}

// Cairn's share of the CPU time, in hundredths of a percent rounded up.
static bool push_own_time(const struct ledger *ledger, const struct profile_request *request,
			  const struct profile_sink *sink)
{
	char storage[200];
	struct text comment = TEXT_ON(storage);
	if (!(request->cpu_ns > 0) || !(request->ticks_per_ns > 0))
		return true;
	uint64_t ticks = read_own_ticks(ledger->header);
	uint64_t share = to_integer((double)ticks / request->ticks_per_ns / (double)request->cpu_ns * 10000) + 1;
	text_add(&comment, "cairn's share of the CPU time: about ");
	text_add_number(&comment, share / 100);
	text_add(&comment, ".");
	text_add_padded(&comment, share % 100, 2);
	text_add(&comment, " %");
	return push_comment(sink, &comment);
}

static bool push_counters(const struct ledger *ledger, const struct profile_sink *sink)
{
	static const char *const meanings[] = {
#define X(name, meaning) #name ": " meaning,
		LEDGER_COUNTERS(X)
#undef X
	};
	bool has_any = false;
	for (int i = 0; i < LEDGER_NUM_COUNTERS; i++) {
		char storage[300];
		struct text comment = TEXT_ON(storage);
		uint64_t count = ledger_get_count(ledger, i);
		if (!count)
			continue;
		has_any = true;
		text_add(&comment, "counted: ");
		text_add_number(&comment, count);
		text_add(&comment, " ");
		text_add(&comment, meanings[i]);
		if (!push_comment(sink, &comment))
			return false;
	}
	return has_any || sink->comment(sink->context, "dropped: nothing");
}

static bool push_mappings(const struct ledger *ledger, const struct profile_sink *sink)
{
	for (uint32_t i = 1; i < read_num(ledger, LEDGER_MAPPINGS); i++) {
		const struct ledger_mapping *mapping = read_mapping(ledger, i);
		if (!mapping)
			continue;
		struct profile_mapping pushed = {
			.id = i,
			.start = mapping->start,
			.limit = mapping->limit,
			.offset = mapping->offset,
			.path = read_string(ledger, mapping->path),
			.build_id = read_string(ledger, mapping->build_id),
		};
		if (!sink->mapping(sink->context, &pushed))
			return false;
	}
	return true;
}

// The frames that stand for no place in the code have a function, of the same number.
static bool push_special_functions(const struct profile_sink *sink)
{
	for (uint32_t i = 1; i <= LEDGER_NUM_SPECIAL_FRAMES; i++) {
		const struct profile_function function = { .id = i, .name = special_frames[i], .system_name = special_frames[i],
							   .filename = "" };
		if (!sink->function(sink->context, &function))
			return false;
	}
	return true;
}

static bool push_functions(const struct profile_request *request, const struct profile_sink *sink)
{
	return push_special_functions(sink) &&
	       (!request->names || own_names_push(request->names, LEDGER_NUM_SPECIAL_FRAMES, sink));
}

static bool push_locations(const struct ledger *ledger, const struct profile_request *request,
			   const struct profile_sink *sink)
{
	for (uint32_t i = 1; i < read_num(ledger, LEDGER_FRAMES); i++) {
		bool is_special = i <= LEDGER_NUM_SPECIAL_FRAMES;
		const struct profile_line line = {
			.function_id = is_special ? i : request->names ? own_names_get(request->names, i) : 0,
		};
		struct profile_location location = { .id = i, .lines = &line, .num_lines = line.function_id != 0 };
		if (!is_special && (!read_frame(ledger, i, &location.mapping_id, &location.address) || !location.address))
			continue;
		if (!sink->location(sink->context, &location))
			return false;
	}
	return true;
}

// The frames of a stack that have a location; a ledger that is not sound may name others.
static size_t keep_valid(const struct ledger *ledger, uint32_t *frames, size_t num_frames)
{
	size_t num_valid = 0;
	for (size_t i = 0; i < num_frames; i++) {
		uint32_t mapping;
		uint64_t address;
		bool is_special = frames[i] >= 1 && frames[i] <= LEDGER_NUM_SPECIAL_FRAMES;
		if (is_special || (read_frame(ledger, frames[i], &mapping, &address) && address))
			frames[num_valid++] = frames[i];
	}
	return num_valid;
}

static void get_values(int64_t *values, const struct tally *tally, const struct profile_request *request)
{
	bool is_whole = !request->is_without_inherited;
	values[HEAP_ALLOC_OBJECTS] = (int64_t)(tally->allocated_objects - (is_whole ? 0 : tally->inherited_objects));
	values[HEAP_ALLOC_SPACE] = (int64_t)(tally->allocated_bytes - (is_whole ? 0 : tally->inherited_bytes));
	values[HEAP_INUSE_OBJECTS] = (int64_t)(request->is_peak ? tally->peak_objects : tally->live_objects);
	values[HEAP_INUSE_SPACE] = (int64_t)(request->is_peak ? tally->peak_bytes : tally->live_bytes);
}

static bool push_sample(const struct profile_request *request, uint32_t site, struct profile_sample *sample,
			const struct profile_sink *sink)
{
	return request->split ? request->split(request->context, site, sample, sink) : sink->sample(sink->context, sample);
}

static bool push_samples(const struct ledger *ledger, const struct profile_request *request,
			 const struct profile_sink *sink, uint32_t num_sites, uint32_t num_frames_before)
{
	for (uint32_t i = 1; i < num_sites; i++) {
		uint32_t frames[MAX_FRAMES];
		int64_t values[HEAP_NUM_VALUES];
		struct tally tally;
		if (!read_site(ledger, i, &tally))
			continue;
		struct profile_sample sample = { .location_ids = frames, .values = values };
		get_values(values, &tally, request);
		if (!values[HEAP_ALLOC_OBJECTS] && !values[HEAP_INUSE_OBJECTS])
			continue;
		size_t num_frames = keep_valid(ledger, frames, read_stack(ledger, i, frames, MAX_FRAMES));
		bool is_new = false; // a site can only name frames that were there when sites were counted
		for (size_t j = 0; j < num_frames; j++)
			is_new |= frames[j] >= num_frames_before;
		sample.num_locations = num_frames;
		if (!is_new && num_frames && !push_sample(request, i, &sample, sink))
			return false;
	}
	return true;
}

bool profile_from_ledger(const struct ledger *ledger, const struct profile_request *request,
			 const struct profile_sink *sink)
{
	uint64_t rate_bytes = atomic_load_explicit(&ledger->header->rate_bytes, memory_order_relaxed);
	const struct profile_description description = {
		.types = request->split ? &heap_types[HEAP_INUSE_OBJECTS] : heap_types,
		.num_types = request->split ? HEAP_NUM_VALUES - HEAP_INUSE_OBJECTS : HEAP_NUM_VALUES,
		.default_type = heap_types[HEAP_INUSE_SPACE].type,
		.period_type = heap_period_type,
		.period = !rate_bytes ? 1 : rate_bytes < INT64_MAX ? (int64_t)rate_bytes : INT64_MAX,
		.time_ns = request->time_ns,
		.drop_frames = heap_drop_frames,
		.keep_frames = "",
	};
	// Sites are counted before frames: whatever the program adds meanwhile, every frame that one of
	// these sites names is among those pushed.
	uint32_t num_sites = read_num(ledger, LEDGER_SITES);
	uint32_t num_frames = read_num(ledger, LEDGER_FRAMES);
	return sink->description(sink->context, &description) &&
	       sink->comment(sink->context, "cairn " CAIRN_VERSION) && push_command(ledger, sink) && push_process(ledger, sink) &&
	       push_rate(ledger, sink) && push_live(ledger, request->is_peak, sink) &&
	       push_own_time(ledger, request, sink) && push_counters(ledger, sink) && push_mappings(ledger, sink) &&
	       push_functions(request, sink) && push_locations(ledger, request, sink) && push_samples(ledger, request, sink, num_sites, num_frames);
}
