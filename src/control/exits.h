// SPDX-License-Identifier: Apache-2.0
/*
 * Exits: the last dump of a program that ends by itself.
 *
 * INSIDE.  exit() and return from main are caught by a handler that is registered before any other, and
 * so runs after all of them and after the destructors of all libraries; quick_exit() likewise; _exit()
 * and _Exit() are interposed.
 */
#ifndef CAIRN_CONTROL_EXITS_H
#define CAIRN_CONTROL_EXITS_H

void exits_init(void);

// In a forked child: it has its own end before it.
void exits_after_fork(void);

#endif
