# SPDX-License-Identifier: Apache-2.0
"""The section sharing: which memory several threads write to in exact mode, counted and not timed.

What makes threads slow each other down is a line of cache that one writes to and another uses.  How many of these accesses
an operation has does not depend on the number of processors, so it tells what this machine cannot: how exact mode fares on
more processors than it has.  Valgrind's tool lackey prints each instruction and each access to memory, and --trace-sched
which thread they are of; what counts are the accesses of cairn's own instructions in the second half of the program "team",
when each thread has its lane, its blocks and its sites.  An atomic change is a load and a store, a failed one too.
"""

import collections
import struct
import subprocess

from benchmark.machine import Failure

NUM_THREADS = (2, 4, 8)
LINE_BYTES = 64
RARE = 0.02  # writes for each read: of a line that is written so seldom readers nearly always have a copy

# Of src/ledger/layout.h.
VERSION, NUM_REGIONS, REGIONS_AT, REGION = 4, 12, 168, struct.Struct("<7Q")
REGIONS = {6: "tallies", 8: "blocks", 11: "chains"}  # the others are "tables"
PLACES = ("header", "tallies", "blocks", "chains", "tables", "library", "lanes")

# Of an operation: writes to lines that one thread writes to, and to those that several do (in all, and by place); how often
# such a line's writer is another one than before, in the order of the trace, where each thread runs for long; reads of lines
# that several read and hardly anyone writes to; and how many lines these last ones are.
Sharing = collections.namedtuple("Sharing", "alone several places moves read num_read")


def trace_team(machine, workload, num_threads, num_operations):
    """The trace's path, the ledger's, and what the program printed: its marker's address and its mappings."""
    trace = machine.directory / "sharing.trace"
    environment = machine.environment("exact") | {"CAIRN_LEDGER": str(machine.directory)}
    command = ["valgrind", "--tool=lackey", "--basic-counts=no", "--trace-mem=yes", "--trace-sched=yes", f"--log-file={trace}",
               machine.build / "testdata/bench/team", workload, str(num_threads), str(num_operations)]
    lines = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    # Valgrind, which the program is executed by, leaves one, too.
    ledger, = (path for path in machine.directory.glob("*.cairn") if any(path.name in line for line in lines))
    mappings = [(*(int(address, 16) for address in line.split()[0].split("-")), line.split()[1], (line.split() + [""])[5])
                for line in lines[1:]]
    return trace, ledger, int(lines[0], 16), mappings


def find_places(ledger, mappings):
    """[(start, limit, place)] of the ledger and of the library's own data; all else is lanes and the like."""
    with open(ledger, "rb") as file:
        header = file.read(4096)
    version, = struct.unpack_from("<I", header, 8)
    if version != VERSION:
        raise Failure(f"sharing: the ledger's version is {version}, expected {VERSION}")
    start = min(mapping[0] for mapping in mappings if mapping[3] == str(ledger))
    regions = [REGION.unpack_from(header, REGIONS_AT + i * REGION.size)[:4] for i in range(NUM_REGIONS)]
    places = [(start, start + regions[0][0], "header")]
    places += [(start + offset, start + offset + element_bytes * capacity, REGIONS.get(i, "tables"))
               for i, (offset, element_bytes, _, capacity) in enumerate(regions)]
    library = [mapping for mapping in mappings if mapping[3].endswith("/libcairn.so")]
    limit = library[-1][1]
    for mapping in mappings:  # its zeros follow
        limit = mapping[1] if mapping[0] == limit and not mapping[3] else limit
    return places + [(library[0][0], limit, "library")]


def line_of(access):
    """The line of cache that an access, as the trace has it, begins in."""
    return int(access[3:].split(b",")[0], 16) // LINE_BYTES


