# SPDX-License-Identifier: Apache-2.0
"""The section programs: real programs under cairn and under other profilers."""

import collections
import functools
import json
import random
import re
import statistics
import subprocess

from benchmark.machine import Failure, ROOT
from benchmark.peers import PEERS
from benchmark.redis import measure_redis_memory, time_redis
from benchmark.report import in_turns, quartiles, ratios, show_ratio, verdict, verdict_on_ratio

# goal: wall time of exact mode over the bare program
Program = collections.namedtuple("Program", "command goal stdin settings", defaults=(None, {}))

OURS = ("bare", "forward", "default", "exact")
DIRECTORY = ROOT / "testdata/bench/programs"
LIMIT_S = 30  # for a run of a peer
ONCE_S = 3  # a peer that takes longer runs once
GOAL_REDIS = 1.15
REQUESTS = {1: {"ours": 40_000, "peers": 10_000}, 16: {"ours": 100_000, "peers": 20_000}}  # by those under way at once
BYTES_FOR_BLOCK = 64  # allowed memory
BYTES_FOR_SITE = 100
BYTES_ALWAYS = 8 << 20


def write_history(directory):
    """A git repository: 1000 commits to 60 files of 300 lines, always the same ones."""
    source = random.Random(1)
    files = [[f"line {source.randrange(10**9)} of file {i}" for _ in range(300)] for i in range(60)]
    parts = []
    for number in range(1000):
        changed = range(60) if number == 0 else source.sample(range(60), 4)
        message = f"change {number}"
        parts.append(f"commit refs/heads/main\ncommitter A <a@example.org> {1_600_000_000 + number} +0000\ndata {len(message)}\n{message}\n")
        for i in changed:
            at = source.randrange(280)
            files[i][at:at + source.randrange(12)] = [f"line {source.randrange(10**9)} now" for _ in range(source.randrange(12))]
            text = "\n".join(files[i]) + "\n"
            parts.append(f"M 100644 inline directory{i % 5}/file{i}\ndata {len(text)}\n{text}\n")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", directory], check=True)
    subprocess.run(["git", "-C", directory, "fast-import", "--quiet"], input="".join(parts), text=True, check=True)


def find_programs(machine):
    """{name: Program}"""
    history = machine.directory / "history.git"
    if not history.exists():
        write_history(history)
    return {
        "python3": Program(["/usr/bin/python3", "-B", DIRECTORY / "objects.py"], 1.7, settings={"PYTHONMALLOC": "malloc"}),
        "sqlite3": Program(["sqlite3", ":memory:"], 1.35, stdin=DIRECTORY / "tables.sql"),
        "clang -O2 -c": Program(["clang", "-std=c++17", "-O2", "-c", "-o", "/dev/null", DIRECTORY / "words.cc"], 1.35),
        "git log -p": Program(["git", "--no-pager", "-C", history, "log", "--stat", "-p"], 1.1),
    }


class Times:
    """Of a program: {variant: [values in each round]} for wall and processor time, and peers that gave none."""

    def __init__(self):
        self.wall = collections.defaultdict(list)
        self.processor = collections.defaultdict(list)
        self.excuses = {}


def time_program(machine, program, times, variant):
    """One run, of a peer unless it has failed before or takes long."""
    if variant in times.excuses or variant in PEERS and max(times.wall[variant], default=0) > ONCE_S:
        return
    try:
        usage = machine.measure(variant, program.command, program.stdin, program.settings, LIMIT_S if variant in PEERS else None)
        machine.check_profiles([variant] if usage else [])
    except Failure:
        if variant not in PEERS:
            raise
        times.excuses[variant] = "failed"
        return
    finally:
        machine.discard_profiles()
    if usage:
        times.wall[variant].append(usage.wall_s)
        times.processor[variant].append(usage.processor_s)
    else:
        times.excuses[variant] = f"> {LIMIT_S} s"


def time_programs(machine, quick):
    """{name: Times}, peers in the first rounds only."""
    results = {name: Times() for name in find_programs(machine)}
    for name, program in find_programs(machine).items():
        for number, order in enumerate(in_turns(OURS, 2 if quick else 8)):
            for variant in [*order, *(PEERS if number < 3 else ())]:
                time_program(machine, program, results[name], variant)
    return results


def time_servers(machine, quick, pipeline):
    """Times of redis-server: microseconds for a request, and of the processor."""
    times = Times()
    metrics = (("all", times.wall), ("cpu", times.processor))
    for generation in range(2 if quick else 8):
        results = time_redis(machine, OURS, generation, REQUESTS[pipeline]["ours"], pipeline)
        for metric, values in metrics:
            for variant in OURS:
                values[variant] += results[variant][metric]
    for peer in PEERS:
        beside = time_redis(machine, ("bare", peer), 0, REQUESTS[pipeline]["peers"], pipeline)
        for metric, values in metrics:
            base = statistics.median(values["bare"])
            values[peer] = [ratio * base for ratio in ratios(beside[peer][metric], beside["bare"][metric])]
    return times


