// SPDX-License-Identifier: Apache-2.0
// Kind: what became of a block that was never freed.  OUTSIDE.
#include "leaks/kind.h"

const char *const leak_kind_names[LEAK_NUM_KINDS] = { "definite", "indirect", "reachable", "unknown" };
