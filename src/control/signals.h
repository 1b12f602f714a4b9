// SPDX-License-Identifier: Apache-2.0
/*
 * Signals: cairn's handlers for CAIRN_SIGNAL and CAIRN_FATAL, out of sight of the program.
 *
 * The program's own action for such a signal is kept aside: it is what sigaction() and signal() report,
 * and what runs when the signal comes.  Without these variables no handler is installed, and the two
 * functions pass straight through.
 *
 * INSIDE.
 */
#ifndef CAIRN_CONTROL_SIGNALS_H
#define CAIRN_CONTROL_SIGNALS_H

void signals_init(void);

// In a forked child: a lock held by a thread of the parent is free.
void signals_after_fork(void);

// Give the signals back to the program.  After signals_after_fork(), in a child that is not profiled.
void signals_deinit(void);

#endif
