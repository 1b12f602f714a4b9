// SPDX-License-Identifier: Apache-2.0
/*
 * Messages: the few lines that cairn may write to the program's stderr.
 *
 * INSIDE, any thread, signal handlers too.
 */
#ifndef CAIRN_CONTROL_MESSAGE_H
#define CAIRN_CONTROL_MESSAGE_H

#include "base/text.h"

// Remember which file stderr is.  If the program closes it, and another file gets its number, nothing is
// written any more.
void message_init(void);

// A configuration error, which is always said: error is a whole line.
void message_error(const struct text *error);

// With CAIRN_VERBOSE=1: "cairn[PID]: what detail".  detail may be NULL.
void message_verbose(const char *what, const char *detail);

#endif
