// SPDX-License-Identifier: Apache-2.0
// What the program endings can do, and what is in its memory until its end.
#ifndef CAIRN_TESTS_ENDINGS_H
#define CAIRN_TESTS_ENDINGS_H

#include <stdint.h>

#define ENDINGS_ADDRESS UINT64_C(0x20000000)
#define ENDINGS_MAGIC UINT64_C(0x456e64696e672121)

#define ENDINGS(x) \
	x(seven) x(leave_raw) x(others_run) x(thread_ends_all) x(first_leaves) x(last_leaves) x(many_threads) x(aborts) \
	x(segfaults) x(overflows) x(dumps_core) x(terminated) x(killed) x(thread_executes) x(first_leaves_and_thread_executes) \
	x(executes) x(forks) x(vforks) x(vforks_and_executes) x(shares_memory) x(leaves_an_orphan) x(leaves_a_daemon) \
	x(stops) x(speaks_later) x(watches_children) x(gets_signals) x(ignores_signals)

#endif
