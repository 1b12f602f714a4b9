// SPDX-License-Identifier: Apache-2.0
// Report heading: what stands above the tables of `cairn report`.  OUTSIDE.
#ifndef CAIRN_CLI_REPORT_HEADING_H
#define CAIRN_CLI_REPORT_HEADING_H

#include "cli/report.h"

void report_print_heading(FILE *to, const struct report *report);

#endif
