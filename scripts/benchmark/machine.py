# SPDX-License-Identifier: Apache-2.0
"""The build that is measured, and the programs that are started to measure it."""

import collections
import os
import pathlib
import platform
import re
import signal
import subprocess
import time

from benchmark.peers import ALLOCATORS, PEERS, fill_in

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RATES = {"off": "0", "default": "512K", "64K": "64K", "exact": "1", "never sampled": str(1 << 40)}

# What a program and what it started took.
Usage = collections.namedtuple("Usage", "wall_s processor_s peak_mib")


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

    def out(self, variant):
        """Where a peer writes its profiles."""
        directory = self.directory / variant.replace(" ", "-")
        directory.mkdir(exist_ok=True)
        return directory

    def environment(self, variant):
        """The environment for a variant."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CAIRN_", "LD_PRELOAD", "MALLOC_", "HEAP"))}
        if variant == "forward":
            environment["LD_PRELOAD"] = str(self.forward)
        elif variant in ALLOCATORS:
            environment["LD_PRELOAD"] = ALLOCATORS[variant]
        elif variant in PEERS:
            environment |= {name: fill_in(word, self.out(variant)) for name, word in PEERS[variant].settings.items()}
        elif variant != "bare":
            environment["LD_PRELOAD"] = str(self.cairn)
            environment["CAIRN_RATE"] = RATES[variant]
            environment["CAIRN_OUT"] = str(self.directory / "%e.%p.%n.pb.gz")
        return environment

    def words(self, variant, command):
        """The command for a variant."""
        before = [fill_in(word, self.out(variant)) for word in PEERS[variant].words] if variant in PEERS else []
        return [*before, *map(str, command)]

    def pin(self, threads):
        """What a child does to stay on its processors: the last ones, as interrupts prefer the first."""
        return lambda: os.sched_setaffinity(0, self.processors[-threads:])

    def pin_program(self, variant):
        """The same for a program with one thread; heaptrack's other programs find other processors, if there are any."""
        return self.pin(len(self.processors) if variant == "heaptrack" else 1)

    def start(self, variant, command, threads=1):
        """Starts a program that answers on stdout to lines on stdin.  What peers say is not shown."""
        return subprocess.Popen(self.words(variant, command), env=self.environment(variant), text=True, bufsize=1,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL if variant in PEERS else None,
                                preexec_fn=self.pin(threads))

    def run(self, variant, command, lines="", keep=False):
        """Runs a program to its end and returns what it printed.  Its profiles stay if they are to be kept."""
        with self.start(variant, command) as process:
            output, _ = process.communicate(lines)
        if not keep:
            self.discard_profiles()
        if process.returncode:
            raise Failure(f"{' '.join(map(str, command))} ({variant}): status {process.returncode}")
        return output

    def measure(self, variant, command, stdin=None, settings=None, limit_s=None):
        """The usage of one run of a program with one thread; None if it took longer than the limit."""
        return self.run_measured(self.words(variant, command), self.environment(variant) | (settings or {}), stdin=stdin,
                                 limit_s=limit_s, preexec_fn=self.pin_program(variant))

    def start_measured(self, command, environment, stdin=None, preexec_fn=None):
        """Starts a command in a group of its own, for usage_of()."""
        inherited = {name: value for name, value in environment.items() if os.environ.get(name) == value}
        settings = [f"{name}={value}" for name, value in environment.items() if name not in inherited]
        with open(stdin or os.devnull, encoding="utf-8") as lines:
            return subprocess.Popen([str(word) for word in [self.build / "testdata/bench/usage", *settings, *command]],
                                    env=inherited, stdin=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                    preexec_fn=preexec_fn, start_new_session=True)

    def run_measured(self, command, environment, stdin=None, limit_s=None, preexec_fn=None):
        """The usage of a command and what it starts; None if it took longer than the limit."""
        process = self.start_measured(command, environment, stdin, preexec_fn)
        try:
            return usage_of(process, limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            kill_group(process)
            process.communicate()

    def check_profiles(self, variants):
        """Did the peers record anything?"""
        for variant in variants:
            if variant in PEERS and not any(path.stat().st_size for path in self.out(variant).iterdir()):
                raise Failure(f"{variant} wrote no profile")

    def discard_profiles(self):
        """Removes what the variants wrote at exit."""
        written = [path for variant in PEERS for path in self.out(variant).iterdir()]
        for path in [*self.directory.glob("*.pb.gz*"), *written]:
            path.unlink()


def kill_group(process):
    """Ends a program and what it started, if it runs; heaptrack leaves a pipe, named after its process, then."""
    if process.returncode is None:
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.killpg(process.pid, signal.SIGKILL)
        for pid in children:
            pathlib.Path(f"/tmp/heaptrack_fifo{pid}").unlink(missing_ok=True)


def usage_of(process, limit_s=None):
    """Waits for the end of what start_measured() started."""
    output, errors = process.communicate(timeout=limit_s)
    if process.returncode:
        raise Failure(f"{' '.join(process.args[1:])}: status {process.returncode}: {errors}")
    wall_s, processor_s, peak_kib = output.split()
    return Usage(float(wall_s), float(processor_s), float(peak_kib) / 1024)


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


def describe_machine():
    """What the figures are of."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{model[1] if model else platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}, "
            f"{' '.join(platform.libc_ver())}")


def print_machine():
    """The same, and how busy it is."""
    load = os.getloadavg()[0]
    print(f"{describe_machine()}; load before {load:.2f}")
    if load > 0.5:
        print("The machine is busy: expect wide quartiles.")
