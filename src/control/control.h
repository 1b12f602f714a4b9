// SPDX-License-Identifier: Apache-2.0
/*
 * Control: the process-wide state of what is not profiling itself, and the way it is set up.
 *
 * INSIDE.  Constant after profiler_start(), save where a field says otherwise.
 */
#ifndef CAIRN_CONTROL_CONTROL_H
#define CAIRN_CONTROL_CONTROL_H

#include <stdbool.h>

#include "control/config.h"

struct control {
	struct config config;
	char program[256]; // base name of the executable
	char host[65];
};

extern struct control control;

#endif
