// SPDX-License-Identifier: Apache-2.0
// Program: the file that is to be executed.  OUTSIDE.
#include "launch/program.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"

#define MAX_INTERPRETERS 5 // of a script whose interpreter is a script; the kernel follows as many

static bool is_program(const char *path, int *error)
{
	struct stat status;
	if (stat(path, &status) != 0)
		*error = *error == EACCES ? EACCES : errno;
	else if (S_ISDIR(status.st_mode))
		*error = EISDIR;
	else if (access(path, X_OK) != 0)
		*error = EACCES;
	else
		return true;
	return false;
}

static char *find_in_path(const char *name, int *error)
{
	const char *directories = getenv("PATH");
	const char *at = directories ? directories : "/bin:/usr/bin";
	*error = ENOENT;
	for (;;) {
		int length = (int)strcspn(at, ":");
		char *path;
		if (asprintf(&path, "%.*s%s%s", length, at, length ? "/" : "", name) < 0)
			return NULL;
		if (is_program(path, error))
			return path;
		free(path);
		if (!at[length])
			return NULL;
		at += length + 1;
	}
}

bool program_find(const char *name, char **path, int *status, struct error *error)
{
	int reason = ENOENT;
	if (strchr(name, '/') || !*name)
		*path = is_program(name, &reason) ? strdup(name) : NULL;
	else
		*path = find_in_path(name, &reason);
	*status = reason == EACCES || reason == EISDIR ? 126 : 127;
	return *path || error_set(error, "%s: %s", name, reason == ENOENT ? "no such program" : strerror(reason));
}

// The kernel starts such a program with AT_SECURE, and its loader then ignores LD_PRELOAD.
static bool gains_privileges(const char *path, struct error *why)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return false;
	if ((status.st_mode & S_ISUID) && status.st_uid != getuid())
		return !error_set(why, "%s is setuid: it ignores what is preloaded; run cairn as its user", path);
	if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != getgid())
		return !error_set(why, "%s is setgid: it ignores what is preloaded; run cairn as its group", path);
	if (geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		return !error_set(why, "%s has file capabilities: it ignores what is preloaded; run cairn as root", path);
	return false;
}

static bool is_go(Elf *elf)
{
	size_t names;
	Elf_Scn *section = NULL;
	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
		if (name && (strcmp(name, ".gopclntab") == 0 || strcmp(name, ".go.buildinfo") == 0))
			return true;
	}
	return false;
}

// The loader that the program names; "" if none.
static void read_loader(Elf *elf, int fd, char *loader, size_t size_bytes)
{
	size_t num_headers = 0;
	*loader = 0;
	elf_getphdrnum(elf, &num_headers);
	for (size_t i = 0; i < num_headers; i++) {
		GElf_Phdr header;
		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_INTERP)
			continue;
		ssize_t got = pread(fd, loader, size_bytes - 1, (off_t)header.p_offset);
		loader[got > 0 ? got : 0] = 0;
		return;
	}
}

static bool can_be_preloaded(Elf *elf, int fd, const char *path, struct error *why)
{
	char loader[256];
	GElf_Ehdr header;
	if (!gelf_getehdr(elf, &header))
		return true;
	if (header.e_machine == EM_386 || (header.e_machine == EM_X86_64 && header.e_ident[EI_CLASS] != ELFCLASS64))
		return error_set(why, "%s is a 32-bit program, and cairn is for x86-64", path);
	if (header.e_machine != EM_X86_64)
		return error_set(why, "%s is for another architecture (ELF machine %u), and cairn is for x86-64", path,
				 (unsigned)header.e_machine);
	read_loader(elf, fd, loader, sizeof(loader));
	if (!*loader && strncmp(text_base_name(path), "ld-linux", 8) == 0)
		return true; // the loader itself, called as a program
	if (!*loader && is_go(elf))
		return error_set(why, "%s is a statically linked Go program: nothing can be preloaded into it, and Go's own "
				      "profiler sees all of its memory", path);
	if (!*loader)
		return error_set(why, "%s is statically linked: nothing can be preloaded into it", path);
	if (strstr(loader, "ld-musl"))
		return error_set(why, "%s is of musl, not glibc: its stacks could only be followed by frame pointers", path);
	return true;
}

static bool can_elf_be_preloaded(int fd, const char *path, struct error *why)
{
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	bool can = !elf || elf_kind(elf) != ELF_K_ELF || can_be_preloaded(elf, fd, path, why);
	elf_end(elf);
	return can;
}

// "#! /usr/bin/env python3 -x": the interpreter, as a file.  NULL if it is no script, or there is no such file.
static char *find_interpreter(int fd)
{
	char line[256], *rest = NULL, *found = NULL;
	int status;
	struct error ignored;
	ssize_t got = pread(fd, line, sizeof(line) - 1, 0);
	line[got > 0 ? got : 0] = 0;
	if (strncmp(line, "#!", 2) != 0)
		return NULL;
	line[strcspn(line, "\n")] = 0;
	char *name = strtok_r(line + 2, " \t", &rest), *argument = strtok_r(NULL, " \t", &rest);
	if (name && strcmp(text_base_name(name), "env") == 0 && argument && !strpbrk(argument, "-="))
		name = argument;
	return name && program_find(name, &found, &status, &ignored) ? found : NULL;
}

static bool check(const char *path, int num_left, struct error *why)
{
	if (gains_privileges(path, why))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return true;
	char *interpreter = find_interpreter(fd);
	bool can = interpreter ? num_left == 0 || check(interpreter, num_left - 1, why) : can_elf_be_preloaded(fd, path, why);
	free(interpreter);
	close(fd);
	return can;
}

bool program_can_be_preloaded(const char *path, struct error *why)
{
	return check(path, MAX_INTERPRETERS, why);
}
