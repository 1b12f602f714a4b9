// SPDX-License-Identifier: Apache-2.0

// work keeps a processor, the heap and locks busy for a moment, and writes each profile that Go's runtime makes of it.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sort"
	"strings"
	"sync"
	"time"
)

type tree struct {
	left, right *tree
	name        string
}

var kept []*tree

// Small enough to be inlined into grow.
func newTree(name string) *tree {
	return &tree{name: strings.Repeat(name, 20)}
}

func grow(depth int) *tree {
	node := newTree("node")
	if depth > 0 {
		node.left, node.right = grow(depth-1), grow(depth-1)
	}
	return node
}

func compress(size int) int {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	for i := 0; i < size; i++ {
		fmt.Fprintf(writer, "%d\n", i*i)
	}
	writer.Close()
	return out.Len()
}

func sortNames(count int) {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprint(i * 7919 % count)
	}
	sort.Strings(names)
}

// Repeats some work for a while, on behalf of somebody.
func work(request, tenant string, work func()) {
	pprof.Do(context.Background(), pprof.Labels("request", request, "tenant", tenant), func(context.Context) {
		for start := time.Now(); time.Since(start) < 200*time.Millisecond; {
			work()
		}
	})
}

// Goroutines that wait for a lock, and for each other.
func contend() {
	var lock sync.Mutex
	var group sync.WaitGroup
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for j := 0; j < 5; j++ {
				lock.Lock()
				time.Sleep(200 * time.Microsecond)
				lock.Unlock()
			}
		}()
	}
	group.Wait()
}

// debug is 0 for profile.proto, 1 for text.
func write(name, suffix string, debug int) {
	file, err := os.Create("go-" + name + suffix)
	if err == nil {
		err = pprof.Lookup(name).WriteTo(file, debug)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		panic(err)
	}
}

func main() {
	runtime.MemProfileRate = 16 << 10
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	cpu, err := os.Create("go-cpu.pb.gz")
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		panic(err)
	}
	work("compress", "blue", func() { compress(10000) })
	work("compress", "green", func() { compress(1000) })
	work("sort", "blue", func() { sortNames(20000) })
	pprof.StopCPUProfile()
	cpu.Close()
	for i := 0; i < 5; i++ {
		kept = append(kept, grow(8))
	}
	contend()
	waiting := make(chan int)
	pprof.Do(context.Background(), pprof.Labels("state", "waiting"), func(context.Context) {
		for i := 0; i < 3; i++ {
			go func() { <-waiting }()
		}
		time.Sleep(10 * time.Millisecond)
	})
	runtime.GC()
	for _, name := range []string{"heap", "block", "mutex", "goroutine"} {
		write(name, ".pb.gz", 0)
	}
	write("heap", ".txt", 1)
	runtime.KeepAlive(kept)
	close(waiting)
}
