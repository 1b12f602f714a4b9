// SPDX-License-Identifier: Apache-2.0

// Frames prints what Go's runtime knows of the program's own code: a line for many a place in it, and a line for each
// call of a stack, of which some are inlined.  A place is told by its offset in the file.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

type code struct{ start, limit, offset uintptr }

func findCode() (found code) {
	maps, _ := os.ReadFile("/proc/self/maps")
	for _, line := range strings.Split(string(maps), "\n") {
		var c code
		var mode string
		fmt.Sscanf(line, "%x-%x %s %x", &c.start, &c.limit, &mode, &c.offset)
		here, _, _, _ := runtime.Caller(0)
		if c.start <= here && here < c.limit {
			found = c
		}
	}
	return
}

var out = bufio.NewWriter(os.Stdout)
var own = findCode()

func show(what string, pc uintptr, f runtime.Frame) {
	fmt.Fprintf(out, "%s\t%x\t%s\t%s\t%d\n", what, pc-own.start+own.offset, f.Function, f.File, f.Line)
}

func outer(a int) int  { return middle(a) + middle(a+1) }
func middle(a int) int { return inner(a) * 3 }
func inner(a int) int {
	stack(a)
	return a
}

//go:noinline
func stack(a int) {
	pcs := make([]uintptr, 50)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		f, more := frames.Next()
		show("call", f.PC, f)
		if !more {
			return
		}
	}
}

func main() {
	for pc := own.start; pc < own.limit; pc += 37 {
		// The frame of a return address is looked up by it, although it is that of the place before.
		here, next := runtime.FuncForPC(pc), runtime.FuncForPC(pc+1)
		if here == nil || next == nil || here.Entry() != next.Entry() {
			continue
		}
		if f, _ := runtime.CallersFrames([]uintptr{pc + 1}).Next(); f.Function != "" {
			show("place", pc, f)
		}
	}
	outer(1)
	out.Flush()
}
