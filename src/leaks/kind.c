// SPDX-License-Identifier: Apache-2.0
// Kind: what became of a block that was never freed, in words.  OUTSIDE.
#include "leaks/kind.h"

const char *const leak_kind_names[LEAK_NUM_KINDS] = {
	[LEAK_DEFINITE] = "definite",
	[LEAK_INDIRECT] = "indirect",
	[LEAK_REACHABLE] = "reachable",
	[LEAK_UNKNOWN] = "unknown",
};
