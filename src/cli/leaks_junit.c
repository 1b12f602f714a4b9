// SPDX-License-Identifier: Apache-2.0
// `cairn leaks --junit`: the answer as a CI system shows test results.  OUTSIDE.
#include "cli/leaks_result.h"

#include <mxml.h>
#include <stdlib.h>

#include "report/printable.h"

#define MAX_NAMED_FRAMES 4 // of a stack, in the name of its test case

static void set(mxml_node_t *element, const char *name, const char *value)
{
	char *harmless = printable_create(value, printable_add_utf8);
	mxmlElementSetAttr(element, name, harmless);
	free(harmless);
}

static mxml_node_t *add_case(mxml_node_t *suite, const struct leaks_result *result, const char *name)
{
	mxml_node_t *element = mxmlNewElement(suite, "testcase");
	set(element, "classname", result->subject);
	set(element, "name", name);
	return element;
}

static mxml_node_t *add_outcome(mxml_node_t *test, const char *what, const char *type, const char *message)
{
	mxml_node_t *element = mxmlNewElement(test, what);
	set(element, "type", type);
	set(element, "message", message);
	return element;
}

// Without numbers, so that it is the same in the next run.
static void print_name(FILE *to, const struct leaks_result *result, const struct leak_row *row)
{
	fprintf(to, "%s: ", leak_kind_names[row->kind]);
	for (uint32_t i = 0; i < row->num_frames && i < MAX_NAMED_FRAMES; i++)
		fprintf(to, "%s%s", i ? " < " : "", result->view->frames[row->frames[i]].name);
	fputs(row->num_frames > MAX_NAMED_FRAMES ? " ..." : row->num_frames ? "" : "[no stack]", to);
}

static void add_leak(mxml_node_t *suite, const struct leaks_result *result, const struct leak_row *row)
{
	char storage[256], *name = NULL, *stack = NULL;
	size_t size;
	struct text message = TEXT_ON(storage);
	FILE *to = open_memstream(&name, &size);
	if (to) {
		print_name(to, result, row);
		fclose(to);
	}
	to = open_memstream(&stack, &size);
	if (to) {
		leaks_print_stack(to, result, row, "", printable_add_utf8);
		fclose(to);
	}
	leaks_add_loss(&message, row);
	mxml_node_t *test = add_case(suite, result, name ? name : "");
	mxmlNewText(add_outcome(test, "failure", leak_kind_names[row->kind], storage), 0, stack ? stack : "");
	free(name);
	free(stack);
}

static mxml_node_t *make_document(const struct leaks_result *result)
{
	mxml_node_t *document = mxmlNewXML("1.0"), *suites = mxmlNewElement(document, "testsuites");
	mxml_node_t *suite = mxmlNewElement(suites, "testsuite");
	size_t num_failures = result->answer == LEAKS_FOUND ? result->num_lost_rows : 0;
	char storage[2048];
	struct text answer = TEXT_ON(storage);
	leaks_add_answer(&answer, result);
	set(suite, "name", "cairn leaks");
	mxmlElementSetAttrf(suite, "tests", "%zu", num_failures ? num_failures : 1);
	mxmlElementSetAttrf(suite, "failures", "%zu", num_failures);
	mxmlElementSetAttrf(suite, "errors", "%d", result->answer == LEAKS_UNTOLD);
	mxmlElementSetAttr(suite, "skipped", "0");
	for (size_t i = 0; i < result->verdict.num_rows && num_failures; i++)
		if (leaks_result_counts(result, &result->verdict.rows[i]))
			add_leak(suite, result, &result->verdict.rows[i]);
	if (num_failures)
		return document;
	mxml_node_t *test = add_case(suite, result, "no leaks");
	if (result->answer == LEAKS_UNTOLD)
		add_outcome(test, "error", "could not tell", storage);
	return document;
}

// Each element begins a line, but for the declaration, before which there may be nothing.
static const char *make_space(mxml_node_t *node, int where)
{
	return (where == MXML_WS_BEFORE_OPEN && mxmlGetParent(node)) || where == MXML_WS_AFTER_CLOSE ? "\n" : NULL;
}

void leaks_print_junit(FILE *to, const struct leaks_result *result)
{
	mxml_node_t *document = make_document(result);
	mxmlSetWrapMargin(0);
	mxmlSaveFile(document, to, make_space);
	mxmlDelete(document);
}