def show_times(report, title, metric, results, goals):
    """A table of one kind of time, over that of the bare program."""
    rows = []
    for name, times in results.items():
        values = getattr(times, metric)
        over = {variant: ratios(values[variant], values["bare"]) for variant in OURS[1:]}
        usual = statistics.median(values["bare"])  # peers have too few runs to compare round by round
        over |= {peer: [value / usual for value in values[peer]] for peer in PEERS if values[peer]}
        for variant, figures in over.items():
            report.add("programs", name, variant, f"{metric}_over_bare", figures)
        unit = "us" if name.startswith("redis") else "s"
        report.add("programs", name, "bare", f"{metric}_{unit}", values["bare"])
        report.notes |= {(name, peer): excuse for peer, excuse in times.excuses.items()}
        peers = [f"{statistics.median(over[peer]):.2f}" if peer in over else times.excuses[peer] for peer in PEERS]
        rows.append([name, f"{usual:.2f} {unit}", *(show_ratio(over[variant], 1) for variant in OURS[1:]), *peers,
                     *([verdict_on_ratio(over["exact"], goals[name], 1) if name in goals else ""] if goals else [])])
    report.table(title, ["", *OURS, *PEERS, *(["goal for exact"] if goals else [])], rows)


def read_peak(machine):
    """How many blocks were live at the peak, and how many distinct stacks there are, from what exact mode wrote."""
    found = []
    for path in machine.directory.glob("*.peak.pb.gz"):
        profile = json.loads(subprocess.run([machine.build / "tests/e2e/readprofile", path], check=True, stdout=subprocess.PIPE).stdout)
        blocks = re.search(r"peak: .* in ([0-9]+) block", "\n".join(profile["comments"]))
        found.append((int(blocks[1]), len(profile["samples"])))
    machine.discard_profiles()
    return max(found)


def measure_memory(machine, program, variant, settings):
    """The peak of a program's resident memory in MiB."""
    return machine.measure(variant, program.command, program.stdin, program.settings | settings).peak_mib


def show_memory(machine, report, quick):
    """The table of memory."""
    measures = {name: functools.partial(measure_memory, machine, program) for name, program in find_programs(machine).items()}
    measures["redis-server"] = functools.partial(measure_redis_memory, machine)
    rows = []
    for name, measure in measures.items():
        mib = {variant: [] for variant in ("bare", "exact")}
        for order in in_turns(mib, 1 if quick else 3):
            for variant in order:
                mib[variant].append(measure(variant, {}))
                machine.discard_profiles()
        measure("exact", {"CAIRN_PEAK": "1"})
        num_blocks, num_sites = read_peak(machine)
        more = [exact - bare for exact, bare in zip(mib["exact"], mib["bare"])]
        allowed = (BYTES_FOR_BLOCK * num_blocks + BYTES_FOR_SITE * num_sites + BYTES_ALWAYS) / (1 << 20)
        report.add("programs", name, "bare", "peak_mib", mib["bare"])
        report.add("programs", name, "exact", "peak_mib_over_bare", more)
        report.add("programs", name, "exact", "peak_mib_allowed", [allowed])
        low, median, high = quartiles(more)
        rows.append([name, f"{statistics.median(mib['bare']):.1f}", f"+{median:.1f}", f"{low:.1f}-{high:.1f}", f"{num_blocks:,}",
                     f"{num_sites:,}", verdict(median, round(allowed, 1), " MiB")])
    report.table("programs: peak of resident memory in MiB, and what exact mode adds",
                 ["", "bare", "exact", "quartiles", "blocks at the peak", "stacks", "goal"], rows)


def bench_programs(machine, report, quick):
    """python3 (with PYTHONMALLOC=malloc), sqlite3, clang and git on small tasks, and redis-server under redis-benchmark, as it
    is and with 16 requests under way on each connection: wall and processor time over the bare program, of cairn and of other profilers (which get three runs, slow ones a single
    one of half a minute at most; heaptrack's other programs have the other processors), each with its profile written;
    the peak of resident memory in exact mode, of which 64 bytes for each block live at the peak, 100 for each distinct
    stack and 8 MiB are allowed"""
    goals = {name: program.goal for name, program in find_programs(machine).items()} | {"redis-server": GOAL_REDIS}
    results = time_programs(machine, quick) | {"redis-server": time_servers(machine, quick, 1),
                                               "redis, 16 at once": time_servers(machine, quick, 16)}
    show_times(report, "programs: wall time over that of the bare program", "wall", results, goals)
    show_times(report, "programs: processor time over that of the bare program", "processor", results, {})
    show_memory(machine, report, quick)
