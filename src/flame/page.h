// SPDX-License-Identifier: Apache-2.0
/*
 * Page: an interactive flame graph as one HTML file that needs nothing else.
 *
 * OUTSIDE; one thread.  The same view makes the same bytes.
 */
#ifndef CAIRN_FLAME_PAGE_H
#define CAIRN_FLAME_PAGE_H

#include "flame/data.h"

// 0, or the errno value of what failed.
int flame_page_write(const struct flame_page *page, int fd);

#endif
