// SPDX-License-Identifier: Apache-2.0
/*
 * Value: the values of options.  One that cannot be understood ends the program, with what is accepted.
 *
 * OUTSIDE.  option is its long name.
 */
#ifndef CAIRN_CLI_VALUE_H
#define CAIRN_CLI_VALUE_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

// "30s", a year at most; may_be_none: also 0.
int64_t value_read_time(struct argp_state *state, const char *option, const char *argument, bool may_be_none);
// "64K".
int64_t value_read_bytes(struct argp_state *state, const char *option, const char *argument);
// A whole number up to limit.
unsigned long value_read_number(struct argp_state *state, const char *option, const char *argument, unsigned long limit);
// Between 0 and 100.
double value_read_percent(struct argp_state *state, const char *option, const char *argument);

#endif
