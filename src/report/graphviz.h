// SPDX-License-Identifier: Apache-2.0
/*
 * Graphviz: its program dot, which lays graphs out and draws them.
 *
 * OUTSIDE; for a process with one thread.
 */
#ifndef CAIRN_REPORT_GRAPHVIZ_H
#define CAIRN_REPORT_GRAPHVIZ_H

#include <stdbool.h>

#include "base/error.h"

// Draw what is in a file of DOT, in a format that dot -T knows, into another file.  Both are open for reading and
// writing, at their beginnings.
bool graphviz_draw(const char *format, int dot, int picture, struct error *error);

#endif
