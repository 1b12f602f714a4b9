// SPDX-License-Identifier: Apache-2.0
/*
 * Template: the page without its profile, made of the files in page/ by embed.py.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_FLAME_TEMPLATE_H
#define CAIRN_FLAME_TEMPLATE_H

extern const char template_before[];
extern const char template_after[];

#endif
