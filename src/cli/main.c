// SPDX-License-Identifier: Apache-2.0
// cairn: the command line.  OUTSIDE.
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "cli/command.h"
#include "profile/version.h"

static const struct command commands[] = {
	{ "run", "run a program and profile its heap", run_main },
	{ "list", "what is being profiled on this machine", list_main },
	{ "top", "live view of a program's heap", top_main },
	{ "dump", "write the profile of a running or dead program", dump_main },
	{ "report", "what a profile tells: functions and stacks, as text or data", report_main },
	{ "diff", "what grew between two profiles, and what of it is chance", diff_main },
	{ "leaks", "whether a program or process leaks, what it lost and where", leaks_main },
	{ "flame", "an interactive flame graph of a profile, or of two compared", flame_main },
	{ "symbolize", "give a profile the names and lines of its code", symbolize_main },
	{ "merge", "write the sum of profiles", merge_main },
	{ "remove", "delete the ledgers of dead programs", remove_main },
};

#define NUM_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
	fprintf(to, "Usage: cairn COMMAND [OPTION...] [ARGUMENT...]\n"
		    "Heap profiler for native programs: which call stacks hold memory, and how much.\n\n");
	for (size_t i = 0; i < NUM_COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n"
		    "Examples:\n"
		    "  cairn run -- ./server --port 80    its profile is there, however it ends\n"
		    "  cairn report heap.pb.gz            which functions and stacks hold memory\n"
		    "  cairn flame heap.pb.gz             the same as a page for the browser\n"
		    "  cairn list                         what is being profiled\n"
		    "  cairn top 1234                     look into it while it runs\n"
		    "  cairn report 1234                  where its memory is now\n"
		    "  cairn leaks -- ./test-suite        what it lost; for CI, too\n"
		    "  cairn diff old.pb.gz new.pb.gz     what grew\n"
		    "\n"
		    "'cairn COMMAND --help' and 'man cairn' tell more; 'cairn --version' prints the\n"
		    "version.\n");
}

static int print_version(void)
{
	printf("cairn %s\n", CAIRN_VERSION);
	return COMMAND_DONE;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < NUM_COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	fprintf(stderr, "cairn: %s: no such command; 'cairn --help' lists them, 'cairn run -- PROGRAM' profiles a program\n", name);
	return NULL;
}

// `cairn help` and `cairn help COMMAND`.
static int help(const char *name)
{
	if (!name || *name == '-') {
		print_help(stdout);
		return COMMAND_DONE;
	}
	const struct command *command = find_command(name);
	return command ? command->run(2, (char *[]){ (char *)command->name, (char[]){ "--help" }, NULL }) : COMMAND_MISUSED;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	setlocale(LC_CTYPE, ""); // the characters of a terminal; numbers stay as they are
	if (!name) {
		print_help(stderr);
		return COMMAND_MISUSED;
	}
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "-?") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		return print_version();
	const struct command *command = find_command(name);
	return command ? command->run(argc - 1, argv + 1) : COMMAND_MISUSED;
}
