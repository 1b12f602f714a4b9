// SPDX-License-Identifier: Apache-2.0
/*
 * The heap profile that a ledger holds.
 *
 * BOTH worlds; allocates nothing.  The ledger may be in use meanwhile.
 */
#ifndef CAIRN_PROFILE_FROM_LEDGER_H
#define CAIRN_PROFILE_FROM_LEDGER_H

#include "ledger/read.h"
#include "profile/own_names.h"
#include "profile/profile.h"

struct profile_request {
	bool is_peak;        // inuse_* at the moment of the peak, else now
	bool is_without_inherited; // leave out of alloc_* what the parent allocated before it forked
	int64_t time_ns;     // of the snapshot, since 1970
	int64_t cpu_ns;      // that the program has used so far; 0: not known
	double ticks_per_ns; // of the ledger's ticks; 0: not known
	struct own_names *names; // of this ledger, not pushed yet; NULL: locations have addresses only
	// Called for each site in the place of pushing its sample with the ledger's tallies, to push any number of them
	// with the types inuse_objects and inuse_space only; false ends the stream.  NULL: all types are pushed.
	bool (*split)(void *context, uint32_t site, struct profile_sample *sample, const struct profile_sink *sink);
	void *context; // of split
};

// Push the profile into sink: true if the sink took all of it.
bool profile_from_ledger(const struct ledger *ledger, const struct profile_request *request,
			 const struct profile_sink *sink);

#endif
