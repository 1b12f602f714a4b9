// SPDX-License-Identifier: Apache-2.0

// makeprofiles writes heap profiles as those of a fleet: of one program, which lies elsewhere in the memory of each
// process, and of whose call stacks each process shows some.  It uses google/pprof's own package.
package main

import (
	"compress/gzip"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/google/pprof/profile"
)

const (
	numPlaces = 5000 // in the program, and as many in its library
	codeBytes = 16 * numPlaces
	period    = 512 << 10
)

// Each stack as places, leaf first: of the program below numPlaces, else of the library.
func makeStacks(count int) [][]int {
	random := rand.New(rand.NewSource(1))
	stacks := make([][]int, count)
	for i := range stacks {
		depth := 10 + random.Intn(30)
		if i > 0 { // callers are shared, as they are
			caller := stacks[random.Intn(i)]
			stacks[i] = append(stacks[i], caller[random.Intn(len(caller)):]...)
		}
		for isNew := true; isNew || len(stacks[i]) < depth; isNew = false {
			stacks[i] = append([]int{random.Intn(2 * numPlaces)}, stacks[i]...)
		}
	}
	return stacks
}

func makeMapping(random *rand.Rand, id uint64, file string) *profile.Mapping {
	start := 0x550000000000 + uint64(random.Intn(1<<28))<<12 + id<<44
	return &profile.Mapping{ID: id, Start: start, Limit: start + codeBytes, Offset: 4096, File: file,
		BuildID: fmt.Sprintf("%040x", id)}
}

func makeProfile(number int, stacks [][]int, numSamples int) *profile.Profile {
	random := rand.New(rand.NewSource(int64(number)))
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
			{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"}},
		DefaultSampleType: "inuse_space",
		PeriodType:        &profile.ValueType{Type: "space", Unit: "bytes"},
		Period:            period,
		TimeNanos:         1700000000e9 + int64(number),
		Comments:          []string{"made for tests", fmt.Sprint("process: ", number)},
		Mapping:           []*profile.Mapping{makeMapping(random, 1, "/opt/fleet/server"), makeMapping(random, 2, "/opt/fleet/library.so")},
	}
	locations := make([]*profile.Location, 2*numPlaces)
	for _, i := range random.Perm(len(stacks))[:numSamples] {
		sample := &profile.Sample{}
		for _, place := range stacks[i] {
			if locations[place] == nil {
				mapping := p.Mapping[place/numPlaces]
				locations[place] = &profile.Location{ID: uint64(len(p.Location) + 1), Mapping: mapping,
					Address: mapping.Start + uint64(place%numPlaces)*16}
				p.Location = append(p.Location, locations[place])
			}
			sample.Location = append(sample.Location, locations[place])
		}
		objects, size := int64(1+random.Intn(100)), int64(16<<random.Intn(12))
		live := random.Int63n(objects + 1)
		sample.Value = []int64{objects, objects * size, live, live * size}
		p.Sample = append(p.Sample, sample)
	}
	return p
}

func write(path string, p *profile.Profile) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	compressed, _ := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err := p.WriteUncompressed(compressed); err != nil {
		return err
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	return file.Close()
}

// The numbers of profiles, of samples in each, and of stacks that they choose from.
func parse(arguments []string) (numbers [3]int, err error) {
	for i := range numbers {
		if err == nil {
			numbers[i], err = strconv.Atoi(arguments[2+i])
		}
		if err == nil && numbers[i] < 1 {
			err = fmt.Errorf("%s: expected a number from 1 up", arguments[2+i])
		}
	}
	if err == nil && numbers[1] > numbers[2] {
		err = fmt.Errorf("a profile has no more samples than there are stacks")
	}
	return numbers, err
}

func run(arguments []string) error {
	if len(arguments) != 5 {
		return fmt.Errorf("usage: makeprofiles DIRECTORY PROFILES SAMPLES STACKS")
	}
	numbers, err := parse(arguments)
	if err != nil {
		return err
	}
	stacks := makeStacks(numbers[2])
	results, turns := make(chan error, numbers[0]), make(chan struct{}, runtime.NumCPU())
	for i := 1; i <= numbers[0]; i++ {
		turns <- struct{}{}
		go func(i int) {
			path := filepath.Join(arguments[1], fmt.Sprintf("%04d.pb.gz", i))
			results <- write(path, makeProfile(i, stacks, numbers[1]))
			<-turns
		}(i)
	}
	for i := 0; i < numbers[0]; i++ {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintf(os.Stderr, "makeprofiles: %v\n", err)
		os.Exit(1)
	}
}
