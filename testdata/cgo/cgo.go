// SPDX-License-Identifier: Apache-2.0

// A Go program whose C library keeps memory that Go's own tools do not see: 100 blocks of 1000 bytes from
// C called by goroutines on several threads.  It then waits for SIGUSR2 if asked to, which Go's runtime
// must still get, and ends as Go programs do, without running C's exit handlers: with status 7 or, if it is told
// to, by returning from main or by a panic.
//
// usage: cgo [wait|return|panic]
package main

/*
#include <stdlib.h>
#include <string.h>

void *volatile kept[100]; // volatile, or else nothing need be kept

__attribute__((noinline)) static void *c_keep(size_t size)
{
	void *block = malloc(size);
	memset(block, 1, size);
	__asm__ volatile("" ::"r"(block));
	return block;
}

__attribute__((noinline)) void c_library(int number)
{
	free(c_keep(500));
	kept[number] = c_keep(1000);
}
*/
import "C"

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

func callLibrary(number int) {
	C.c_library(C.int(number))
}

func end(how string, signals chan os.Signal) {
	switch how {
	case "wait":
		fmt.Println("got", <-signals)
		// The profile is written by another thread; whoever started this program says when it is there.
		fmt.Scanln()
		os.Exit(7)
	case "panic":
		panic(how)
	}
}

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	var group sync.WaitGroup
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			callLibrary(number)
		}(i)
	}
	group.Wait()
	fmt.Println("kept")
	if len(os.Args) > 1 {
		end(os.Args[1], signals)
	} else {
		os.Exit(7)
	}
}
