// SPDX-License-Identifier: Apache-2.0
// Entering allocations and freeings at a site, as shim/record.c does.
#ifndef CAIRN_TESTS_TALLYING_H
#define CAIRN_TESTS_TALLYING_H

#include "ledger/sites.h"
#include "ledger/tallies.h"

static inline uint64_t add_allocation(struct ledger_writer *writer, uint32_t site, uint64_t size_bytes, uint64_t weight)
{
	return tally_add_allocation(writer, ledger_writer_tally(writer, site), size_bytes, weight);
}

static inline void add_freeing(struct ledger_writer *writer, uint32_t site, uint64_t size_bytes, uint64_t weight)
{
	tally_add_freeing(writer, ledger_writer_tally(writer, site), size_bytes, weight);
}

#endif
