// SPDX-License-Identifier: Apache-2.0
/*
 * Library: where libcairn.so is, as LD_PRELOAD can name it.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_LIBRARY_H
#define CAIRN_CLI_LIBRARY_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"

// Find the library beside this program (as in a build directory) or where it was installed with it.
bool library_find(char path[PATH_MAX], struct error *error);

// LD_PRELOAD is a list separated by spaces and colons: a path with one of them gets a symbolic link in directory,
// whose path becomes the library's.  *is_linked tells whether there is one.
bool library_make_plain(char path[PATH_MAX], const char *directory, bool *is_linked, struct error *error);

#endif
