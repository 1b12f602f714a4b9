// SPDX-License-Identifier: Apache-2.0
/*
 * What cairn knows of a thread.  Zeroed when the thread starts; needs no construction and no
 * destruction, so it serves the first and the last allocation of a thread alike.
 *
 * INSIDE.  In the static TLS block: reaching it never calls the loader.
 */
#ifndef CAIRN_SHIM_THREAD_H
#define CAIRN_SHIM_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "sample/sampler.h"
#include "unwind/stack.h"

// In the tid of a thread that was first asked for it in the child of vfork(), where it has another one: nobody is to
// think that this thread has ended when that process has.
#define THREAD_IS_GUEST UINT32_C(0x40000000)

struct thread {
	struct sampler sampler; // first: the fast path reads it
	bool is_seeded;
	bool is_own;         // within a call that cairn makes for itself: nothing is recorded
	uint16_t lane;       // used last
	uint32_t tid;        // 0: not asked yet, in this process; or another number that no thread has
	uint32_t num_own;    // allocations seen while is_own; for real_probe_operators()
	uint32_t num_events; // recorded; a clock for measuring cairn's own time now and then
	// The event that is being recorded: where its cookie lies on the stack (0: none), and its value.
	uintptr_t inside_at;
	uint64_t inside_cookie;
	struct stack_memory stack;
	// An operator new that passes on more bytes than it was asked for: what to enter instead of them.
	struct {
		uintptr_t sp;         // of the operator's caller
		uint64_t asked_bytes;
		uint64_t most_bytes;  // that it may pass on; 0: there is none
	} rounding;
};

extern _Thread_local struct thread thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

#endif
