// SPDX-License-Identifier: Apache-2.0
// Heap: the types of a heap profile.  BOTH worlds.
#include "profile/heap.h"

const struct profile_type heap_types[HEAP_NUM_VALUES] = {
	[HEAP_ALLOC_OBJECTS] = { "alloc_objects", "count" },
	[HEAP_ALLOC_SPACE] = { "alloc_space", "bytes" },
	[HEAP_INUSE_OBJECTS] = { "inuse_objects", "count" },
	[HEAP_INUSE_SPACE] = { "inuse_space", "bytes" },
};

const struct profile_type heap_period_type = { "space", "bytes" };

const char heap_drop_frames[] =
	"malloc|calloc|realloc|reallocarray|posix_memalign|aligned_alloc|memalign|valloc|pvalloc|"
	"operator new|operator new\\[\\]|_Znwm|_Znam|_Znwm.*align_val_t.*|_Znam.*align_val_t.*|"
	"std::allocator<.*>::allocate|std::allocator_traits<.*>::allocate|std::__new_allocator<.*>::allocate|"
	"__gnu_cxx::new_allocator<.*>::allocate|"
	"__rust_alloc|__rust_alloc_zeroed|__rust_realloc|__rdl_.*|__rg_.*|"
	"alloc::alloc::.*|<alloc::alloc::.*>::.*";