class Counts:
    """What a trace says."""

    def __init__(self):
        self.accesses = collections.defaultdict(collections.Counter)  # by thread
        self.num_moves = 0
        self.writers = {}  # the last one of each line

    def add_write(self, line, thread):
        """A write, after all that came before."""
        self.num_moves += self.writers.get(line, thread) != thread
        self.writers[line] = thread


def count_accesses(trace, marker, code):
    """The accesses by instructions in the code between the two writes to the marker."""
    start, limit = code
    marks = [f" {kind} {marker:08x},8\n".encode() for kind in "SM"]
    counts, is_ours, thread, is_counting, is_inside = Counts(), {}, 0, False, False
    with open(trace, "rb") as file:
        for text in file:
            if text[:1] == b"I":
                is_inside = is_ours.get(text)
                if is_inside is None:
                    is_inside = is_ours[text] = start <= int(text[3:].split(b",")[0], 16) < limit
            elif text[:1] == b" ":
                if is_inside and is_counting:
                    counts.accesses[thread][text] += 1
                    if text[1:2] != b"L":
                        counts.add_write(line_of(text), thread)
                elif text in marks:
                    is_counting = not is_counting
            elif b"acquired lock" in text:
                thread = int(text.split(b"SCHED[")[1].split(b"]")[0])
    return counts


def sum_up(counts, places, num_operations):
    """What the accesses come to for each operation."""
    reads, writes = (collections.defaultdict(collections.Counter) for _ in range(2))
    for thread, accesses in counts.accesses.items():
        for access, number in accesses.items():
            (reads if access[1:2] == b"L" else writes)[line_of(access)][thread] += number
    alone, read, num_read, shared = 0, 0, 0, collections.Counter()
    for line in reads.keys() | writes.keys():
        num_writes, num_reads = writes[line].total(), reads[line].total()
        if len(writes[line]) > 1:
            address = line * LINE_BYTES
            shared[next((place for start, limit, place in places if start <= address < limit), "lanes")] += num_writes
        else:
            alone += num_writes
        if len(reads[line]) > 1 and num_writes < RARE * num_reads:
            read += num_reads
            num_read += 1
    return Sharing(alone / num_operations, shared.total() / num_operations,
                   {place: number / num_operations for place, number in shared.items()}, counts.num_moves / num_operations,
                   read / num_operations, num_read)


def bench_sharing(machine, report, quick):
    """to which lines of cache exact mode writes for a pair of malloc and free, by whether one thread writes to them or several
    do, with 2, 4 and 8 threads: one block at a time, and blocks that the next thread frees; counted under valgrind, so it
    also tells of machines with more processors than this one"""
    rows = []
    for workload, title in (("pairs", "one block at a time"), ("exchange", "freed by the next")):
        for num_threads in NUM_THREADS[:1] if quick else NUM_THREADS:
            num_operations = 512 if quick else 1024
            trace, ledger, marker, mappings = trace_team(machine, workload, num_threads, num_operations)
            code = next(mapping[:2] for mapping in mappings if "x" in mapping[2] and mapping[3].endswith("/libcairn.so"))
            sharing = sum_up(count_accesses(trace, marker, code), find_places(ledger, mappings), num_threads * num_operations)
            trace.unlink()
            for metric, value in (("alone", sharing.alone), ("several", sharing.several), ("moves", sharing.moves),
                                  ("read", sharing.read)):
                report.add("sharing", f"{workload} {num_threads}", "exact", metric, [value])
            rows.append([f"{title}, {num_threads} threads", f"{sharing.alone:.1f}", f"{sharing.several:.3f}",
                         *(f"{sharing.places.get(place, 0):.3f}" for place in PLACES), f"{sharing.moves:.3f}",
                         f"{sharing.read:.1f}", str(sharing.num_read)])
    report.table("sharing: of an operation, writes to lines that one thread writes to and that several do, by place; how often\n"
                 "such a line's writer changes; reads of lines that several read and hardly anyone writes to, and how many these are",
                 ["", "one thread", "several", *PLACES, "moves", "reads", "lines"], rows)
