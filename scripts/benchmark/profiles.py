# SPDX-License-Identifier: Apache-2.0
"""The sections merge and symbolize: profiles read from outside, beside other readers of them."""

import gzip
import os
import random
import statistics
import subprocess
import sys

from benchmark.machine import Failure, ROOT
from benchmark.report import verdict

GOAL_MERGE_S = 30
GOAL_MERGE_MIB = 300
SYMBOLIZE_PATIENCE_S = 60


def bench_merge(machine, report, quick):
    """`cairn merge` of 1,000 profiles with 10,000 samples each, of 15,000 different stacks, and `go tool pprof -proto`
    of the same"""
    num_profiles, out = 100 if quick else 1000, machine.directory / "sum.pb.gz"
    fleet = machine.directory / "fleet"
    fleet.mkdir()
    subprocess.run([machine.build / "tests/e2e/makeprofiles", fleet, str(num_profiles), "10000", "15000"], check=True)
    profiles = sorted(fleet.glob("*.pb.gz"))
    environment = machine.environment("bare") | {"PPROF_TMPDIR": str(machine.directory), "HOME": str(machine.directory)}
    commands = {"cairn merge": ([machine.command, "merge", "--quiet", "--out", out], 1 if quick else 3),
                "go tool pprof -proto": (["go", "tool", "pprof", "-symbolize=none", "-proto", f"-output={out}"], 1)}
    rows = []
    for name, (command, num_runs) in commands.items():
        runs = [machine.run_measured([*command, *profiles], environment) for _ in range(num_runs)]
        seconds, mib = [run.wall_s for run in runs], [run.peak_mib for run in runs]
        report.add("merge", f"{num_profiles} profiles", name, "s", seconds)
        report.add("merge", f"{num_profiles} profiles", name, "peak_mib", mib)
        is_ours = command[0] == machine.command and not quick
        rows.append([name, f"{statistics.median(seconds):.1f}", verdict(statistics.median(seconds), GOAL_MERGE_S, " s") if is_ours else "",
                     f"{statistics.median(mib):.0f}", verdict(statistics.median(mib), GOAL_MERGE_MIB, " MiB") if is_ours else ""])
    report.table(f"merge: {num_profiles:,} profiles of 10,000 samples, 15,000 different stacks",
                 ["", "seconds", "goal", "peak of memory, MiB", "goal"], rows)


def make_large_program(directory, num_parts):
    """A C++ program of some 3 MB for each part."""
    os.environ.setdefault("E2E_LOOKUP", "")
    sys.path.insert(0, str(ROOT / "tests/e2e"))
    from test_symbols import LARGE
    (directory / "large.cc").write_text(LARGE)
    names = ("node", "use", "all")
    parts = [[f"-D{name}={name}{number}" for name in names] + ([f"-Dmain=main{number}"] if number else []) for number in range(num_parts)]
    objects = [f"{number}.o" for number in range(num_parts)]
    running = []
    for flags, target in zip(parts, objects):
        if len(running) == (os.cpu_count() or 1):
            running.pop(0).wait()
        running.append(subprocess.Popen(["g++", "-std=c++17", "-O2", "-g", *flags, "-c", "-o", target, "large.cc"], cwd=directory))
    for process in running:
        process.wait()
    subprocess.run(["g++", "-no-pie", "-Wl,--build-id", "-o", "large", *objects], cwd=directory, check=True)
    return directory / "large"


def make_addresses(path, number):
    """Distinct addresses of its functions' code."""
    words = [line.split() for line in subprocess.run(["nm", "-S", "--defined-only", path], check=True, text=True, capture_output=True).stdout.splitlines()]
    places = [address for word in words if len(word) == 4 and word[2] in "tTwW"
              for address in range(int(word[0], 16), int(word[0], 16) + int(word[1], 16))]
    return sorted(random.Random(1).sample(sorted(set(places)), number))


def write_addresses(path, addresses, out):
    """A profile of one sample for each address of the program."""
    from made_profile import message, number, packed
    segments = [line.split() for line in subprocess.run(["readelf", "-lW", path], check=True, text=True, capture_output=True).stdout.splitlines()]
    offset, start, size = next([int(word, 16) for word in (words[1], words[2], words[4])] for words in segments
                               if words[:1] == ["LOAD"] and "E" in "".join(words[6:-1]))
    strings = ["", "inuse_space", "bytes", str(path)]
    parts = [message(1, number(1, 1) + number(2, 2)), number(12, 1), message(11, number(1, 1) + number(2, 2)),
             message(3, number(1, 1) + number(2, start) + number(3, start + size) + number(4, offset) + number(5, 3))]
    for index, address in enumerate(addresses, 1):
        parts += [message(4, number(1, index) + number(2, 1) + number(3, address)), message(2, packed(1, [index]) + packed(2, [1]))]
    out.write_bytes(gzip.compress(b"".join(parts + [message(6, string.encode()) for string in strings])))


def bench_symbolize(machine, report, quick):
    """names and lines for 10,000 addresses of a program with much debug information, beside pprof and the symbolizers
    that it runs"""
    directory = machine.directory / "symbolize"
    directory.mkdir()
    path = make_large_program(directory, 2 if quick else 40)
    addresses = make_addresses(path, 10_000)
    profile, out, list_of_addresses = directory / "in.pb.gz", directory / "out.pb.gz", directory / "addresses"
    write_addresses(path, addresses, profile)
    list_of_addresses.write_text("".join(f"{address:#x}\n" for address in addresses))
    environment = machine.environment("bare") | {"PPROF_TMPDIR": str(directory), "HOME": str(directory)}
    proto = ["-symbolize=force", "-proto", f"-output={out}", path, profile]
    commands = {"cairn symbolize": [machine.command, "symbolize", "--quiet", "--out", out, profile],
                "pprof -proto (llvm-symbolizer)": [machine.build / "tests/e2e/pprof", *proto],
                "llvm-symbolizer": ["llvm-symbolizer", f"--obj={path}", f"@{list_of_addresses}"],
                "addr2line -a -i -f": ["addr2line", "-a", "-i", "-f", "-e", path, f"@{list_of_addresses}"],
                "go tool pprof -proto (addr2line)": ["timeout", str(SYMBOLIZE_PATIENCE_S), "go", "tool", "pprof", *proto]}
    rows = []
    for name, command in commands.items():
        try:
            runs = [machine.run_measured(command, environment) for _ in range(1 if "go tool" in name else 3)]
        except Failure:
            rows.append([name, f"more than {SYMBOLIZE_PATIENCE_S}", ""])
            continue
        seconds, mib = [run.wall_s for run in runs], [run.peak_mib for run in runs]
        report.add("symbolize", "10000 addresses", name, "s", seconds)
        report.add("symbolize", "10000 addresses", name, "peak_mib", mib)
        rows.append([name, f"{statistics.median(seconds):.2f}", f"{statistics.median(mib):.0f}"])
    report.table(f"symbolize: 10,000 addresses of a program of {path.stat().st_size >> 20} MiB", ["", "seconds", "peak of memory, MiB"], rows)
