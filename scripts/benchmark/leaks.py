# SPDX-License-Identifier: Apache-2.0
"""The section leaks: how long a process is stopped, and what a program takes more."""

import contextlib
import json
import statistics
import subprocess

from benchmark.machine import Failure, ROOT, time_command
from benchmark.report import in_turns, quartiles, verdict

GOAL_PAUSE_MS = 1000
GOAL_CHECK_MS = 300


@contextlib.contextmanager
def holding(machine, variant, size_bytes, total_bytes):
    """A process that holds so much in blocks of one size; what malloc adds to a block counts."""
    number = total_bytes // ((size_bytes + 8 + 15) // 16 * 16)
    environment = machine.environment(variant) | {"CAIRN_MEMORY": "2G"}
    with subprocess.Popen([machine.build / "testdata/bench/held", str(number), str(size_bytes)], env=environment, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdout.readline() != "ready\n":
            raise Failure("testdata/bench/held: did not get ready")
        yield process
        process.kill()


def inspect(machine, pid):
    """Milliseconds that a process was stopped, and MiB that cairn took."""
    path = machine.directory / "leaks.json"
    usage = machine.run_measured([machine.command, "leaks", "--json", "--log", path, "--max-pause", "1m", "--memory", "8G", str(pid)],
                                 machine.environment("bare"))
    answer = json.loads(path.read_text())
    if answer["verdict"] != "clean":
        raise Failure(f"cairn leaks: {answer['verdict']}, where nothing is lost")
    return answer["pause_ms"], usage.peak_mib


def bench_pauses(machine, report, quick):
    """How long a process is stopped."""
    rows = []
    for variant in ("default", "exact"):
        for size_bytes in (48, 240, 1000, 8000):
            with holding(machine, variant, size_bytes, 1 << 30) as process:
                figures = [inspect(machine, process.pid) for _ in range(1 if quick else 5)]
            pauses, peaks = zip(*figures)
            workload = f"{size_bytes} bytes"
            report.add("leaks", workload, variant, "pause_ms", pauses)
            report.add("leaks", workload, variant, "peak_mib", peaks)
            low, median, high = quartiles(pauses)
            rows.append([f"{variant}, blocks of {workload}", f"{median:.0f} ms", f"{low:.0f}-{high:.0f}",
                         f"{statistics.median(peaks):.0f} MiB", verdict(median, GOAL_PAUSE_MS, " ms")])
    report.table("leaks: a process that holds 1 GiB", ["", "stopped", "quartiles", "cairn's memory", "goal"], rows)


def bench_programs(machine, report, quick):
    """What a check for leaks takes more than recording exactly."""
    statements = ";".join(["create table t(a, b)"] + ["insert into t values(hex(randomblob(20)), random())"] * 2000)
    programs = {"true": ["true"], "sqlite3": ["sqlite3", ":memory:", statements],
                "git log": ["git", "-C", str(ROOT), "log", "--stat", "-50"],
                "python3": ["/usr/bin/python3", "-c", "import json, email, unittest; json.dumps(list(range(100000)))"]}
    rows = []
    for name, program in programs.items():
        commands = {"run": [machine.command, "run", "--exact", "--quiet", "--out", machine.directory / "run.pb.gz", "--", *program],
                    "leaks": [machine.command, "leaks", "--exit-code", "0", "--log", machine.directory / "leaks.txt", "--", *program]}
        times = {variant: [] for variant in commands}
        for order in in_turns(commands, 3 if quick else 15):
            for variant in order:
                times[variant].append(time_command(machine, *commands[variant]))
        extra = [leaks - run for leaks, run in zip(times["leaks"], times["run"])]
        report.add("leaks", name, "run", "time_ms", times["run"])
        report.add("leaks", name, "leaks", "more_ms", extra)
        low, median, high = quartiles(extra)
        rows.append([name, f"{statistics.median(times['run']):.0f} ms", f"{median:.0f} ms", f"{low:.0f}-{high:.0f}",
                     verdict(median, GOAL_CHECK_MS, " ms")])
    report.table("leaks: a program", ["", "cairn run --exact", "more with cairn leaks", "quartiles", "goal"], rows)


def bench_leaks(machine, report, quick):
    """`cairn leaks` of a process that holds 1 GiB in blocks that point to each other: how long it is stopped, how much
    memory cairn takes; and of programs, beside `cairn run --exact`"""
    bench_pauses(machine, report, quick)
    bench_programs(machine, report, quick)
