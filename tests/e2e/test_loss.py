# SPDX-License-Identifier: Apache-2.0
"""No loss: programs that are killed at any instant, run out of memory, or whose disk is full.

E2E_NUM_KILLS says how often a program is killed (50); a thousand take a few minutes.
"""
import glob
import os
import random
import signal
import struct
import subprocess
import time
import unittest

from cairn_test import GO_PPROF, ZERO, CairnTest, Profile, add, cairn, listed, pprof, testdata, truth_of

NUM_KILLS = int(os.environ.get('E2E_NUM_KILLS', '50'))
NUM_THREADS = 4
ACCOUNT_BYTES = 64
MIB = 1 << 20


class AccountTest(CairnTest):
    """The program "operations", which publishes what it has begun and finished."""

    def start_operations(self, num_stacks=1, **options):
        path = os.path.join(self.new_directory(), 'accounts')
        with open(path, 'wb') as file:
            file.write(bytes(ACCOUNT_BYTES * 8))
        run = self.start_program('operations', path, str(NUM_THREADS), str(num_stacks), **options)
        return run, path

    def accounts(self, path):
        """Of each thread: mallocs begun and finished, frees begun and finished."""
        with open(path, 'rb') as file:
            contents = file.read()
        return [struct.unpack_from('4Q', contents, ACCOUNT_BYTES * number) for number in range(NUM_THREADS)]

    def assert_accounted(self, accounts, flat):
        for number, (mallocs_begun, mallocs_finished, frees_begun, frees_finished) in enumerate(accounts):
            tally, size = flat[f'operations_{number}'], 100 + number
            freed = tally.alloc_objects - tally.inuse_objects, tally.alloc_bytes - tally.inuse_bytes
            # One that was under way may be counted in objects, and not in bytes yet.
            for unit, num_allocated, num_freed in (1, tally.alloc_objects, freed[0]), (size, tally.alloc_bytes, freed[1]):
                context = number, accounts[number], tally
                self.assertTrue(mallocs_finished * unit <= num_allocated <= mallocs_begun * unit, context)
                self.assertTrue(frees_finished * unit <= num_freed <= frees_begun * unit, context)


