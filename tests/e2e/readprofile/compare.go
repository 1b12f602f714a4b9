// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/google/pprof/profile"
)

// A description is all that a profile says, in lines that are the same for equal profiles, whatever their ids are and
// in which order their parts come.
type description struct {
	lines []string
	// The sum of several processes: code lay at different addresses, so only the distance from the start of its mapping
	// tells, and moments are combined in more than one sensible way.
	isSum bool
}

func (d *description) add(format string, values ...interface{}) {
	d.lines = append(d.lines, fmt.Sprintf(format, values...))
}

func (d *description) mapping(m *profile.Mapping) string {
	if m == nil {
		return "no mapping"
	}
	if d.isSum {
		pages := (m.Limit - m.Start + 4095) / 4096
		return fmt.Sprintf("%d pages at %#x of %q %s", pages, m.Offset, m.File, m.BuildID)
	}
	return fmt.Sprintf("%#x-%#x at %#x of %q %s has functions %v, files %v, lines %v, inlined %v", m.Start, m.Limit, m.Offset,
		m.File, m.BuildID, m.HasFunctions, m.HasFilenames, m.HasLineNumbers, m.HasInlineFrames)
}

func (d *description) location(l *profile.Location) string {
	address := l.Address
	if d.isSum && l.Mapping != nil {
		address -= l.Mapping.Start
	}
	words := []string{fmt.Sprintf("%#x in %s, folded %v", address, d.mapping(l.Mapping), l.IsFolded)}
	for _, line := range l.Line {
		if f := line.Function; f != nil {
			words = append(words, fmt.Sprintf("%q (%q) from %q:%d at line %d", f.Name, f.SystemName, f.Filename, f.StartLine, line.Line))
		} else {
			words = append(words, fmt.Sprintf("no function at line %d", line.Line))
		}
	}
	return strings.Join(words, "; ")
}

func (d *description) sample(s *profile.Sample) {
	var words []string
	for key, values := range s.Label {
		words = append(words, fmt.Sprintf("label %q: %q", key, values))
	}
	for key, values := range s.NumLabel {
		// A label without unit may be one with an empty one.
		units := make([]string, len(values))
		copy(units, s.NumUnit[key])
		words = append(words, fmt.Sprintf("label %q: %d %q", key, values, units))
	}
	sort.Strings(words)
	for _, l := range s.Location {
		words = append(words, "  location "+d.location(l))
	}
	d.add("sample of %v\n%s", s.Value, strings.Join(words, "\n"))
}

func describe(p *profile.Profile, isSum bool) *description {
	d := &description{isSum: isSum}
	for i, t := range p.SampleType {
		d.add("type %d: %s/%s", i, t.Type, t.Unit)
	}
	d.add("default type: %s", p.DefaultSampleType)
	if t := p.PeriodType; t != nil {
		d.add("period: %d %s/%s", p.Period, t.Type, t.Unit)
	} else {
		d.add("period: %d", p.Period)
	}
	if !isSum {
		d.add("time: %d", p.TimeNanos)
	}
	d.add("duration: %d", p.DurationNanos)
	if !d.isSum { // cairn's sum has those of the first profile that has any, not of the first
		d.add("drop: %q, keep: %q", p.DropFrames, p.KeepFrames)
	}
	d.add("comments: %q", p.Comments)
	if len(p.Mapping) > 0 {
		d.add("main program: %s", d.mapping(p.Mapping[0]))
	}
	for _, m := range p.Mapping {
		d.add("mapping: %s", d.mapping(m))
	}
	d.add("%d locations, %d functions", len(p.Location), len(p.Function))
	for _, s := range p.Sample {
		d.sample(s)
	}
	return d
}

// What lines are in one and not in the other, as often as they are.
func less(one, other []string) []string {
	count := map[string]int{}
	for _, line := range other {
		count[line]++
	}
	var left []string
	for _, line := range one {
		if count[line]--; count[line] < 0 {
			left = append(left, line)
		}
	}
	return left
}

// compare fails, and tells each difference, unless the profile in path is what google/pprof's Merge makes of the others.
func compare(path string, summands []string) error {
	found, err := read(path)
	if err != nil {
		return err
	}
	var profiles []*profile.Profile
	for _, summand := range summands {
		p, err := read(summand)
		if err != nil {
			return err
		}
		profiles = append(profiles, p)
	}
	expected, err := profile.Merge(profiles)
	if err != nil {
		return err
	}
	isSum := len(summands) > 1
	here, there := describe(found, isSum).lines, describe(expected, isSum).lines
	more, missing := less(here, there), less(there, here)
	if len(more) == 0 && len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%s differs from the sum of %v\nunexpected:\n%s\nmissing:\n%s", path, summands,
		strings.Join(more, "\n"), strings.Join(missing, "\n"))
}
