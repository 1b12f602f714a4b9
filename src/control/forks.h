// SPDX-License-Identifier: Apache-2.0
/*
 * Forks: what happens to the profiler around fork().
 *
 * INSIDE.  The parent's snapshot is taken while nobody is inside, and the gate is opened again before
 * fork() goes on: other handlers of fork(), and libc itself, wait for locks that a thread at our gate
 * might hold.
 */
#ifndef CAIRN_CONTROL_FORKS_H
#define CAIRN_CONTROL_FORKS_H

void forks_init(void);

#endif
