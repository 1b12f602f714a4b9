# SPDX-License-Identifier: Apache-2.0
"""The sections malloc and instructions: pairs of malloc and free."""

import contextlib
import re
import statistics
import time

from benchmark.machine import Failure
from benchmark.peers import PEERS
from benchmark.report import in_turns, ratios, show_ratio, verdict, verdict_on_ratio

SAMPLED = ("bare", "forward", "off", "default")
EXACT = ("forward", "exact")  # apart, with fewer operations: it is much slower
WORKLOADS = {  # title; operations in a turn, and in one against exact mode; threads; generations of processes
    "pairs": ("one block at a time", 3_000_000, 60_000, 1, 48),
    "replace": ("replace one of 100,000", 500_000, 100_000, 1, 48),
    "threads": ("two threads", 6_000_000, 100_000, 2, 16),
    "exchange": ("two threads, freed by the other", 2_000_000, 100_000, 2, 16),
    "depth10": ("one block, below 10 calls", 3_000_000, 50_000, 1, 16),
    "depth30": ("one block, below 30 calls", 3_000_000, 40_000, 1, 16),
    "depth100": ("one block, below 100 calls", 3_000_000, 20_000, 1, 16),
}
ROUNDS = 6  # in a generation
GOAL_MALLOC = 1.02  # default rate over forward
GOAL_MALLOC_WORKLOADS = ("pairs", "replace", "threads")
GOAL_INSTRUCTIONS = 12  # for a pair, default rate more than forward


def ask_workload(process, num_operations):
    """Nanoseconds for each of so many operations.  Lines that are no figure are a peer's."""
    process.stdin.write(f"{num_operations}\n")
    for answer in iter(process.stdout.readline, ""):
        if re.fullmatch(r"[0-9.]+\n", answer):
            return float(answer)
    raise Failure(f"{' '.join(process.args)} ended with status {process.wait()}")


def time_workload(machine, name, num_operations, num_generations, threads=1):
    """{variant: [nanoseconds for an operation in each round]}; {variant: how many operations in a turn} is given."""
    program = machine.build / "testdata/bench/workload"
    times = {variant: [] for variant in num_operations}
    for generation in range(num_generations):
        with contextlib.ExitStack() as stack:
            processes = {}
            for variant, number in num_operations.items():
                processes[variant] = stack.enter_context(machine.start(variant, [program, name], threads))
                ask_workload(processes[variant], number)
            for order in in_turns(num_operations, ROUNDS, generation * ROUNDS):
                for variant in order:
                    times[variant].append(ask_workload(processes[variant], num_operations[variant]))
                    if variant in PEERS:
                        time.sleep(0.01)  # for what heaptrack's other programs have still to do
        machine.check_profiles(num_operations)
        machine.discard_profiles()
    return times


def bench_malloc(machine, report, quick):
    """malloc and free, in nanoseconds for one pair: one block at a time; random replacement in a working set of 100,000
    blocks; two threads; two threads that free each other's blocks; one block at a time below 10, 30 and 100 calls"""
    rows = []
    for name, (title, num_operations, num_exact_operations, threads, num_generations) in WORKLOADS.items():
        num_generations = 4 if quick else num_generations
        times = time_workload(machine, name, dict.fromkeys(SAMPLED, num_operations), num_generations, threads)
        exact_times = time_workload(machine, name, dict.fromkeys(EXACT, num_exact_operations), 3 if quick else 8, threads)
        over = {variant: ratios(times[variant], times["forward"]) for variant in SAMPLED}
        over["exact"] = ratios(exact_times["exact"], exact_times["forward"])
        times["exact"] = exact_times["exact"]
        for variant, values in times.items():
            report.add("malloc", name, variant, "ns", values)
            report.add("malloc", name, variant, "ratio_to_forward", over[variant])
        goal = verdict_on_ratio(over["default"], GOAL_MALLOC, ROUNDS) if name in GOAL_MALLOC_WORKLOADS else ""
        rows.append([title, f"{statistics.median(times['bare']):.1f}", f"{statistics.median(times['forward']):.1f}",
                     *(show_ratio(over[variant], ROUNDS) for variant in ("off", "default", "exact")), goal])
    report.table("malloc and free: nanoseconds for a pair; cairn over forward",
                 ["", "bare", "forward", "off", "default", "exact", "goal for default"], rows)


def count_instructions(machine, variant, workload, num_operations):
    """All instructions of one run."""
    log = machine.directory / "callgrind.log"
    machine.run(variant, ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}",
                          machine.build / "testdata/bench/workload", workload], f"{num_operations}\n")
    found = re.search(r"Collected : (\d+)", log.read_text())
    if not found:
        raise Failure(f"valgrind counted nothing: {log.read_text()}")
    return int(found[1])


def bench_instructions(machine, report, quick):
    """instructions for a pair of malloc and free, counted by valgrind"""
    variants = ("bare", "forward", "off", "never sampled", "default", "exact")
    rows = []
    for workload in ("pairs", "replace", "depth10", "depth30", "depth100"):
        row, counts = [WORKLOADS[workload][0]], {}
        for variant in variants:
            num_operations = 20_000 if variant == "exact" else 200_000 if quick else 1_000_000
            instructions = (count_instructions(machine, variant, workload, num_operations) -
                            count_instructions(machine, variant, workload, 0)) / num_operations
            report.add("instructions", workload, variant, "instructions", [instructions])
            row.append(f"{instructions:.1f}")
            counts[variant] = instructions
        rows.append([*row, verdict(round(counts["default"] - counts["forward"], 1), GOAL_INSTRUCTIONS, " more")])
    report.table("instructions for a pair of malloc and free (with the loop around it)", ["", *variants, "goal for default over forward"], rows)