class KillTest(AccountTest):
    @classmethod
    def setUpClass(cls):
        """Where the functions are: faster than to have a thousand profiles symbolized."""
        lines = subprocess.run(['nm', '--print-size', testdata('operations')], check=True, stdout=subprocess.PIPE).stdout
        words = [line.split() for line in lines.decode().splitlines() if ' t operations_' in line]
        cls.functions = [(int(start, 16), int(start, 16) + int(size, 16), name) for start, size, _, name in words]

    def by_function(self, profile):
        """What Profile.flat() would give of the program's own functions."""
        mappings = {mapping['id']: mapping['start'] - mapping['offset'] for mapping in profile.mappings
                    if mapping['file'] == testdata('operations')}
        flat = {name: ZERO for _, _, name in self.functions}
        for sample in profile.samples:
            address = sample.addresses[0] - mappings.get(sample.mappings[0], 0)
            for start, limit, name in self.functions:
                if start <= address < limit:
                    flat[name] = add(flat[name], sample.tally)
        return flat

    def test_killed_at_any_instant_all_that_was_finished_is_there(self):
        seed = random.Random(1)
        opened = 0
        for number in range(NUM_KILLS):
            with self.subTest(kill=number):
                opened += self.kill(seed.choice((0, 0.002, 0.02, 0.1)) * seed.random(), seed.choice((1, 1, 100, 1000)), number)
        self.assertEqual(NUM_KILLS, opened)

    def kill(self, delay_s, num_stacks, number):
        directory = self.new_directory()
        run, path = self.start_operations(num_stacks, cairn={'LEDGER': directory})
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        time.sleep(delay_s)
        run.process.kill()
        run.finish()
        self.assertEqual(-signal.SIGKILL, run.process.returncode)
        ledger, = glob.glob(directory + '/*.cairn')
        out = os.path.join(directory, 'heap.pb.gz')
        cairn('dump', '-q', '-o', out, ledger)
        profile = Profile(out, symbolize=False)  # valid for pprof's own package
        self.assert_accounted(self.accounts(path), self.by_function(profile))
        self.assertIsNone(profile.comment('contended|missed_frees|dropped_stacks'), profile.comments)
        if number % 25 == 0:
            self.assertRegex(pprof('-top', out, tool=GO_PPROF), r'operations_\d')
            self.assert_list_agrees(ledger, profile)
        os.unlink(ledger)
        return 1

    def assert_list_agrees(self, ledger, profile):
        entry = listed(os.path.dirname(ledger))[ledger]
        self.assertEqual((False, 'ended', 'operations', 0),
                         tuple(entry[key] for key in ('running', 'state', 'program', 'lost')))
        # Totals of the whole and the sum of sites differ by what was under way.
        self.assertAlmostEqual(profile.total().inuse_bytes, entry['live_bytes'], delta=200 * NUM_THREADS)

    def test_killed_before_it_has_begun_well(self):
        """In its first milliseconds there may be no ledger, or one that is not ready: then it says so."""
        seed = random.Random(2)
        num_read = 0
        for _ in range(max(20, NUM_KILLS // 2)):
            directory = self.new_directory()
            run, _ = self.start_operations(cairn={'LEDGER': directory})
            time.sleep(seed.random() * 0.02)
            run.process.kill()
            run.finish()
            for ledger in glob.glob(directory + '/*.cairn'):
                result = cairn('dump', '-o', '-', ledger, check=False)
                self.assertIn(result.returncode, (0, 1))
                num_read += result.returncode == 0
                if result.returncode:
                    self.assertRegex(result.stderr.decode(), rf'\Acairn: {ledger}: (magic|is_ready|has 0 bytes|.*not ready)')
                os.unlink(ledger)
        self.assertGreater(num_read, 0)


class MemoryTest(AccountTest):
    def control_group(self, limit_bytes):
        """A memory cgroup of its own with that limit; the files to join it and to count kills."""
        name = f'cairn-test-{os.getpid()}'
        for parent, limit_file in ('/sys/fs/cgroup/memory', 'memory.limit_in_bytes'), ('/sys/fs/cgroup', 'memory.max'), \
                ('/sys/fs/cgroup/unified', 'memory.max'):
            directory = os.path.join(parent, name)
            try:
                os.mkdir(directory)
            except OSError:
                continue
            self.addCleanup(os.rmdir, directory)
            try:
                with open(os.path.join(directory, limit_file), 'w') as file:
                    file.write(str(limit_bytes))
                return directory
            except OSError:
                continue
        self.skipTest('no memory cgroup can be made here')

    def test_killed_by_the_out_of_memory_killer(self):
        group = self.control_group(48 * MIB)
        script = f'echo $$ >{group}/cgroup.procs && exec "$@"'
        directory = self.new_directory()
        # cairn itself is outside; only what it runs is in the group.
        run = self.run_cairn('/bin/sh', '-c', script, 'sh', testdata('exhaust'), 'touch',
                             options=['--exact', '--memory', '8M', '--ledger', directory])
        self.assertEqual(-signal.SIGKILL, run.process.returncode, run.stderr)
        truth = truth_of(run.stdout)
        self.assertGreater(truth['exhaust_allocate'].alloc_objects, 10)
        self.assert_truth(truth, run.profile())
        states = [entry['state'] for path, entry in listed(directory).items() if os.path.basename(str(path)).startswith('exhaust')]
        self.assertEqual(['SIGKILL'], states)
        self.assertRegex(pprof('-top', run.files()[0], tool=GO_PPROF), r'100% +exhaust_allocate')

    def test_allocations_that_fail_are_not_counted(self):
        # Blocks of 1 MiB until there are no more, then small ones.
        for mebibytes in 2500, 4000:
            limit = f'ulimit -v {mebibytes << 10}; exec "$@"'
            bare = self.run_bare('/bin/sh', '-c', limit, 'sh', testdata('exhaust'))
            run = self.run_cairn('/bin/sh', '-c', limit, 'sh', testdata('exhaust'), options=['--memory', '64M', '--exact', '-q'])
            self.assertEqual((0, b''), (bare.process.returncode, bare.stderr))
            self.assertEqual((0, b''), (run.process.returncode, run.stderr))
            truth = truth_of(run.stdout)
            self.assertGreater(truth['exhaust_allocate'].alloc_objects, 100)
            self.assertGreater(truth_of(bare.stdout)['exhaust_allocate'].alloc_objects, truth['exhaust_allocate'].alloc_objects)
            self.assert_truth(truth, run.profile())


class DiskTest(AccountTest):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest('only root can mount a small file system')
        self.disk = self.new_directory()

    def on_full_disk(self, size, *command, **options):
        """Runs a command where the directory self.disk is a file system of that size, then copies what is in it."""
        copy = self.new_directory()
        script = (f'mount -t tmpfs -o size={size} none {self.disk} && {{ "$@"; status=$?; '
                  f'cp --sparse=always {self.disk}/*.cairn {copy}; exit $status; }}')
        run = self.run_program('/usr/bin/unshare', '-m', '/bin/sh', '-c', script, 'sh', *command,
                               cairn={'LEDGER': self.disk, 'ONLY': 'sites,exits'}, **options)
        return run, glob.glob(copy + '/*.cairn')

    def test_a_disk_that_fills_up_is_no_end_of_the_program(self):
        bare = self.run_bare('sites', '20000')
        for size in '1m', '2m':
            with self.subTest(size=size):
                run, ledgers = self.on_full_disk(size, testdata('sites'), '20000')
                self.assertEqual(bare.outcome, run.outcome)
                truth = truth_of(run.stdout)['sites_allocate']
                ledger, = ledgers
                out = os.path.join(self.new_directory(), 'heap.pb.gz')
                cairn('dump', '-q', '-o', out, ledger)
                profile = Profile(out)
                flat = profile.flat()
                counted = flat['sites_allocate'].alloc_objects + flat['[ledger full]'].alloc_objects
                self.assertTrue(truth.alloc_objects <= counted < truth.alloc_objects + 100, counted)
                self.assertGreater(flat['[ledger full]'].alloc_objects, 1000)
                self.assertTrue(profile.comment(r'\d+ dropped_stacks'), profile.comments)

    def test_a_disk_without_any_room_is_no_end_of_the_program(self):
        bare = self.run_bare('exits', 'return')
        for size in '4k', '64k', '144k', '256k':
            with self.subTest(size=size):
                run, ledgers = self.on_full_disk(size, testdata('exits'), 'return')
                self.assertEqual(bare.outcome[:2], run.outcome[:2])
                path, = run.files(pid='*') or [os.path.join(run.directory, 'heap.pb.gz')]
                if ledgers:
                    cairn('dump', '-q', '-o', path, *ledgers)
                # Without room for the least of ledgers it is in memory, and the profile is written at the end.
                self.assertEqual(size in ('4k', '64k'), not ledgers)
                profile = Profile(path)
                if size == '144k':  # room for stacks, but not for mappings and blocks
                    num_untracked = int(profile.comment(r'(\d+) untracked_objects')[1])
                    self.assertGreaterEqual(num_untracked, 3)
                    self.assertEqual((num_untracked, 0), profile.total()[::2])
                else:
                    self.assert_truth(truth_of(run.stdout), profile)

    def test_a_killed_program_on_a_full_disk_has_a_ledger(self):
        run, ledgers = self.on_full_disk('1m', testdata('exits'), 'kill')
        self.assertEqual(128 + signal.SIGKILL, run.process.returncode)
        out = os.path.join(self.new_directory(), 'heap.pb.gz')
        cairn('dump', '-q', '-o', out, *ledgers)
        self.assert_truth(truth_of(run.stdout), Profile(out))


if __name__ == '__main__':
    unittest.main()
