# SPDX-License-Identifier: Apache-2.0
"""The sections dump and command: profiles of many stacks, and what the command line takes."""

import contextlib
import json
import os
import pathlib
import pty
import statistics
import subprocess
import threading
import time

from benchmark.machine import time_command
from benchmark.report import in_turns, quartiles, show_range, verdict

GOAL_DUMP_MS = 150
GOAL_DUMP_MIB = 16
GOAL_START_MS = 10
GOAL_READ_MS = 1000
GOAL_TOP_PERCENT = 1


def dump_stacks(machine, variant):
    """One dump: stacks, milliseconds, extra MiB, KiB of the file."""
    path = machine.directory / "stacks.profile"
    num_stacks, milliseconds, kib = machine.run(variant, [machine.build / "testdata/bench/stacks", path], keep=True).split()
    if variant == "gperftools":
        path, = machine.out(variant).glob("*.0001.heap")
    if variant != "exact":  # a profile in text, with the addresses of each stack behind an @
        num_stacks = sum(b"@ 0x" in line for line in path.read_bytes().splitlines())
    size_kib = path.stat().st_size / 1024
    path.unlink()
    machine.discard_profiles()
    return float(num_stacks), float(milliseconds), float(kib) / 1024, size_kib


def bench_dump(machine, report, quick):
    """a profile of 100,000 distinct stacks of depth 30, written by cairn, by jemalloc and by gperftools (which writes 1 MiB
    of it at most): time, and memory beyond that before"""
    rows = []
    for variant in ("exact", "jemalloc", "gperftools"):
        figures = zip(*(dump_stacks(machine, variant) for _ in range(3 if quick or variant != "exact" else 9)))
        stacks, milliseconds, mib, file_kib = map(list, figures)
        for metric, values in (("stacks", stacks), ("ms", milliseconds), ("extra_mib", mib), ("file_kib", file_kib)):
            report.add("dump", "stacks", variant, metric, values)
        goals = [verdict(statistics.median(milliseconds), GOAL_DUMP_MS, " ms"), verdict(statistics.median(mib), GOAL_DUMP_MIB, " MiB")]
        rows.append([variant, f"{statistics.median(stacks):,.0f}", show_range(milliseconds), show_range(mib, 1),
                     f"{statistics.median(file_kib):,.0f}", *(goals if variant == "exact" else ["", ""])])
    report.table("dump: distinct stacks of depth 30 that were written",
                 ["", "stacks", "milliseconds", "extra memory, MiB", "file, KiB", "goal", "goal"], rows)


def time_start(machine, num_rounds):
    """{variant: [milliseconds of `true`]}, bare and under cairn run, whose profile is written, too."""
    path = machine.directory / "start.pb.gz"
    commands = {"bare": ["true"], "run": [machine.command, "run", "--quiet", "--out", path, "--", "true"]}
    times = {variant: [] for variant in commands}
    for order in in_turns(commands, num_rounds):
        for variant in order:
            times[variant].append(time_command(machine, *commands[variant]))
    return times


def time_reading(machine, num_rounds):
    """[milliseconds] of `cairn dump` for the ledger that the program "stacks" leaves."""
    environment = machine.environment("exact") | {"CAIRN_LEDGER": str(machine.directory)}
    path = machine.directory / "read.pb.gz"
    subprocess.run([machine.build / "testdata/bench/stacks", machine.directory / "stacks.profile"], env=environment, check=True,
                   stdout=subprocess.DEVNULL)
    ledger, = machine.directory.glob("stacks.*.cairn")
    times = [time_command(machine, machine.command, "dump", "--quiet", "--out", path, ledger) for _ in range(num_rounds)]
    ledger.unlink()
    return times


@contextlib.contextmanager
def running_sites(machine, number):
    """A program with so many call sites, which waits because nobody reads what it prints."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    environment = machine.environment("exact") | {"CAIRN_MEMORY": "256M"}
    with subprocess.Popen([machine.build / "testdata/sites", str(number)], env=environment, stdout=writer) as process:
        os.close(writer)
        time.sleep(1)
        yield process
        process.kill()
    os.close(reader)


def count_sites(machine, pid):
    """As cairn top has it."""
    output = subprocess.run([machine.command, "top", "--json", "--limit", "1", str(pid)], check=True,
                            stdout=subprocess.PIPE).stdout
    return json.loads(output)["num_sites"]


def drain(terminal):
    """Reads what is drawn on a terminal, until nobody draws any more."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


def share_of_top(machine, pid, seconds):
    """Per cent of a processor that cairn top takes, refreshed each second."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(machine.command, ["cairn", "top", str(pid)], machine.environment("bare") | {"TERM": "xterm"})
    thread = threading.Thread(target=drain, args=[terminal])
    thread.start()
    time.sleep(2.5)
    used = [int(pathlib.Path(f"/proc/{child}/schedstat").read_text().split()[0])]
    time.sleep(seconds)
    used.append(int(pathlib.Path(f"/proc/{child}/schedstat").read_text().split()[0]))
    os.write(terminal, b"q")
    os.waitpid(child, 0)
    thread.join()
    os.close(terminal)
    return (used[1] - used[0]) / 1e9 / seconds * 100


def bench_command(machine, report, quick):
    """the command line: what `cairn run` adds to the start of a program, `cairn dump` of a ledger with 100,000 stacks,
    the share of a processor that `cairn top` takes on a terminal at 10,000 call sites"""
    start = time_start(machine, 10 if quick else 100)
    extra = [run - bare for run, bare in zip(start["run"], start["bare"])]
    reading = time_reading(machine, 3 if quick else 9)
    with running_sites(machine, 10_000) as process:
        num_sites = count_sites(machine, process.pid)
        shares = [share_of_top(machine, process.pid, 5) for _ in range(1 if quick else 3)]
    rows = []
    for title, metric, values, goal, unit in (
            ("true", "bare_ms", start["bare"], None, " ms"),
            ("cairn run -- true, more than that", "start_ms", extra, GOAL_START_MS, " ms"),
            ("cairn dump of 100,000 stacks", "read_ms", reading, GOAL_READ_MS, " ms"),
            (f"cairn top at {num_sites:,} call sites", "top_percent", shares, GOAL_TOP_PERCENT, " %")):
        report.add("command", metric, "run" if metric == "start_ms" else "bare", metric, values)
        low, median, high = quartiles(values)
        rows.append([title, f"{median:.2f}{unit}", f"{low:.2f}-{high:.2f}", verdict(median, goal, unit) if goal else ""])
    report.table("command: what the command line takes", ["", "median", "quartiles", "goal"], rows)
