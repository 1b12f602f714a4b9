// SPDX-License-Identifier: Apache-2.0

// A Go program whose C library loses memory that Go's own tools do not see, or does not; and what it lost must be told however it
// ends.
//
// usage: leaks_go nothing|empty|good|one|many|threads|global|object [return|exit|panic|term|segv|wait]
//
// nothing  calls no C function at all
// empty    calls one that does nothing
// good     frees what it allocates
// one      loses 1000 bytes
// many     loses 1000 times 1000 bytes
// threads  loses 1000 bytes in each of 100 goroutines on several threads
// global   a global variable of Go's holds a C pointer
// object   an object of Go's heap does
package main

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void *c_allocate(size_t size)
{
	void *block = malloc(size);
	memset(block, 1, size);
	__asm__ volatile("" ::"r"(block));
	return block;
}

// Dead parts of the C stack hold pointers no more.  A goroutine may make its next call on another thread.
__attribute__((noinline)) static void c_scrub(void)
{
	uint64_t dead[2000];
	for (size_t i = 0; i < 2000; i++)
		dead[i] = 0;
	__asm__ volatile("" ::"r"(dead) : "memory");
}

__attribute__((noinline)) static void c_lose(size_t size)
{
	c_allocate(size);
	c_scrub();
}

__attribute__((noinline)) static void *c_keep(size_t size)
{
	void *block = c_allocate(size);
	c_scrub();
	return block;
}

__attribute__((noinline)) static void c_good(size_t size)
{
	free(c_allocate(size));
}

__attribute__((noinline)) static void c_empty(void)
{
	__asm__ volatile("");
}

static void c_crash(void)
{
	*(volatile int *)8 = 1;
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

type holder struct {
	pointer unsafe.Pointer
	name    string
}

var (
	held    unsafe.Pointer
	holders []*holder
)

func loseOnThreads() {
	var group sync.WaitGroup
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			C.c_lose(1000)
			time.Sleep(time.Millisecond)
		}()
	}
	group.Wait()
}

func act(what string) {
	switch what {
	case "empty":
		C.c_empty()
	case "good":
		C.c_good(1000)
	case "one":
		C.c_lose(1000)
		fmt.Println("definite 1000 1")
	case "many":
		for i := 0; i < 1000; i++ {
			C.c_lose(1000)
		}
		fmt.Println("definite 1000000 1000")
	case "threads":
		loseOnThreads()
		fmt.Println("definite 100000 100")
	case "global":
		held = C.c_keep(1000)
		fmt.Println("reachable 1000 1")
	case "object":
		for i := 0; i < 10; i++ {
			holders = append(holders, &holder{C.c_keep(100), fmt.Sprint("holder ", i)})
		}
		runtime.GC()
		fmt.Println("reachable 1000 10")
	}
}

func end(how string) {
	switch how {
	case "exit":
		os.Exit(3)
	case "panic":
		panic(how)
	case "term":
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
		select {}
	case "segv":
		C.c_crash()
	case "wait":
		fmt.Println("ready")
		fmt.Scanln()
	}
}

func main() {
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	act(os.Args[1])
	if len(os.Args) > 2 {
		end(os.Args[2])
	}
	runtime.KeepAlive(held)
	runtime.KeepAlive(holders)
}
