// SPDX-License-Identifier: Apache-2.0
/*
 * Program: the file that is to be executed, and whether a library can be preloaded into it.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_LAUNCH_PROGRAM_H
#define CAIRN_LAUNCH_PROGRAM_H

#include <stdbool.h>

#include "base/error.h"

// The file that execvp() would execute for name: *path is the caller's to free.  False if there is none; then
// *status is what a shell would return, 127 (not found) or 126 (cannot be executed).
bool program_find(const char *name, char **path, int *status, struct error *error);

// False if LD_PRELOAD is ignored, or of no use, in this program or, if it is a script, in its interpreter: it is
// static, gains privileges, is of another architecture or of musl.  The error then says so.  True also for what
// cannot be read: to execute it will tell.
bool program_can_be_preloaded(const char *path, struct error *why);

#endif
