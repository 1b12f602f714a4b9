# SPDX-License-Identifier: Apache-2.0
"""Runs programs under cairn and reads their profiles with pprof's own code.

A test is a CairnTest; self.run_program() runs a program of testdata (or any other, by its path) with
the library preloaded, self.run_cairn() under `cairn run`, and self.run_bare() without it.  All give a Run.
cairn() runs any other command of cairn's.  A Profile is a file as google/pprof's Go package reads it, with
names as its command pprof finds them.
"""
import collections
import glob
import json
import os
import re
import subprocess
import tempfile
import time
import unittest

LIBRARY = os.environ['E2E_LIBRARY']
CAIRN = os.environ['E2E_CAIRN']
TESTDATA = os.environ['E2E_TESTDATA']
SOURCE = os.environ['E2E_SOURCE']
READPROFILE = os.environ['E2E_READPROFILE']
MAKEPROFILES = os.environ['E2E_MAKEPROFILES']
PPROF = os.environ['E2E_PPROF']
GO_PPROF = 'go', 'tool', 'pprof'

# What lies underneath cairn.  The library comes first in LD_PRELOAD, so the next one serves it.
ALLOCATORS = {
    'glibc': [],
    'jemalloc': ['libjemalloc.so.2'],
    'tcmalloc': ['libtcmalloc_minimal.so.4'],
    'mimalloc': ['libmimalloc.so.2'],
}

WAIT_SECONDS = 30  # for something that takes a moment: only a failure waits as long

Tally = collections.namedtuple('Tally', 'alloc_objects alloc_bytes inuse_objects inuse_bytes')
ZERO = Tally(0, 0, 0, 0)


def add(a, b):
    return Tally(*(x + y for x, y in zip(a, b)))


def testdata(name):
    return os.path.join(TESTDATA, name)


def clean_environment():
    """The environment without anything that would change what is tested."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(('CAIRN_', 'E2E_', 'LD_', 'MALLOC_', 'MESON', 'GLIBC_'))} | {'LC_ALL': 'C'}


def plain_name(function):
    """A function's own name: without namespace, parameters and template arguments."""
    name = function.replace('(anonymous namespace)::', '')
    name = re.sub(r'[(<].*$', '', name) if not name.startswith(('[', 'operator')) else name
    return name.rsplit('::', 1)[-1]


def truth_of(stdout, process=None):
    """The tallies that a program of testdata printed, by function; of one process if it printed several."""
    truth = {}
    is_wanted = process is None
    for line in stdout.decode().splitlines():
        words = line.split()
        if words[:1] == ['process']:
            is_wanted = process is None or words[1] == process
        elif words[:1] == ['site'] and is_wanted:
            truth[words[1]] = Tally(*map(int, words[2:]))
    return truth


def peaks_of(stdout):
    """What a program of testdata printed of its peak, (objects, bytes) by function."""
    lines = [line.split() for line in stdout.decode().splitlines() if line.startswith('peak ')]
    return {words[1]: (int(words[2]), int(words[3])) for words in lines}


Sample = collections.namedtuple('Sample', 'tally functions addresses mappings')


class Profile:
    """One file.  A sample's lists begin at the leaf."""

    def __init__(self, path, symbolize=True):
        self.path = path
        with tempfile.TemporaryDirectory() as directory:
            readable = path
            if symbolize:
                readable = os.path.join(directory, 'symbolized.pb.gz')
                pprof('-symbolize=local', '-proto', '-output=' + readable, path)
            contents = json.loads(subprocess.run([READPROFILE, readable], check=True, stdout=subprocess.PIPE).stdout)
        self.contents = contents
        self.comments = contents['comments'] or []
        self.mappings = contents['mappings'] or []
        self.locations = contents['locations'] or []
        self.samples = [self._convert(sample) for sample in contents['samples'] or []]

    def _convert(self, sample):
        functions, addresses, mappings = [], [], []
        for index in sample['locations']:
            location = self.locations[index]
            functions += [plain_name(name) for name in location['functions']] or ['?']
            addresses.append(location['address'])
            mappings.append(location['mapping'])
        return Sample(Tally(*sample['values']), functions, addresses, mappings)

    def total(self):
        total = ZERO
        for sample in self.samples:
            total = add(total, sample.tally)
        return total

    def flat(self):
        """Tallies by the function that allocated."""
        tallies = collections.defaultdict(lambda: ZERO)
        for sample in self.samples:
            leaf = sample.functions[0] if sample.functions else '?'
            tallies[leaf] = add(tallies[leaf], sample.tally)
        return tallies

    def under(self, function):
        """What was allocated by a function and all that it called."""
        total = ZERO
        for sample in self.samples:
            if function in sample.functions:
                total = add(total, sample.tally)
        return total

    def lines_of(self, function):
        """Where a function's code is, as (file name, line) of every location in it."""
        return {(os.path.basename(file), line) for location in self.locations
                for name, file, line in zip(location['functions'], location['files'], location['lines'])
                if plain_name(name) == function}

    def comment(self, pattern):
        """The first match of a regular expression in the comments, or None."""
        return next((match for match in (re.search(pattern, comment) for comment in self.comments) if match), None)


