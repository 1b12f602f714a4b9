// SPDX-License-Identifier: Apache-2.0
// Varied stacks: a loop deep below main that allocates at the end of paths of 5 calls, at random, each of a size of its own.
#include "descent.h"
#include "workload.h"

static void allocate_and_free(uint64_t path)
{
	free(allocate(path));
}

void run_varied(unsigned num_upper, uint64_t num_operations)
{
	struct descent descent = { .bottom = allocate_and_free, .num_times = num_operations, .is_varied = true };
	descend_in_c(num_upper, &descent);
}
