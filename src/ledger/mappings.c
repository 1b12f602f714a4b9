// SPDX-License-Identifier: Apache-2.0
// Mappings: the executable ranges that frames lie in.  INSIDE.
#include "ledger/mappings.h"

uint32_t mapping_add(struct ledger *ledger, const struct mapping *mapping)
{
	uint32_t number = ledger_add(ledger, LEDGER_MAPPINGS, 1);
	if (!number) {
		ledger_count(ledger, LEDGER_COUNTER_dropped_mappings, 1);
		return 0;
	}
	// Visible to readers through the frames that name it; until then an empty range.
	ledger->mappings[number] = (struct ledger_mapping){
		.start = mapping->start,
		.limit = mapping->limit,
		.offset = mapping->offset,
		.path = ledger_add_string(ledger, mapping->path),
		.build_id = ledger_add_string(ledger, mapping->build_id),
	};
	return number;
}
