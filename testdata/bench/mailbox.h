// SPDX-License-Identifier: Apache-2.0
// Mailbox: threads hand each other batches of blocks: what one allocates, another frees.
#ifndef CAIRN_BENCH_MAILBOX_H
#define CAIRN_BENCH_MAILBOX_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "workload.h"

#define MAILBOX_BATCH 256

struct mailbox {
	_Alignas(64) atomic_bool is_full; // set by the sender, cleared by the receiver
	void *blocks[MAILBOX_BATCH];
};

static inline void mailbox_wait_until(atomic_bool *flag, bool value)
{
	for (unsigned spins = 0; atomic_load_explicit(flag, memory_order_acquire) != value; spins++)
		if (spins > 1000)
			sched_yield();
}

// Allocate so many blocks, a batch at a time, for who has the outbox as an inbox, and free as many.  A thread alone has
// one mailbox for both.
static inline void mailbox_exchange(struct mailbox *outbox, struct mailbox *inbox, uint64_t num_operations)
{
	for (uint64_t done = 0; done < num_operations; done += MAILBOX_BATCH) {
		mailbox_wait_until(&outbox->is_full, false);
		for (uint64_t i = 0; i < MAILBOX_BATCH; i++)
			outbox->blocks[i] = allocate(done + i);
		atomic_store_explicit(&outbox->is_full, true, memory_order_release);
		mailbox_wait_until(&inbox->is_full, true);
		for (uint64_t i = 0; i < MAILBOX_BATCH; i++)
			free(inbox->blocks[i]);
		atomic_store_explicit(&inbox->is_full, false, memory_order_release);
	}
}

#endif
