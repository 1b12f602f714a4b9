// SPDX-License-Identifier: Apache-2.0
/*
 * Graph name: strings of somebody else's in quoted strings of DOT, graphviz's language.
 *
 * OUTSIDE; any thread.  Whatever bytes a string has, it neither ends the quotes nor is obeyed there, and what graphviz
 * makes of it is well-formed XML.
 */
#ifndef CAIRN_REPORT_GRAPH_NAME_H
#define CAIRN_REPORT_GRAPH_NAME_H

#include <stdio.h>

// Up to 2 KiB, and "…" after what was cut.
void graph_name_write(FILE *file, const char *string);

// The name of a function as the label of a node: without parameters, in a few lines that each end with a line break.
void graph_name_write_label(FILE *file, const char *function);

#endif
