// SPDX-License-Identifier: Apache-2.0
/*
 * System calls without libc: nothing here touches errno, takes a lock, is a cancellation point or can
 * be interposed.
 *
 * BOTH worlds, any thread, signal handlers too.  Each function returns what the kernel returns: a
 * value of 0 or more, or -errno.
 */
#ifndef CAIRN_BASE_SYSTEM_H
#define CAIRN_BASE_SYSTEM_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

static inline long system_call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long system_call3(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long system_call4(long number, long a, long b, long c, long d)
{
	return system_call6(number, a, b, c, d, 0, 0);
}

static inline bool system_is_error(long result)
{
	return (unsigned long)result > -4096UL;
}

// size_bytes of zeroed memory; NULL if there is none.
static inline void *system_map(size_t size_bytes)
{
	long result = system_call6(SYS_mmap, 0, (long)size_bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return system_is_error(result) ? NULL : (void *)result;
}

static inline void system_unmap(void *memory, size_t size_bytes)
{
	if (memory)
		system_call3(SYS_munmap, (long)memory, (long)size_bytes, 0);
}

static inline int system_pid(void)
{
	return (int)system_call3(SYS_getpid, 0, 0, 0);
}

static inline int system_tid(void)
{
	return (int)system_call3(SYS_gettid, 0, 0, 0);
}

static inline int64_t system_clock_ns(clockid_t clock)
{
	struct timespec now = { 0, 0 };
	system_call3(SYS_clock_gettime, clock, (long)&now, 0);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

// The processor's time-stamp counter: cheap, of constant but unknown frequency.
static inline uint64_t system_ticks(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void system_relax(void)
{
	__asm__ volatile("pause");
}

static inline void system_yield(void)
{
	system_call3(SYS_sched_yield, 0, 0, 0);
}

// Sleep until *word is not expected any more, for at most timeout_ns (negative: no limit).
static inline long system_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	struct timespec timeout = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
	return system_call4(SYS_futex, (long)word, 0x80 /* FUTEX_WAIT_PRIVATE */, expected,
			    timeout_ns < 0 ? 0 : (long)&timeout);
}

static inline void system_wake(_Atomic uint32_t *word)
{
	system_call3(SYS_futex, (long)word, 0x81 /* FUTEX_WAKE_PRIVATE */, 0x7fffffff);
}

// The kernel's own signal set.
static inline uint64_t system_block_signals(uint64_t blocked)
{
	uint64_t before = 0;
	system_call4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&blocked, (long)&before, sizeof(before));
	return before;
}

// True if the eight bytes at address can be read.  The kernel copies the new signal set in before it
// looks at the first argument, so an impossible one gives EFAULT or EINVAL and changes nothing.
static inline bool system_can_read(uintptr_t address)
{
	return system_call4(SYS_rt_sigprocmask, ~0L, (long)address, 0, 8) == -22 /* EINVAL */;
}

#endif
