# SPDX-License-Identifier: Apache-2.0
"""The build that is measured, and the programs that are started to measure it."""

import os
import pathlib
import platform
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RATES = {"off": "0", "default": "512K", "exact": "1", "never sampled": str(1 << 40)}


class Failure(Exception):
    """A measurement that could not be taken; says why."""


class Machine:
    """Where programs run: the build, its libraries, the processors."""

    def __init__(self, build, directory):
        self.build = build
        self.directory = directory
        self.processors = sorted(os.sched_getaffinity(0))
        self.cairn = build / "src/libcairn.so"
        self.command = build / "src/cli/cairn"
        self.forward = build / "testdata/bench/forward.so"

    def environment(self, variant):
        """The environment for a variant."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CAIRN_", "LD_PRELOAD"))}
        if variant == "forward":
            environment["LD_PRELOAD"] = str(self.forward)
        elif variant != "bare":
            environment["LD_PRELOAD"] = str(self.cairn)
            environment["CAIRN_RATE"] = RATES[variant]
            environment["CAIRN_OUT"] = str(self.directory / "%e.%p.%n.pb.gz")
        return environment

    def pin(self, threads):
        """What a child does to stay on its processors: the last ones, as interrupts prefer the first."""
        return lambda: os.sched_setaffinity(0, self.processors[-threads:])

    def start(self, variant, command, threads=1):
        """Starts a program that answers on stdout to lines on stdin."""
        return subprocess.Popen([str(word) for word in command], env=self.environment(variant), text=True, bufsize=1,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=self.pin(threads))

    def run(self, variant, command, lines=""):
        """Runs a program to its end and returns what it printed."""
        with self.start(variant, command) as process:
            output, _ = process.communicate(lines)
        self.discard_profiles()
        if process.returncode:
            raise Failure(f"{' '.join(map(str, command))} ({variant}): status {process.returncode}")
        return output

    def discard_profiles(self):
        """Removes what the variants wrote at exit."""
        for path in self.directory.glob("*.pb.gz*"):
            path.unlink()


def run_measured(command, environment):
    """Seconds and peak of resident memory in MiB of a command and what it starts."""
    start = time.perf_counter()
    with subprocess.Popen([str(word) for word in command], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failure(f"{command[0]}: status {process.returncode}: {errors.decode()}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def time_command(machine, *command):
    """Milliseconds from the start of a command to its end."""
    start = time.perf_counter()
    subprocess.run([str(word) for word in command], env=machine.environment("bare"), check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, preexec_fn=machine.pin(2))
    return (time.perf_counter() - start) * 1e3


def build(directory):
    """Builds what is measured."""
    if (directory / "build.ninja").exists():
        configure = ["meson", "configure", "-Dtests=true", str(directory)]
    else:
        configure = ["meson", "setup", "--buildtype=debugoptimized", str(directory), str(ROOT)]
    commands = [configure, ["ninja", "-C", str(directory)]]
    for command in commands:
        done = subprocess.run(command, text=True, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode:
            raise Failure(f"{' '.join(command)} failed\n{done.stdout}")


def print_machine():
    """What the figures are of."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    load = os.getloadavg()[0]
    print(f"{model[1] if model else platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}, "
          f"{' '.join(platform.libc_ver())}; load before {load:.2f}")
    if load > 0.5:
        print("The machine is busy: expect wide quartiles.")
