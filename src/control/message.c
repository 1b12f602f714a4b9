// SPDX-License-Identifier: Apache-2.0
// Messages to the program's stderr.  INSIDE.
#include "control/message.h"

#include <sys/stat.h>

#include "base/system.h"
#include "control/control.h"
#include "control/quiet.h"

static struct {
	bool is_open;
	dev_t device;
	ino_t inode;
} stderr_file;

void message_init(void)
{
	struct stat status;
	stderr_file.is_open = system_call3(SYS_fstat, 2, (long)&status, 0) == 0;
	stderr_file.device = status.st_dev;
	stderr_file.inode = status.st_ino;
}

static bool is_stderr(void)
{
	struct stat status;
	return stderr_file.is_open && system_call3(SYS_fstat, 2, (long)&status, 0) == 0 &&
	       status.st_dev == stderr_file.device && status.st_ino == stderr_file.inode;
}

void message_error(const struct text *error)
{
	if (!is_stderr())
		return;
	struct quiet quiet = quiet_begin();
	system_call3(SYS_write, 2, (long)error->start, (long)error->length);
	quiet_end(&quiet);
}

void message_verbose(const char *what, const char *detail)
{
	char storage[CONFIG_MAX_PATH + 256];
	struct text line = TEXT_ON(storage);
	if (!control.config.is_verbose)
		return;
	text_add(&line, "cairn[");
	text_add_number(&line, (uint64_t)system_pid());
	text_add(&line, "]: ");
	text_add(&line, what);
	if (detail)
		text_add(&line, detail);
	line.length -= line.length == line.size_bytes - 1; // room for the end of the line
	text_add(&line, "\n");
	message_error(&line);
}
