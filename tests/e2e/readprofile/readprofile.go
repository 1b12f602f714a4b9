// SPDX-License-Identifier: Apache-2.0

// readprofile prints a profile as JSON, read and checked by google/pprof's own package, so that the
// tests never trust cairn's code to judge what cairn wrote.  Or it compares one with the sum of others.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/pprof/profile"
)

type valueType struct {
	Type string `json:"type"`
	Unit string `json:"unit"`
}

type mapping struct {
	ID           uint64 `json:"id"`
	Start        uint64 `json:"start"`
	Limit        uint64 `json:"limit"`
	Offset       uint64 `json:"offset"`
	File         string `json:"file"`
	BuildID      string `json:"build_id"`
	HasFunctions bool   `json:"has_functions"`
	HasFilenames bool   `json:"has_filenames"`
	HasLines     bool   `json:"has_line_numbers"`
	HasInlines   bool   `json:"has_inline_frames"`
}

// A location is an index into the profile's list: samples repeat them often.
type location struct {
	Address   uint64   `json:"address"`
	Mapping   uint64   `json:"mapping"` // 0: none
	Functions []string `json:"functions"`
	Linkers   []string `json:"system_names"`
	Files     []string `json:"files"`
	Lines     []int64  `json:"lines"`
	Starts    []int64  `json:"start_lines"`
	IsFolded  bool     `json:"is_folded"`
}

type sample struct {
	Values    []int64             `json:"values"`
	Locations []int               `json:"locations"` // leaf first
	Labels    map[string][]string `json:"labels"`
	NumLabels map[string][]int64  `json:"num_labels"`
	NumUnits  map[string][]string `json:"num_units"`
}

type contents struct {
	SampleTypes       []valueType `json:"sample_types"`
	DefaultSampleType string      `json:"default_sample_type"`
	PeriodType        *valueType  `json:"period_type"`
	Period            int64       `json:"period"`
	TimeNanos         int64       `json:"time_nanos"`
	DurationNanos     int64       `json:"duration_nanos"`
	Comments          []string    `json:"comments"`
	DropFrames        string      `json:"drop_frames"`
	KeepFrames        string      `json:"keep_frames"`
	Mappings          []mapping   `json:"mappings"`
	Locations         []location  `json:"locations"`
	Samples           []sample    `json:"samples"`
}

func read(path string) (*profile.Profile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	read, err := profile.Parse(file)
	if err == nil {
		err = read.CheckValid()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %v", path, err)
	}
	return read, nil
}

func convertLocation(from *profile.Location) location {
	to := location{Address: from.Address, Functions: []string{}, Linkers: []string{}, Files: []string{}, Lines: []int64{},
		Starts: []int64{}, IsFolded: from.IsFolded}
	if from.Mapping != nil {
		to.Mapping = from.Mapping.ID
	}
	for _, line := range from.Line {
		if line.Function != nil {
			to.Functions = append(to.Functions, line.Function.Name)
			to.Linkers = append(to.Linkers, line.Function.SystemName)
			to.Files = append(to.Files, line.Function.Filename)
			to.Lines = append(to.Lines, line.Line)
			to.Starts = append(to.Starts, line.Function.StartLine)
		}
	}
	return to
}

func convert(from *profile.Profile) contents {
	to := contents{
		DefaultSampleType: from.DefaultSampleType,
		Period:            from.Period,
		TimeNanos:         from.TimeNanos,
		DurationNanos:     from.DurationNanos,
		Comments:          from.Comments,
		DropFrames:        from.DropFrames,
		KeepFrames:        from.KeepFrames,
	}
	for _, t := range from.SampleType {
		to.SampleTypes = append(to.SampleTypes, valueType{t.Type, t.Unit})
	}
	if from.PeriodType != nil {
		to.PeriodType = &valueType{from.PeriodType.Type, from.PeriodType.Unit}
	}
	for _, m := range from.Mapping {
		to.Mappings = append(to.Mappings, mapping{m.ID, m.Start, m.Limit, m.Offset, m.File, m.BuildID, m.HasFunctions,
			m.HasFilenames, m.HasLineNumbers, m.HasInlineFrames})
	}
	index := map[*profile.Location]int{}
	for i, l := range from.Location {
		index[l] = i
		to.Locations = append(to.Locations, convertLocation(l))
	}
	for _, s := range from.Sample {
		converted := sample{Values: s.Value, Locations: []int{}, Labels: s.Label, NumLabels: s.NumLabel,
			NumUnits: s.NumUnit}
		for _, l := range s.Location {
			converted.Locations = append(converted.Locations, index[l])
		}
		to.Samples = append(to.Samples, converted)
	}
	return to
}

func printContents(path string) error {
	profile, err := read(path)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(convert(profile))
}

func run(arguments []string) error {
	if len(arguments) >= 3 && arguments[0] == "-equal" {
		return compare(arguments[1], arguments[2:])
	}
	if len(arguments) != 1 {
		return fmt.Errorf("usage: readprofile FILE | readprofile -equal FILE SUMMAND...")
	}
	return printContents(arguments[0])
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "readprofile: %v\n", err)
		os.Exit(1)
	}
}
