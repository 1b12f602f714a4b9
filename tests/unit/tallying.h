// SPDX-License-Identifier: Apache-2.0
// Entering allocations and freeings, at a site and of a block, as shim/record.c does.
#ifndef CAIRN_TESTS_TALLYING_H
#define CAIRN_TESTS_TALLYING_H

#include "ledger/blocks.h"
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

static inline enum block_result add_block(struct ledger_writer *writer, const struct block *block, struct block *replaced)
{
	return block_add(writer, block_bucket(writer->ledger, block->address), block, replaced);
}

static inline bool remove_block(struct ledger_writer *writer, uint64_t address, struct block *block)
{
	return block_remove(writer, block_bucket(writer->ledger, address), address, block);
}

#endif
