// SPDX-License-Identifier: Apache-2.0
// Debug files: those that belong to a binary.  OUTSIDE.
#include "symbolize/debug_files.h"

#include <gelf.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <zlib.h>

#include "base/text.h"
#include "symbolize/download.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"

// What a file must be to be the one.
struct wanted {
	const char *build_id; // "": tell by the checksum; NULL: any
	GElf_Word checksum;
	const struct symbols_search *search;
	struct elf_file *found;
};

static bool has_checksum(const struct elf_file *file, GElf_Word wanted)
{
	unsigned char buffer[1 << 16];
	uLong checksum = crc32(0, NULL, 0);
	ssize_t num_bytes;
	for (off_t at = 0; (num_bytes = pread(file->fd, buffer, sizeof(buffer), at)) > 0; at += num_bytes)
		checksum = crc32(checksum, buffer, (uInt)num_bytes);
	return checksum == wanted;
}

static bool try_path(const struct wanted *wanted, const char *path)
{
	struct error error;
	if (!elf_file_open(wanted->found, path, &error))
		return false;
	if (!wanted->build_id ||
	    (*wanted->build_id ? elf_file_has_build_id(wanted->found, wanted->build_id) : has_checksum(wanted->found, wanted->checksum)))
		return true;
	elf_file_close(wanted->found);
	return false;
}

// Try an absolute path under the root, then on this machine.
__attribute__((format(printf, 2, 3))) static bool try(const struct wanted *wanted, const char *format, ...)
{
	char path[PATH_MAX];
	size_t root_length = strlen(wanted->search->root);
	if (root_length >= sizeof(path))
		return false;
	memcpy(path, wanted->search->root, root_length);
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(path + root_length, sizeof(path) - root_length, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(path) - root_length)
		return false;
	return try_path(wanted, path) || (root_length && try_path(wanted, path + root_length));
}

// Try suffix in each directory of debug information.
static bool try_directories(const struct wanted *wanted, const char *suffix)
{
	const struct symbols_search *search = wanted->search;
	for (size_t i = 0; i < search->num_debug_directories; i++)
		if (try(wanted, "%s%s", search->debug_directories[i], suffix))
			return true;
	return try(wanted, DEBUG_DIRECTORY "%s", suffix);
}

static bool is_usable(const char *build_id)
{
	size_t length = strlen(build_id);
	return length > 2 && length < ELF_FILE_BUILD_ID_BYTES && strspn(build_id, "0123456789abcdef") == length;
}

static bool try_build_id(const struct wanted *wanted, const char *ending)
{
	char suffix[ELF_FILE_BUILD_ID_BYTES + 40];
	if (!is_usable(wanted->build_id))
		return false;
	snprintf(suffix, sizeof(suffix), "/.build-id/%.2s/%s%s", wanted->build_id, wanted->build_id + 2, ending);
	return try_directories(wanted, suffix);
}

static bool try_download(const struct wanted *wanted, enum download_kind kind)
{
	char *path = is_usable(wanted->build_id) ? download_find(kind, wanted->build_id, wanted->search) : NULL;
	bool is_found = path && try_path(wanted, path);
	free(path);
	return is_found;
}

// The path of a file as it is seen within the root.
static const char *find_inner_path(const struct elf_file *file, const struct symbols_search *search)
{
	size_t length = strlen(search->root);
	return strncmp(file->path, search->root, length) == 0 ? file->path + length : file->path;
}

static bool try_link(const struct wanted *wanted, const struct elf_file *binary, const char *link)
{
	const char *path = find_inner_path(binary, wanted->search);
	int length = (int)(text_base_name(path) - path);
	char suffix[PATH_MAX];
	if (strchr(link, '/'))
		return false;
	if (try(wanted, "%.*s%s", length, path, link) || try(wanted, "%.*s.debug/%s", length, path, link))
		return true;
	return snprintf(suffix, sizeof(suffix), "%.*s%s", length, path, link) < (int)sizeof(suffix) &&
	       try_directories(wanted, suffix);
}

bool debug_files_find_program(const char *build_id, const struct symbols_search *search, struct elf_file *found)
{
	struct wanted wanted = { .build_id = build_id, .search = search, .found = found };
	if (!*build_id || !(try_build_id(&wanted, "") || try_download(&wanted, DOWNLOAD_PROGRAM)))
		return false;
	if (elf_file_is_linked(found))
		return true;
	elf_file_close(found);
	return false;
}

bool debug_files_find(const char *build_id, const struct elf_file *binary, const struct symbols_search *search,
		      struct elf_file *found)
{
	struct wanted wanted = { .build_id = build_id, .search = search, .found = found };
	if (*build_id && try_build_id(&wanted, ".debug"))
		return true;
	const char *link = binary ? dwelf_elf_gnu_debuglink(binary->elf, &wanted.checksum) : NULL;
	if (link && try_link(&wanted, binary, link))
		return true;
	return *build_id && try_download(&wanted, DOWNLOAD_DEBUG);
}

// The name and the build id in a .gnu_debugaltlink section; false if it is damaged.
static bool read_shared_link(const struct elf_file *debug, const char **name, char build_id[ELF_FILE_BUILD_ID_BYTES])
{
	Elf_Scn *section = elf_file_find_section(debug, ".gnu_debugaltlink");
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	const char *end = data && data->d_buf ? memchr(data->d_buf, 0, data->d_size) : NULL;
	if (!end)
		return false;
	*name = data->d_buf;
	const unsigned char *bytes = (const unsigned char *)end + 1;
	size_t num_bytes = data->d_size - (size_t)(bytes - (const unsigned char *)data->d_buf);
	if (2 * num_bytes >= ELF_FILE_BUILD_ID_BYTES)
		return false;
	build_id[0] = 0;
	for (size_t i = 0; i < num_bytes; i++)
		sprintf(build_id + 2 * i, "%02x", bytes[i]);
	return is_usable(build_id);
}

bool debug_files_find_shared(const struct elf_file *debug, const struct symbols_search *search, struct elf_file *found)
{
	char build_id[ELF_FILE_BUILD_ID_BYTES];
	const char *name;
	if (!read_shared_link(debug, &name, build_id))
		return false;
	struct wanted wanted = { .build_id = build_id, .search = search, .found = found };
	const char *path = find_inner_path(debug, search);
	if (*name == '/' ? try(&wanted, "%s", name) : try(&wanted, "%.*s%s", (int)(text_base_name(path) - path), path, name))
		return true;
	return try_build_id(&wanted, ".debug") || try_download(&wanted, DOWNLOAD_DEBUG);
}

bool debug_files_find_part(const char *directory, const char *name, const struct symbols_search *search,
			   struct elf_file *found)
{
	struct wanted wanted = { .search = search, .found = found };
	if (*name == '/' || !directory || !*directory)
		return *name == '/' && try(&wanted, "%s", name);
	return *directory == '/' && try(&wanted, "%s/%s", directory, name);
}
