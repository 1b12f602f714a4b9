// SPDX-License-Identifier: Apache-2.0

// A Go program without C, which is static: it says hello and exits with status 5.
package main

import "os"

func main() {
	os.Stdout.WriteString("hello\n")
	os.Exit(5)
}
