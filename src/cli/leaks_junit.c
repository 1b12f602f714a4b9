// SPDX-License-Identifier: Apache-2.0
// Leaks, JUnit: a verdict as CI systems show test results.  OUTSIDE.
#include "cli/leaks_junit.h"

#include <mxml.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cli/leaks_output.h"
#include "report/printable.h"

#define MAX_NAMED_FRAMES 4 // of a stack, in the name of its test case

void junit_init(struct junit *junit, const char *subject, enum leaks_status answer, const char *message)
{
	*junit = (struct junit){ .subject = subject, .answer = answer, .message = memory_copy_string(message) };
}

void junit_deinit(struct junit *junit)
{
	for (size_t i = 0; i < junit->num_failures; i++) {
		free(junit->failures[i].name);
		free(junit->failures[i].type);
		free(junit->failures[i].message);
		free(junit->failures[i].text);
	}
	free(junit->failures);
	free(junit->program_failure);
	free(junit->message);
}

void junit_add(struct junit *junit, const struct junit_failure *failure)
{
	junit->failures = memory_grow(junit->failures, junit->num_failures, sizeof(*junit->failures));
	junit->failures[junit->num_failures++] = *failure;
}

char *junit_create_name(const char *kind, const struct view *view, const uint32_t *frames, uint32_t num_frames)
{
	char *name = NULL;
	size_t size;
	FILE *to = open_memstream(&name, &size);
	if (!to)
		return memory_copy_string(kind);
	fprintf(to, "%s: ", kind);
	for (uint32_t i = 0; i < num_frames && i < MAX_NAMED_FRAMES; i++)
		fprintf(to, "%s%s", i ? " < " : "", view->frames[frames[i]].name);
	fputs(num_frames > MAX_NAMED_FRAMES ? " ..." : num_frames ? "" : "[no stack]", to);
	fclose(to);
	return name;
}

static void set(mxml_node_t *element, const char *name, const char *value)
{
	char *harmless = printable_create(value, printable_add_utf8);
	mxmlElementSetAttr(element, name, harmless);
	free(harmless);
}

static mxml_node_t *add_case(mxml_node_t *suite, const struct junit *junit, const char *name)
{
	mxml_node_t *element = mxmlNewElement(suite, "testcase");
	set(element, "classname", junit->subject);
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

static mxml_node_t *make_document(const struct junit *junit)
{
	mxml_node_t *document = mxmlNewXML("1.0"), *suites = mxmlNewElement(document, "testsuites");
	mxml_node_t *suite = mxmlNewElement(suites, "testsuite");
	set(suite, "name", "cairn leaks");
	bool has_failed = junit->program_failure != NULL;
	mxmlElementSetAttrf(suite, "tests", "%zu", (junit->num_failures ? junit->num_failures : 1) + has_failed);
	mxmlElementSetAttrf(suite, "failures", "%zu", junit->num_failures);
	mxmlElementSetAttrf(suite, "errors", "%d", (junit->answer == LEAKS_UNTOLD) + has_failed);
	mxmlElementSetAttr(suite, "skipped", "0");
	for (size_t i = 0; i < junit->num_failures; i++) {
		const struct junit_failure *failure = &junit->failures[i];
		mxml_node_t *test = add_case(suite, junit, failure->name);
		mxmlNewText(add_outcome(test, "failure", failure->type, failure->message), 0, failure->text);
	}
	if (has_failed)
		add_outcome(add_case(suite, junit, "the program itself"), "error", "program", junit->program_failure);
	if (junit->num_failures)
		return document;
	mxml_node_t *test = add_case(suite, junit, "no leaks");
	if (junit->answer == LEAKS_UNTOLD)
		add_outcome(test, "error", "could not tell", junit->message);
	return document;
}

// Each element begins a line, but for the declaration, before which there may be nothing.
static const char *make_space(mxml_node_t *node, int where)
{
	return (where == MXML_WS_BEFORE_OPEN && mxmlGetParent(node)) || where == MXML_WS_AFTER_CLOSE ? "\n" : NULL;
}

static void print(FILE *to, const void *junit)
{
	mxml_node_t *document = make_document(junit);
	mxmlSetWrapMargin(0);
	mxmlSaveFile(document, to, make_space);
	mxmlDelete(document);
}

bool junit_write(const char *path, const struct junit *junit, struct error *error)
{
	return leaks_output_write(path, &(struct leaks_output){ print, junit }, error);
}
