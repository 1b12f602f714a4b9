// SPDX-License-Identifier: Apache-2.0
// `cairn leaks --json`.  OUTSIDE.
#include "cli/leaks_result.h"

#include "report/field.h"

#define FORMAT_VERSION 1

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_value(json_t *object, const struct leak_value *value)
{
	set(object, "objects", json_integer(value->objects));
	set(object, "objects_standard_error", field_json_error(value->objects_error));
	set(object, "bytes", json_integer(value->bytes));
	set(object, "bytes_standard_error", field_json_error(value->bytes_error));
}

static json_t *make_command(const struct leaks_result *result)
{
	json_t *array = json_array();
	for (char *const *argument = result->request->argv; argument && *argument; argument++)
		json_array_append_new(array, field_json_text(*argument));
	if (!result->request->argv)
		json_array_append_new(array, field_json_text(result->subject));
	return array;
}

static json_t *make_process(const struct leaks_process *process)
{
	static const char *const states[LEAKS_NUM_STATES] = {
		[LEAKS_JUDGED] = "judged",
		[LEAKS_NOT_JUDGED] = "not judged",
		[LEAKS_NOT_READ] = "not read",
		[LEAKS_NOT_RECORDED] = "not recorded",
	};
	json_t *object = json_object(), *kinds = json_object();
	set(object, "pid", json_integer(process->pid));
	set(object, "program", field_json_text(process->program));
	set(object, "state", json_string(states[process->state]));
	set(object, "why", process->why ? field_json_text(process->why) : json_null());
	set(object, "scanned_bytes", json_integer((json_int_t)process->scanned_bytes));
	set(object, "read_ms", json_real((double)process->read_ns / 1e6));
	for (int kind = 0; kind < LEAK_NUM_KINDS && process->state == LEAKS_JUDGED; kind++) {
		json_t *sum = json_object();
		set(sum, "objects", json_integer((json_int_t)process->sums[kind].blocks));
		set(sum, "bytes", json_integer((json_int_t)process->sums[kind].bytes));
		set(kinds, leak_kind_names[kind], sum);
	}
	set(object, "found", kinds);
	return object;
}

static json_t *make_processes(const struct leaks_result *result)
{
	json_t *array = json_array();
	for (size_t i = 0; i < result->num_processes; i++)
		json_array_append_new(array, make_process(&result->processes[i]));
	return array;
}

static json_t *make_kinds(const struct leaks_result *result)
{
	json_t *object = json_object();
	for (int kind = 0; kind < LEAK_NUM_KINDS; kind++) {
		json_t *value = json_object();
		set_value(value, &result->verdict.kinds[kind]);
		set(value, "counts", json_boolean(kind != LEAK_UNKNOWN && result->request->counts_kind[kind]));
		set(object, leak_kind_names[kind], value);
	}
	return object;
}

static json_t *make_hidden(const struct leaks_result *result)
{
	size_t num_used;
	const struct leak_rule_use *used = leak_rules_get_used(result->rules, &num_used);
	json_t *array = json_array();
	for (size_t i = 0; i < num_used; i++) {
		json_t *object = json_object();
		set(object, "rule", field_json_text(used[i].name));
		set(object, "file", used[i].file ? field_json_text(used[i].file) : json_null());
		set(object, "line", json_integer(used[i].line));
		set(object, "objects", json_integer(used[i].objects));
		set(object, "bytes", json_integer(used[i].bytes));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *make_frames(const struct view *view, const struct leak_row *row)
{
	json_t *array = json_array();
	for (uint32_t i = 0; i < row->num_frames; i++)
		json_array_append_new(array, field_json_frame(&view->frames[row->frames[i]]));
	return array;
}

// What is lost with the blocks of this stack, or what of them is lost with those of others.
static void set_others(json_t *object, const struct leak_row *row)
{
	if (row->kind != LEAK_DEFINITE && row->kind != LEAK_INDIRECT)
		return;
	set(object, row->kind == LEAK_DEFINITE ? "lost_with_it_bytes" : "lost_with_others_bytes", json_integer(row->with.bytes));
	set(object, row->kind == LEAK_DEFINITE ? "lost_with_it_objects" : "lost_with_others_objects",
	    json_integer(row->with.objects));
}

// Piece by piece: a tree of all stacks would be large.
static void print_stacks(FILE *to, const struct leaks_result *result)
{
	fputs(",\"stacks\":[", to);
	for (size_t i = 0; i < result->verdict.num_rows; i++) {
		const struct leak_row *row = &result->verdict.rows[i];
		json_t *object = json_object();
		set(object, "kind", json_string(leak_kind_names[row->kind]));
		set(object, "counts", json_boolean(leaks_result_counts(result, row)));
		set_value(object, &row->value);
		set_others(object, row);
		set(object, "frames", make_frames(result->view, row));
		fputs(i ? ",\n" : "\n", to);
		json_dumpf(object, to, JSON_COMPACT);
		json_decref(object);
	}
	putc(']', to);
}

static void print_member(FILE *to, const char *before, const char *key, json_t *value)
{
	fprintf(to, "%s\"%s\":", before, key);
	json_dumpf(value, to, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(value);
}

void leaks_print_json(FILE *to, const struct leaks_result *result)
{
	static const char *const answers[] = { [LEAKS_CLEAN] = "clean", [LEAKS_FOUND] = "leak", [LEAKS_UNTOLD] = "unknown" };
	char storage[2048];
	struct text answer = TEXT_ON(storage);
	json_t *lost = json_object();
	uint64_t scanned_bytes = 0;
	for (size_t i = 0; i < result->num_processes; i++)
		scanned_bytes += result->processes[i].scanned_bytes;
	leaks_add_answer(&answer, result);
	set_value(lost, &result->lost);
	set(lost, "stacks", json_integer((json_int_t)result->num_lost_rows));
	print_member(to, "{", "version", json_integer(FORMAT_VERSION));
	print_member(to, ",", "command", make_command(result));
	print_member(to, ",", "pid", result->pid ? json_integer(result->pid) : json_null());
	print_member(to, ",", "verdict", json_string(answers[result->answer]));
	print_member(to, ",", "message", field_json_text(storage));
	print_member(to, ",", "status", json_integer(result->status));
	print_member(to, ",", "program_status", result->request->argv ? json_integer(result->program_status) : json_null());
	print_member(to, ",", "program_signal", result->program_signal ? json_integer(result->program_signal) : json_null());
	print_member(to, ",", "is_foreign_allocator", json_boolean(result->has_foreign_allocator));
	print_member(to, ",", "pause_ms", result->pause_ns < 0 ? json_null() : json_real((double)result->pause_ns / 1e6));
	print_member(to, ",", "scanned_bytes", json_integer((json_int_t)scanned_bytes));
	print_member(to, ",", "is_estimate", json_boolean(result->verdict.is_estimate));
	print_member(to, ",", "lost", lost);
	print_member(to, ",", "max_bytes", json_integer(result->request->max_bytes));
	print_member(to, ",", "kinds", make_kinds(result));
	print_member(to, ",", "hidden", make_hidden(result));
	print_member(to, ",", "unused_rules", json_integer((json_int_t)leak_rules_get_num_unused(result->rules)));
	print_member(to, ",\n", "processes", make_processes(result));
	print_stacks(to, result);
	fputs("}\n", to);
}
