// SPDX-License-Identifier: Apache-2.0
/*
 * `cairn top` in a terminal: a full-screen view that obeys keys.
 *
 * OUTSIDE; one thread.  However it ends, by a key or a signal, the terminal is as it was before.
 */
#ifndef CAIRN_CLI_TOP_SCREEN_H
#define CAIRN_CLI_TOP_SCREEN_H

#include "cli/top_state.h"

// True if there is a terminal to read keys from and one that can be drawn on.
bool top_screen_is_possible(void);

// Until the user quits: the exit status.
int top_screen_run(struct top *top, const struct top_options *options);

#endif
