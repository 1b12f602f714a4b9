# SPDX-License-Identifier: Apache-2.0
"""The section redis: redis-benchmark against redis-server."""

import collections
import contextlib
import csv
import os
import re
import statistics
import subprocess
import time

from benchmark.machine import Failure, kill_group, usage_of
from benchmark.malloc import SAMPLED
from benchmark.report import in_turns, quartiles, ratios, show_ratio, verdict, verdict_on_ratio

REDIS_TESTS = ("set", "get", "lpush")
REDIS_ROUNDS = 2
GOAL_REDIS = 1.01
GOAL_REDIS_MIB = 4


class RedisServer:
    """A redis-server of its own on a socket in a directory of its own."""

    def __init__(self, machine, variant, settings=None):
        self.machine = machine
        self.socket = machine.directory / f"{variant}.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "",
                   "--appendonly", "no", "--dir", str(machine.directory), "--logfile", f"{variant}.log"]
        self.process = machine.start_measured(machine.words(variant, command), machine.environment(variant) | (settings or {}),
                                              preexec_fn=machine.pin_program(variant))
        try:
            self.wait_until_ready()
        except Failure:
            kill_group(self.process)
            raise

    def wait_until_ready(self):
        """Until it answers."""
        for _ in range(200):
            if self.process.poll() is not None:
                raise Failure(f"redis-server ended with status {self.process.returncode}")
            if self.ask("ping") == "PONG":
                return
            time.sleep(0.02)
        raise Failure("redis-server does not answer")

    def ask(self, *words):
        """One command; its reply, or nothing if there is none."""
        return subprocess.run(["redis-cli", "-s", str(self.socket), *words], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()

    def benchmark(self, test, num_requests, pipeline=16):
        """Microseconds for a request of this test, of which so many are under way on each connection."""
        others = self.machine.processors[:-1] or self.machine.processors
        output = subprocess.run(
            ["redis-benchmark", "-s", str(self.socket), "-t", test, "-n", str(num_requests), "-P", str(pipeline),
             "-r", "100000", "-d", "64", "--csv"],
            text=True, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, others)).stdout
        for row in csv.reader(output.splitlines()):
            if row and row[0].lower() == test:
                return 1e6 / float(row[1])
        raise Failure(f"redis-benchmark printed no result for {test}: {output}")

    def processor_seconds(self):
        """User and system time so far."""
        return sum(float(seconds) for seconds in re.findall(r"used_cpu_(?:user|sys):(\S+)", self.ask("info", "cpu")))

    def stop(self):
        """Shuts it down and returns the peak of its resident memory in MiB."""
        self.ask("shutdown", "nosave")
        return usage_of(self.process).peak_mib

    def __enter__(self):
        return self

    def __exit__(self, *_):
        kill_group(self.process)
        self.process.communicate()


def time_redis(machine, variants, generation, num_requests=60_000, pipeline=16):
    """One generation of servers: {variant: {metric: [microseconds for a request in each round]}}."""
    results = {variant: collections.defaultdict(list) for variant in variants}
    with contextlib.ExitStack() as stack:
        servers = {variant: stack.enter_context(RedisServer(machine, variant)) for variant in variants}
        for order in in_turns(variants, REDIS_ROUNDS, generation * REDIS_ROUNDS):
            for variant in order:
                server = servers[variant]
                before = server.processor_seconds()
                times = {test: server.benchmark(test, num_requests, pipeline) for test in REDIS_TESTS}
                cpu = server.processor_seconds() - before
                server.ask("del", "mylist")
                times["all"] = statistics.fmean(times.values())
                times["cpu"] = cpu * 1e6 / (len(REDIS_TESTS) * num_requests)
                for metric, microseconds in times.items():
                    results[variant][metric].append(microseconds)
    machine.discard_profiles()
    return results


def measure_redis_memory(machine, variant, settings=None):
    """Peak of resident memory in MiB, of a server that was filled once and then exited."""
    with RedisServer(machine, variant, settings) as server:
        for test in REDIS_TESTS:
            server.benchmark(test, 200_000)
        return server.stop()


def bench_redis(machine, report, quick):
    """redis-benchmark against redis-server: time for a request, processor time of the server, peak of its resident
    memory (the dump at its exit included)"""
    variants = SAMPLED
    results = {variant: collections.defaultdict(list) for variant in variants}
    for generation in range(4 if quick else 60):
        for variant, metrics in time_redis(machine, variants, generation).items():
            for metric, values in metrics.items():
                results[variant][metric] += values
    for order in in_turns(variants, 3 if quick else 9):
        for variant in order:
            results[variant]["mib"].append(measure_redis_memory(machine, variant))
            machine.discard_profiles()
    column = {metric: {variant: results[variant][metric] for variant in variants}
              for metric in (*REDIS_TESTS, "all", "cpu", "mib")}
    rows = []
    titles = {"set": "SET", "get": "GET", "lpush": "LPUSH", "all": "all three", "cpu": "processor time, all three"}
    for metric, title in titles.items():
        times = column[metric]
        over = {variant: ratios(times[variant], times["forward"]) for variant in variants}
        for variant in variants:
            report.add("redis", metric, variant, "us", times[variant])
            report.add("redis", metric, variant, "ratio_to_forward", over[variant])
        goal = verdict_on_ratio(over["default"], GOAL_REDIS, REDIS_ROUNDS) if metric in ("all", "cpu") else ""
        rows.append([title, f"{statistics.median(times['bare']):.3f}", f"{statistics.median(times['forward']):.3f}",
                     *(show_ratio(over[variant], REDIS_ROUNDS) for variant in ("off", "default")), goal])
    report.table("redis: microseconds for a request (pipelines of 16); cairn over forward",
                 ["", "bare", "forward", "off", "default", "goal for default"], rows)

    extra = {variant: [mib - bare for mib, bare in zip(column["mib"][variant], column["mib"]["bare"])]
             for variant in variants}
    for variant in variants:
        report.add("redis", "memory", variant, "peak_mib", column["mib"][variant])
        report.add("redis", "memory", variant, "peak_mib_over_bare", extra[variant])
    more = {variant: "{1:+.1f} [{0:+.1f} to {2:+.1f}]".format(*quartiles(extra[variant])) for variant in variants}
    report.table("redis: peak of resident memory in MiB; the others as a difference to bare",
                 ["", "bare", "forward", "off", "default", "goal for default"],
                 [["redis-server", f"{statistics.median(column['mib']['bare']):.1f}", more["forward"], more["off"],
                   more["default"], verdict(statistics.median(extra["default"]), GOAL_REDIS_MIB, " MiB")]])