def pprof(*arguments, tool=(PPROF,), check=True, timeout=120):
    """Runs pprof, or `go tool pprof`, with no state of its own left behind."""
    with tempfile.TemporaryDirectory() as directory:
        environment = clean_environment() | {'PPROF_TMPDIR': directory, 'PPROF_BINARY_PATH': directory, 'HOME': directory}
        result = subprocess.run([*tool, *arguments], env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=timeout)
    if check and result.returncode:
        raise AssertionError(f'pprof {arguments}: {result.stderr.decode()}')
    return result.stdout.decode()


def cairn(*arguments, check=True, environment=None, timeout=60, **options):
    """Runs a command of cairn's; unless told otherwise it must succeed."""
    result = subprocess.run([CAIRN, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=clean_environment() | (environment or {}), timeout=timeout, **options)
    if check and result.returncode:
        raise AssertionError(f'cairn {arguments}: {result.returncode}, {result.stderr}')
    return result


def listed(*arguments, **options):
    """What `cairn list` tells of each ledger, by its path or, if it has none, its process."""
    entries = json.loads(cairn('list', '--json', *arguments, **options).stdout)
    return {entry.get('ledger', entry['pid']): entry for entry in entries}


def wait_until(condition, what, run=None):
    """Polls for something that another process does; in vain if that process, run, has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        has_ended = run and run.process.poll() is not None
        if time.monotonic() > deadline or has_ended and not condition():
            raise AssertionError(f'waited in vain for {what}' + (f'; the program ended with {run.process.returncode}' if has_ended else ''))
        time.sleep(0.01)


class Run:
    """A program that runs or has run."""

    def __init__(self, process, directory):
        self.process = process
        self.pid = process.pid
        self.directory = directory
        self.stdout = self.stderr = b''

    def finish(self, input=None, timeout=120):
        try:
            self.stdout, self.stderr = self.process.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.stdout, self.stderr = self.process.communicate()
            raise AssertionError(f'{self.process.args} still ran after {timeout} s; stdout {self.stdout[-2000:]}, '
                                 f'stderr {self.stderr[-2000:]}') from None
        return self

    @property
    def outcome(self):
        """All that the program shows to the outside; a status below 0 is a signal."""
        return self.process.returncode, self.stdout, self.stderr

    def all_files(self):
        return sorted(os.listdir(self.directory))

    def files(self, pid=None):
        """The profiles of a process (by default the one that was started), oldest first."""
        return sorted(glob.glob(f'{self.directory}/heap.{pid or self.pid}.*.pb.gz'))

    def child_files(self):
        return sorted(set(glob.glob(f'{self.directory}/heap.*.pb.gz')) - set(self.files()))

    def profile(self, symbolize=True):
        """The only profile of the process."""
        files = self.files()
        if len(files) != 1:
            raise AssertionError(f'{self.process.args}: profiles {self.all_files()}, outcome {self.outcome}')
        return Profile(files[0], symbolize)


class CairnRun(Run):
    """A run of `cairn run`: its profiles are those of all processes of the program."""

    def files(self, pid=None):
        return super().files(pid or '*')

    def messages(self):
        """What cairn itself said on stderr."""
        return [line for line in self.stderr.decode().splitlines() if line.startswith('cairn: ')]


class CairnTest(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self._temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self._temporary.cleanup)
        self._num_directories = 0

    def new_directory(self):
        self._num_directories += 1
        path = os.path.join(self._temporary.name, str(self._num_directories))
        os.mkdir(path)
        return path

    def start(self, *command, preload=(), environment=None, directory=None, stdin=subprocess.DEVNULL, **options):
        """Starts a program.  Its own name alone means a program of testdata."""
        program = command[0] if '/' in command[0] else testdata(command[0])
        variables = clean_environment() | (environment or {})
        if preload:
            variables['LD_PRELOAD'] = ' '.join(preload)
        options.setdefault('stdout', subprocess.PIPE)
        options.setdefault('stderr', subprocess.PIPE)
        process = subprocess.Popen([program, *command[1:]], env=variables, stdin=stdin, **options)
        return Run(process, directory or self.new_directory())

    def start_program(self, *command, preload=(), environment=None, directory=None, cairn=None, **options):
        """Starts a program under cairn; cairn's variables are given by name: {'RATE': 1}.

        preload lists what comes after the library.  Unless told otherwise it is exact, and writes
        heap.PID.NUMBER.pb.gz to a directory of its own.
        """
        directory = directory or self.new_directory()
        variables = {'OUT': directory + '/heap.%p.%n.pb.gz', 'RATE': '1'} | (cairn or {})
        settings = {'CAIRN_' + name: str(value) for name, value in variables.items() if value is not None}
        return self.start(*command, preload=[LIBRARY, *preload], environment=(environment or {}) | settings,
                          directory=directory, **options)

    def run_program(self, *command, input=None, timeout=120, **options):
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        return self.start_program(*command, stdin=stdin, **options).finish(input, timeout)

    def start_cairn(self, *command, options=('--exact',), directory=None, **popen):
        """Starts a program under `cairn run`, which writes heap.PID.NUMBER.pb.gz to a directory of its own."""
        directory = directory or self.new_directory()
        program = command[0] if '/' in command[0] else testdata(command[0])
        arguments = 'run', *options, '--out', directory + '/heap.%p.%n.pb.gz', '--', program, *command[1:]
        run = self.start(CAIRN, *arguments, directory=directory, **popen)
        return CairnRun(run.process, run.directory)

    def run_cairn(self, *command, input=None, timeout=120, **options):
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        return self.start_cairn(*command, stdin=stdin, **options).finish(input, timeout)

    def ledger_of(self, *command, **cairn):
        """The ledger that a program which has ended leaves behind."""
        directory = self.new_directory()
        self.run_program(*command, cairn={'LEDGER': directory, 'RATE': 1} | cairn)
        ledger, = glob.glob(directory + '/*.cairn')
        return ledger

    def run_bare(self, *command, input=None, timeout=120, **options):
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        return self.start(*command, stdin=stdin, **options).finish(input, timeout)

    def start_growth(self, directory=None, **cairn):
        """The program "growth", when it is ready: it obeys commands until finish() ends its input."""
        run = self.start_program('growth', cairn=cairn, stdin=subprocess.PIPE, directory=directory)
        self.obey(run, '+ 0')
        return run

    def obey(self, run, command):
        run.process.stdin.write(command.encode() + b'\n')
        run.process.stdin.flush()
        self.assertEqual(b'done\n', run.process.stdout.readline())

    def make_profiles(self, number, samples, stacks):
        """So many heap profiles of a fleet, each with so many samples, of stacks that they share; their paths."""
        directory = self.new_directory()
        subprocess.run([MAKEPROFILES, directory, str(number), str(samples), str(stacks)], check=True, timeout=60)
        return sorted(glob.glob(directory + '/*.pb.gz'))

    def assert_is_sum(self, path, summands):
        """A profile is, field by field, what google/pprof makes of the sum of others, or of one."""
        result = subprocess.run([READPROFILE, '-equal', path, *summands], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, timeout=60)
        self.assertEqual((0, ''), (result.returncode, result.stdout[:8000]))

    def assert_truth(self, truth, profile):
        """Each function of the truth has exactly its tally in the profile."""
        self.assertTrue(truth, 'the program printed no truth')
        flat = profile.flat()
        self.assertEqual(truth, {function: flat[function] for function in truth}, profile.comments)

    def assert_same_outcome(self, bare, run):
        self.assertEqual(bare.outcome, run.outcome)
        self.assertEqual([], [name for name in run.all_files() if not name.endswith('.pb.gz')], 'files left over')
