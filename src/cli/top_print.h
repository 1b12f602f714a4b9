// SPDX-License-Identifier: Apache-2.0
/*
 * `cairn top` to files and pipes: a table, a JSON object, or a time series as CSV.
 *
 * OUTSIDE.  Everything goes to stdout.  The results are exit statuses.
 */
#ifndef CAIRN_CLI_TOP_PRINT_H
#define CAIRN_CLI_TOP_PRINT_H

#include "cli/top_state.h"

int top_print_table(const struct top *top, const struct top_options *options);
int top_print_json(const struct top *top, const struct top_options *options);

// A header line, then a line for each site of each moment, until the process ends or there were enough.
int top_print_csv(struct top *top, const struct top_options *options);

#endif
