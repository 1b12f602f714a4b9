// SPDX-License-Identifier: Apache-2.0
/*
 * Refusal: why the kernel does not let us trace a process, and what to do about it.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_TARGET_REFUSAL_H
#define CAIRN_TARGET_REFUSAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

// False, with an error, if it is certain beforehand: there is no such process, it is this one, a thread, a part of the
// kernel, or traced already.
bool refusal_is_absent(pid_t pid, struct error *error);

// What errno of ptrace() means for this process.  Returns false.
bool refusal_explain(pid_t pid, int reason, struct error *error);

#endif
