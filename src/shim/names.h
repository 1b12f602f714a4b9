// SPDX-License-Identifier: Apache-2.0
/*
 * The functions that cairn stands in front of: X(member of struct real, symbol, result, parameters).
 * INSIDE.  Where a name is missing underneath, its member stays NULL.
 */
#define SHIM_ALLOCATION_NAMES(X)                                              \
	X(malloc, "malloc", void *, (size_t))                                 \
	X(free, "free", void, (void *))                                       \
	X(calloc, "calloc", void *, (size_t, size_t))                         \
	X(realloc, "realloc", void *, (void *, size_t))                       \
	X(posix_memalign, "posix_memalign", int, (void **, size_t, size_t))   \
	X(aligned_alloc, "aligned_alloc", void *, (size_t, size_t))           \
	X(memalign, "memalign", void *, (size_t, size_t))                     \
	X(valloc, "valloc", void *, (size_t))                                 \
	X(pvalloc, "pvalloc", void *, (size_t))                               \
	X(free_sized, "free_sized", void, (void *, size_t))                   \
	X(free_aligned_sized, "free_aligned_sized", void, (void *, size_t, size_t))

// C++ operators by their mangled names (Itanium C++ ABI, 5.1.5): nw and dl are single, na and da are
// arrays; m is size_t, St11align_val_t an alignment, RKSt9nothrow_t std::nothrow.
#define SHIM_NEW_NAMES(X)                                                     \
	X(new_plain, "_Znwm", void *, (size_t))                               \
	X(new_array, "_Znam", void *, (size_t))                               \
	X(new_nothrow, "_ZnwmRKSt9nothrow_t", void *, (size_t, const void *)) \
	X(new_array_nothrow, "_ZnamRKSt9nothrow_t", void *, (size_t, const void *)) \
	X(new_aligned, "_ZnwmSt11align_val_t", void *, (size_t, size_t))      \
	X(new_array_aligned, "_ZnamSt11align_val_t", void *, (size_t, size_t)) \
	X(new_aligned_nothrow, "_ZnwmSt11align_val_tRKSt9nothrow_t", void *, (size_t, size_t, const void *)) \
	X(new_array_aligned_nothrow, "_ZnamSt11align_val_tRKSt9nothrow_t", void *, (size_t, size_t, const void *))

#define SHIM_DELETE_NAMES(X)                                                  \
	X(delete_plain, "_ZdlPv", void, (void *))                             \
	X(delete_array, "_ZdaPv", void, (void *))                             \
	X(delete_sized, "_ZdlPvm", void, (void *, size_t))                    \
	X(delete_array_sized, "_ZdaPvm", void, (void *, size_t))              \
	X(delete_nothrow, "_ZdlPvRKSt9nothrow_t", void, (void *, const void *)) \
	X(delete_array_nothrow, "_ZdaPvRKSt9nothrow_t", void, (void *, const void *)) \
	X(delete_aligned, "_ZdlPvSt11align_val_t", void, (void *, size_t))    \
	X(delete_array_aligned, "_ZdaPvSt11align_val_t", void, (void *, size_t)) \
	X(delete_sized_aligned, "_ZdlPvmSt11align_val_t", void, (void *, size_t, size_t)) \
	X(delete_array_sized_aligned, "_ZdaPvmSt11align_val_t", void, (void *, size_t, size_t)) \
	X(delete_aligned_nothrow, "_ZdlPvSt11align_val_tRKSt9nothrow_t", void, (void *, size_t, const void *)) \
	X(delete_array_aligned_nothrow, "_ZdaPvSt11align_val_tRKSt9nothrow_t", void, (void *, size_t, const void *))

// What is interposed for other reasons than allocation.
#define SHIM_CONTROL_NAMES(X)                                                 \
	X(_exit, "_exit", void, (int))                                        \
	X(_Exit, "_Exit", void, (int))                                        \
	X(dlclose, "dlclose", int, (void *))                                  \
	X(sigaction, "sigaction", int, (int, const struct sigaction *, struct sigaction *)) \
	X(signal, "signal", real_handler, (int, real_handler))                \
	X(bsd_signal, "bsd_signal", real_handler, (int, real_handler))        \
	X(ssignal, "ssignal", real_handler, (int, real_handler))              \
	X(sysv_signal, "sysv_signal", real_handler, (int, real_handler))      \
	X(__sysv_signal, "__sysv_signal", real_handler, (int, real_handler))  \
	X(pthread_exit, "pthread_exit", void, (void *))
