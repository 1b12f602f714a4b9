# SPDX-License-Identifier: Apache-2.0
"""The section capture: cairn's walk of the stack beside libunwind's."""

import collections
import statistics

from benchmark.machine import Failure
from benchmark.report import show_range, verdict, verdict_at_least

ROUNDS = 7  # in a process
GOAL_FRAME_NS = 2.5
GOAL_LIBUNWIND = 3  # libunwind's time over ours


def capture_stacks(machine, num_processes):
    """{(language, frames, same or varied): ([nanoseconds for a frame of ours], [of libunwind's])}"""
    times = collections.defaultdict(lambda: ([], []))
    for _ in range(num_processes):
        for line in machine.run("bare", [machine.build / "testdata/bench/capture", ROUNDS]).splitlines():
            language, num_frames, stacks, ours, theirs, num_differences = line.split()
            if num_differences != "0":
                raise Failure(f"{num_differences} frames differ from libunwind's, of {num_frames} in {language}, {stacks} stacks")
            times[language, num_frames, stacks][0].append(float(ours))
            times[language, num_frames, stacks][1].append(float(theirs))
    return times


def bench_capture(machine, report, quick):
    """capturing call stacks of 30 and 100 frames, of C and of C++ with destructors, in nanoseconds for a frame: cairn's walk
    and libunwind's unw_backtrace() in one process on the same stacks, always the same one or with the lower five calls
    varying at random; every frame of the two is compared"""
    rows = []
    for (language, num_frames, stacks), (ours, theirs) in capture_stacks(machine, 2 if quick else 10).items():
        workload = f"{language} {num_frames} {stacks}"
        report.add("capture", workload, "walk_stack", "ns_per_frame", ours)
        report.add("capture", workload, "unw_backtrace", "ns_per_frame", theirs)
        our_ns, their_ns = statistics.median(ours), statistics.median(theirs)
        rows.append([f"{language}, {num_frames} frames, {stacks}", show_range(ours, 2), show_range(theirs, 2),
                     verdict(our_ns, GOAL_FRAME_NS, " ns"), f"{their_ns / our_ns:.1f} x",
                     verdict_at_least(their_ns / our_ns, GOAL_LIBUNWIND, " x")])
    report.table("capture: nanoseconds for a frame; no frame differs",
                 ["", "walk_stack", "unw_backtrace", "goal", "faster", "goal"], rows)
