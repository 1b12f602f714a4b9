// SPDX-License-Identifier: Apache-2.0
/*
 * Helper: the thread that dumps on a timer, a signal or growth.  It exists only where one of these was
 * asked for, blocks all signals, and records none of its own allocations.
 *
 * INSIDE.
 */
#ifndef CAIRN_CONTROL_HELPER_H
#define CAIRN_CONTROL_HELPER_H

// Start the thread if the configuration needs one; again in a forked child.
void helper_init(void);

// Ask for one dump.  Signal handlers may call this.
void helper_request_dump(void);

// The heap has grown by CAIRN_DUMP_GROWTH.  Any thread, within an allocation.
void helper_request_growth_dump(void);

#endif
