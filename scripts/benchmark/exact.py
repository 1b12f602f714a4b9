# SPDX-License-Identifier: Apache-2.0
"""The sections exact, threads and sample: what it costs to record an allocation."""

import math
import statistics

from benchmark.malloc import ROUNDS, time_workload
from benchmark.peers import PEERS
from benchmark.report import quartiles, ratios, show_range, show_ratio, verdict, verdict_at_least

WORKLOADS = {  # title; goal for what exact mode adds, in nanoseconds
    "pairs": ("below main", 120),
    "depth10": ("below 10 calls", 160),
    "depth30": ("below 30 calls", 220),
    "depth100": ("below 100 calls", 400),
    "varied10": ("below 10 calls, 5 vary", None),
    "varied30": ("below 30 calls, 5 vary", None),
    "varied100": ("below 100 calls, 5 vary", None),
}
BASES = {"exact": "forward"} | {name: peer.base for name, peer in PEERS.items()}
NUM_OPERATIONS = {"bare": 1_000_000, "forward": 1_000_000, "exact": 100_000, "heaptrack preload": 50_000, "heaptrack": 50_000,
                  "tcmalloc": 1_000_000, "gperftools": 1_000, "jemalloc off": 1_000_000, "jemalloc": 4_000}
THREADS_OPERATIONS = {"bare": 1_000_000, "forward": 1_000_000, "exact": 200_000}
GOAL_PRELOAD = 3  # what heaptrack's library adds, over what exact mode adds
GOAL_HEAPTRACK = 8
GOAL_THREADS = 1.8
GOAL_SAMPLE_US = 2
SAMPLED_RATE = "64K"


def bench_exact(machine, report, quick):
    """what recording each allocation adds to a pair of malloc and free, in nanoseconds, below few and many calls, all
    from one call stack and with the lower five calls varying at random; beside heaptrack (its library alone, which
    writes raw data to a file, and as a whole, with its other programs on the one processor that each variant has),
    gperftools and jemalloc. Added to what: exact
    mode and heaptrack to the shim that only forwards, the others to the same allocator without profiling. heaptrack
    cuts stacks at 64 frames, gperftools at 32, jemalloc at 128"""
    rows, verdicts = [], []
    for name, (title, goal) in WORKLOADS.items():
        times = time_workload(machine, name, NUM_OPERATIONS, 2 if quick else 8)
        added = {variant: [time - other for time, other in zip(times[variant], times[base])] for variant, base in BASES.items()}
        for variant, values in times.items():
            report.add("exact", name, variant, "ns", values)
        for variant, values in added.items():
            report.add("exact", name, variant, "added_ns", values)
        median = {variant: statistics.median(values) for variant, values in added.items()}
        rows.append([title, f"{statistics.median(times['bare']):.1f}", f"{statistics.median(times['forward']):.1f}",
                     *(show_range(added[variant]) for variant in BASES)])
        if goal:
            preload, whole = (median[peer] / median["exact"] for peer in ("heaptrack preload", "heaptrack"))
            verdicts.append([title, f"{median['exact']:.0f}", verdict(round(median["exact"]), goal, " ns"),
                             f"{preload:.1f} x", verdict_at_least(preload, GOAL_PRELOAD, " x"),
                             f"{whole:.1f} x", verdict_at_least(whole, GOAL_HEAPTRACK, " x")])
    report.table("exact: nanoseconds for a pair (bare, forward), and what recording it adds",
                 ["", "bare", "forward", *BASES], rows)
    report.table("exact: goals", ["", "exact adds", "goal", "heaptrack preload adds", "goal", "heaptrack adds", "goal"], verdicts)


def bench_threads(machine, report, quick):
    """how much faster two threads are than one with the same code: malloc and free of one block at a time, and of blocks
    that the other thread frees (one thread hands them to itself). There the allocator itself is slower with two, so the
    goal is for what exact mode adds to the forwarding shim"""
    rows = []
    for title, alone, together in (("one block at a time", "thread", "threads"), ("freed by the other", "exchange_alone", "exchange")):
        num_generations = 3 if quick else 12
        one, two = (time_workload(machine, name, THREADS_OPERATIONS, num_generations, 2) for name in (alone, together))
        added = [[time - other for time, other in zip(times["exact"], times["forward"])] for times in (one, two)]
        faster = {variant: ratios(one[variant], two[variant]) for variant in THREADS_OPERATIONS} | {"added": ratios(*added)}
        for variant, values in faster.items():
            report.add("threads", together, variant, "faster", values)
        for variant in THREADS_OPERATIONS:
            report.add("threads", alone, variant, "ns", one[variant])
            report.add("threads", together, variant, "ns", two[variant])
        judged = faster["exact" if together == "threads" else "added"]
        rows.append([title, *(f"{statistics.median(values['exact']):.0f}" for values in (one, two)),
                     *(show_ratio(values, ROUNDS) for values in faster.values()),
                     verdict_at_least(statistics.median(judged), GOAL_THREADS, "")])
    report.table("threads: nanoseconds for a pair with one and two threads, and how much faster two are",
                 ["", "exact, one", "exact, two", *THREADS_OPERATIONS, "what exact adds", "goal"], rows)


def samples_per_operation(rate_bytes):
    """How many samples a pair of the workload brings on average: its sizes are drawn evenly from 16 to 1024 bytes."""
    return statistics.fmean(-math.expm1(-size / rate_bytes) for size in range(16, 1025))


def bench_sample(machine, report, quick):
    """what one sample costs below 30 calls, its block's freeing included: the nanoseconds for a pair at a rate of 64 KiB
    less those with cairn off, divided by the samples that a pair brings, which follow from rate and sizes"""
    operations = {"off": 1_000_000, SAMPLED_RATE: 1_000_000}
    rows = []
    for name, title in (("depth30", "from one call stack"), ("varied30", "5 of 30 calls vary")):
        times = time_workload(machine, name, operations, 3 if quick else 12)
        per_sample = 1e-3 / samples_per_operation(65536)
        costs = [(sampled - off) * per_sample for sampled, off in zip(times[SAMPLED_RATE], times["off"])]
        report.add("sample", name, SAMPLED_RATE, "us", costs)
        low, median, high = quartiles(costs)
        rows.append([title, f"{median:.2f}", f"{low:.2f}-{high:.2f}", verdict(round(median, 2), GOAL_SAMPLE_US, " us")])
    report.table("sample: microseconds for one sample", ["", "median", "quartiles", "goal"], rows)
