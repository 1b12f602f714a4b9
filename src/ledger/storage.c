// SPDX-License-Identifier: Apache-2.0
// Storage: where a ledger is kept.  INSIDE.
#include "ledger/storage.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/system.h"
#include "base/text.h"

#define FILE_MODE 0600 // a ledger tells a command line
#define MAX_NAMES 1000 // of earlier processes with our pid
#define MAX_PROGRAM_BYTES 200
#define POPULATE_WRITE 23 // MADV_POPULATE_WRITE
#define PAGE_BYTES UINT64_C(4096)

// Making a file larger than the limit on file sizes would bring the program SIGXFSZ.
static bool may_have_file_of(uint64_t size_bytes)
{
	struct rlimit limit;
	return system_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit) == 0 &&
	       limit.rlim_cur >= size_bytes;
}

static void make_name(struct text *name, const struct storage *storage, int number)
{
	text_add_bytes(name, storage->program, strnlen(storage->program, MAX_PROGRAM_BYTES));
	text_add(name, ".");
	text_add_number(name, (uint64_t)system_pid());
	if (number > 1) {
		text_add(name, ".");
		text_add_number(name, (uint64_t)number);
	}
	text_add(name, ".cairn");
}

// A descriptor, or -errno.  EPERM: others could replace what is in it.
static long open_directory(const struct storage *storage)
{
	struct stat status;
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	long directory = system_call3(SYS_open, (long)storage->directory, flags, 0);
	// A process may outlive the run that it belongs to, whose directory went when it was empty.
	if (directory == -ENOENT && system_call3(SYS_mkdir, (long)storage->directory, 0700, 0) == 0)
		directory = system_call3(SYS_open, (long)storage->directory, flags, 0);
	if (directory < 0)
		return directory;
	long result = system_call3(SYS_fstat, directory, (long)&status, 0);
	uint32_t user = (uint32_t)system_call3(SYS_geteuid, 0, 0, 0);
	bool is_shared = (status.st_mode & 022) && !(status.st_mode & S_ISVTX);
	if (result == 0 && ((status.st_uid != user && status.st_uid != 0) || is_shared))
		result = -EPERM;
	if (result == 0)
		return directory;
	system_call3(SYS_close, directory, 0, 0);
	return result;
}

// The number of the name last made, since removing needs it.
static int last_number;

static long create_in(long directory, const struct storage *storage)
{
	long fd = -EEXIST;
	for (int number = 1; fd == -EEXIST && number <= MAX_NAMES; number++) {
		char characters[256];
		struct text name = TEXT_ON(characters);
		make_name(&name, storage, number);
		fd = system_call4(SYS_openat, directory, (long)characters, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				  FILE_MODE);
		last_number = number;
	}
	if (fd >= 0)
		system_call3(SYS_fchmod, fd, FILE_MODE, 0); // whatever the umask
	return fd;
}

static long create_file(const struct storage *storage)
{
	long directory = open_directory(storage);
	if (directory < 0)
		return directory;
	long fd = create_in(directory, storage);
	system_call3(SYS_close, directory, 0, 0);
	return fd;
}

void storage_remove(const struct storage *storage)
{
	char characters[256];
	struct text name = TEXT_ON(characters);
	long directory = open_directory(storage);
	if (directory < 0)
		return;
	make_name(&name, storage, last_number);
	system_call3(SYS_unlinkat, directory, (long)characters, 0);
	system_call3(SYS_close, directory, 0, 0);
}

static int map(long fd, uint64_t size_bytes, void **memory)
{
	int flags = MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);
	long result = system_call6(SYS_mmap, 0, (long)size_bytes, PROT_NONE, flags, fd < 0 ? -1 : fd, 0);
	if (system_is_error(result))
		return (int)-result;
	*memory = (void *)result;
	return 0;
}

// memory, or where the mapping of a file failed, the file: nothing is left of it.
static int map_file(const struct storage *storage, uint64_t size_bytes, void **memory)
{
	if (!may_have_file_of(size_bytes))
		return EFBIG;
	long fd = create_file(storage);
	if (fd < 0)
		return (int)-fd;
	int error = (int)-system_call3(SYS_ftruncate, fd, (long)size_bytes, 0);
	if (!error)
		error = map(fd, size_bytes, memory);
	system_call3(SYS_close, fd, 0, 0);
	if (error)
		storage_remove(storage);
	return error;
}

static int map_memory(uint64_t size_bytes, void **memory)
{
	long fd = -1;
	if (may_have_file_of(size_bytes))
		fd = system_call3(SYS_memfd_create, (long)"cairn", 1 /* MFD_CLOEXEC */, 0);
	if (fd >= 0 && system_call3(SYS_ftruncate, fd, (long)size_bytes, 0) != 0) {
		system_call3(SYS_close, fd, 0, 0);
		fd = -1;
	}
	int error = map(fd, size_bytes, memory);
	if (fd >= 0)
		system_call3(SYS_close, fd, 0, 0);
	return error;
}

int storage_map(const struct storage *storage, bool is_file, uint64_t size_bytes, void **memory)
{
	int error = is_file ? map_file(storage, size_bytes, memory) : map_memory(size_bytes, memory);
	if (!error)
		system_call3(SYS_madvise, (long)*memory, (long)size_bytes, MADV_DONTDUMP);
	return error;
}

bool storage_map_apart(void *memory, uint64_t size_bytes)
{
	long result = system_call6(SYS_mmap, (long)memory, (long)size_bytes, PROT_NONE,
				   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	system_call3(SYS_madvise, (long)memory, (long)size_bytes, MADV_DONTDUMP);
	return !system_is_error(result);
}

bool storage_reserve(void *memory, uint64_t start_bytes, uint64_t limit_bytes)
{
	uint64_t start = ((uintptr_t)memory + start_bytes) & ~(PAGE_BYTES - 1);
	uint64_t limit = ((uintptr_t)memory + limit_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	return limit <= start || system_call3(SYS_madvise, (long)start, (long)(limit - start), POPULATE_WRITE) == 0;
}
