// SPDX-License-Identifier: Apache-2.0
/*
 * A program without any C library: says hello by system calls and exits with status 5.
 */
static long system_call(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

__attribute__((force_align_arg_pointer)) void _start(void)
{
	static const char message[] = "hello\n";
	system_call(1, 1, (long)message, sizeof(message) - 1);
	system_call(231, 5, 0, 0);
	__builtin_unreachable();
}
