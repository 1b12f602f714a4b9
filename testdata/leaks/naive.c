// SPDX-License-Identifier: Apache-2.0
/*
 * Naive: programs as people write them, who forget to free and clean nothing up behind them.
 *
 * usage: naive main|loop|table
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>

struct person {
	char *name;
	int age;
};

static struct person *make_person(const char *name, int age)
{
	struct person *person = (struct person *)malloc(sizeof(*person));
	person->name = strdup(name);
	person->age = age;
	return person;
}

// Ten are made, and only the struct is freed.
static void loop(void)
{
	for (int i = 0; i < 10; i++) {
		struct person *person = make_person("Ada Lovelace", 36);
		free(person);
	}
	loss_tell("definite", 130, 10);
}

static void table(void)
{
	struct person **people = (struct person **)malloc(20 * sizeof(*people));
	for (int i = 0; i < 20; i++)
		people[i] = make_person("Grace Hopper", 85);
	loss_tell("definite", 20 * sizeof(*people), 1);
	loss_tell("indirect", 20 * (sizeof(struct person) + 13), 40);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "main";
	if (!strcmp(kind, "loop"))
		loop();
	if (!strcmp(kind, "table"))
		table();
	if (!strcmp(kind, "main")) {
		char *text = (char *)malloc(100);
		strcpy(text, "definite 100 1\n");
		if (write(STDOUT_FILENO, text, strlen(text)) < 0)
			return 3;
	}
	return 0;
}
