// SPDX-License-Identifier: Apache-2.0
// Leaks, show: a result printed, and written to the files that were asked for.  OUTSIDE.
#include <stdlib.h>

#include "base/memory.h"
#include "cli/leaks_junit.h"
#include "cli/leaks_output.h"
#include "cli/leaks_result.h"
#include "pprof/file.h"
#include "report/printable.h"

static void print(FILE *to, const void *result)
{
	(((const struct leaks_result *)result)->request->form == LEAKS_JSON ? leaks_print_json : leaks_print_text)(to, result);
}

static void add_failure(struct junit *junit, const struct leaks_result *result, const struct leak_row *row)
{
	char storage[256], *stack = NULL;
	size_t size;
	struct text message = TEXT_ON(storage);
	FILE *to = open_memstream(&stack, &size);
	if (to) {
		leaks_print_stack(to, result, row, "", printable_add_utf8);
		fclose(to);
	}
	leaks_add_loss(&message, row);
	junit_add(junit, &(struct junit_failure){
				 junit_create_name(leak_kind_names[row->kind], result->view, row->frames, row->num_frames),
				 memory_copy_string(leak_kind_names[row->kind]), memory_copy_string(storage),
				 stack ? stack : memory_copy_string("") });
}

static bool write_junit(const struct leaks_result *result, struct error *error)
{
	char storage[2048];
	struct text answer = TEXT_ON(storage);
	struct junit junit;
	leaks_add_answer(&answer, result);
	junit_init(&junit, result->subject, result->answer, storage);
	if (result->program_status) {
		struct text failure = TEXT_ON(storage);
		leaks_add_failure(&failure, result);
		junit.program_failure = memory_copy_string(storage);
	}
	for (size_t i = 0; i < result->verdict.num_rows && result->answer == LEAKS_FOUND; i++)
		if (leaks_result_counts(result, &result->verdict.rows[i]) && leaks_result_is_own(result, &result->verdict.rows[i]))
			add_failure(&junit, result, &result->verdict.rows[i]);
	bool is_written = junit_write(result->request->junit, &junit, error);
	junit_deinit(&junit);
	return is_written;
}

bool leaks_result_show(const struct leaks_result *result, struct error *error)
{
	const struct leaks_request *request = result->request;
	bool is_shown = true;
	if (request->argv && !request->log)
		print(stderr, result);
	else
		is_shown = leaks_output_write(request->log ? request->log : "-", &(struct leaks_output){ print, result }, error);
	struct file_contents contents = file_contents_of(result->store);
	if (is_shown && request->out && !result->store->num_types)
		is_shown = error_set(error, "%s: not written: there is nothing to be in it", request->out);
	else if (is_shown && request->out)
		is_shown = file_write(request->out, &contents, error);
	return is_shown && (!request->junit || write_junit(result, error));
}
