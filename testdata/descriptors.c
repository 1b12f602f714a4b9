// SPDX-License-Identifier: Apache-2.0
/*
 * Does as daemons do: closes every descriptor but the standard three, and opens files of its own under
 * the same numbers.  Prints whether each still is the file it was, with just the contents it was given.
 * The argument is a directory for the files.
 */
#include "truth.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FIRST = 3, LAST = 40, NUM_BLOCKS = 500 };

static struct truth truth = {.function = "descriptors_allocate"};
static struct stat stats[LAST + 1];

SITE static void descriptors_allocate(size_t size)
{
	truth_keep(malloc(size));
	truth_add(&truth, size);
}

static void write_line(int fd, int round)
{
	dprintf(fd, "file %d round %d\n", fd, round);
}

static int is_as_written(int fd)
{
	char expected[200], found[200];
	int length = snprintf(expected, sizeof(expected), "file %d round 0\nfile %d round 1\nfile %d round 2\n", fd, fd, fd);
	struct stat stat;
	return fstat(fd, &stat) == 0 && stat.st_ino == stats[fd].st_ino && stat.st_dev == stats[fd].st_dev
	       && stat.st_size == length && pread(fd, found, sizeof(found), 0) == length
	       && !memcmp(expected, found, (size_t)length);
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]))
		return 2;
	descriptors_allocate(1);
	for (int fd = FIRST; fd < 1024; fd++)
		close(fd);
	for (int fd = FIRST; fd <= LAST; fd++) {
		char name[20];
		snprintf(name, sizeof(name), "file.%d", fd);
		if (open(name, O_RDWR | O_CREAT | O_EXCL, 0600) != fd || fstat(fd, &stats[fd]))
			return 3;
	}
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < NUM_BLOCKS; i++)
			descriptors_allocate((size_t)i);
		for (int fd = FIRST; fd <= LAST; fd++)
			write_line(fd, round);
		if (argc > 2)
			raise(atoi(argv[2]));
	}
	int num_good = 0;
	for (int fd = FIRST; fd <= LAST; fd++)
		num_good += is_as_written(fd);
	dprintf(STDOUT_FILENO, "files as written: %d of %d\n", num_good, LAST - FIRST + 1);
	int next = open("last", O_RDWR | O_CREAT, 0600);
	dprintf(STDOUT_FILENO, "next number: %d\n", next);
	truth_print(&truth);
	return 0;
}
