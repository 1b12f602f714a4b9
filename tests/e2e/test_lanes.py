# SPDX-License-Identifier: Apache-2.0
"""Lanes: many threads at the same sites, each counting for itself, are together exact to the byte."""
import glob
import json
import os
import re
import struct
import subprocess
import unittest

from cairn_test import CairnTest, Profile, Tally, ZERO, add, cairn, peaks_of, truth_of

# Of ledger/layout.h: where the header's regions are, which of them are tables, and a tally.
REGIONS_AT, REGION = 168, struct.Struct('<7Q')
SITES, TALLIES, BLOCKS = 4, 6, 8
TALLY = struct.Struct('<II56x')  # site, lane

MIN_SLACK_BYTES, SLACK_SHIFT = 16384, 12  # of ledger/tallies.h
NUM_READS = 100
NUM_EXCHANGED, MAX_UNDER_WAY = 4096, 8  # slots and threads of "meanwhile"


class Ledger:
    """How much of a ledger's tables is in use, and which lanes count in it."""

    def __init__(self, path):
        with open(path, 'rb') as file:
            self.regions = list(REGION.iter_unpack(os.pread(file.fileno(), 12 * REGION.size, REGIONS_AT)))
            offset, element_bytes = self.regions[TALLIES][:2]
            assert element_bytes == TALLY.size
            tallies = os.pread(file.fileno(), self.num_used(TALLIES) * TALLY.size, offset)
        self.lanes_of = {}
        for site, lane in list(TALLY.iter_unpack(tallies))[1:]:
            self.lanes_of.setdefault(site, []).append(lane)
        self.lanes = {lane for lanes in self.lanes_of.values() for lane in lanes}

    def num_used(self, region):
        return self.regions[region][4]


class LanesTest(CairnTest):
    def run_with_ledger(self, *command, **settings):
        """What a program printed, its profile, and the ledger that it left."""
        directory = self.new_directory()
        run = self.run_program(*command, cairn={'LEDGER': directory} | settings)
        self.assertEqual((0, b''), (run.process.returncode, run.stderr))
        ledger, = glob.glob(f'{directory}/*.cairn')
        return run.stdout, self.dump(ledger), ledger

    def dump(self, process, symbolize=True):
        path = os.path.join(self.new_directory(), 'heap.pb.gz')
        cairn('dump', '-o', path, process)
        return Profile(path, symbolize)

    def counter(self, profile, name):
        counted = profile.comment(rf'counted: (\d+) {name}:')
        return int(counted[1]) if counted else 0

    def assert_samples_add_up(self, profile):
        """What all lanes counted of the whole is what they counted at the sites."""
        self.assertEqual(profile.total().alloc_objects, int(profile.comment(r'samples: (\d+)')[1]))

    def check_exact(self, *command, **settings):
        """The ledger of a program that was recorded without a loss."""
        stdout, profile, ledger = self.run_with_ledger(*command, **settings)
        self.assert_truth(truth_of(stdout), profile)
        self.assertIsNone(profile.comment('counted: '), profile.comments)
        self.assert_samples_add_up(profile)
        return Ledger(ledger)


class Threads(LanesTest):
    def test_600_threads_at_once_share_the_lanes(self):
        ledger = self.check_exact('crowd', 'alive')
        self.assertEqual(set(range(256)), ledger.lanes)
        for lanes in ledger.lanes_of.values():
            self.assertEqual(len(set(lanes)), len(lanes), 'a lane has two tallies at a site')

    def test_lanes_of_threads_that_are_gone_are_used_again(self):
        ledger = self.check_exact('crowd', 'generations')
        # A thread may be found alive a moment after it was joined.
        self.assertLess(len(ledger.lanes), 64)
        self.assertLess(ledger.num_used(TALLIES), 64 * ledger.num_used(SITES))

    def test_blocks_that_another_thread_frees_are_used_again(self):
        ledger = self.check_exact('crowd', 'handover')
        # Two batches of the program's are live at most; each lane keeps back less than two of the ledger's.
        self.assertLess(ledger.num_used(BLOCKS), 1000)


class Full(LanesTest):
    def test_what_a_full_ledger_has_no_stacks_for_is_counted_and_freed(self):
        stdout, profile, ledger = self.run_with_ledger('crowd', 'full', MEMORY='1M')
        truth, flat, contended = truth_of(stdout), profile.flat(), self.counter(profile, 'contended')
        self.assertEqual(0, self.counter(profile, 'untracked_objects'), 'then frees are not seen either')
        self.assertGreater(flat['[ledger full]'].alloc_objects, 10000)
        self.assertGreater(flat['crowd_pass'].alloc_objects, 10000)
        self.assertEqual(truth['crowd_allocate'], flat['crowd_allocate'])
        recorded = add(add(flat['crowd_pass'], flat['[ledger full]']), flat['_IO_file_doallocate'])
        expected = truth['crowd_pass']
        for _ in truth:  # to print a line takes a buffer
            expected = add(expected, Tally(1, 4096, 0, 0))
        if contended == 0:
            self.assertEqual(expected, recorded, profile.comments)
        # Events that did not get the lane of a tally: of an allocation that was left out the freeing is not counted as lost.
        lost = expected.alloc_objects - recorded.alloc_objects
        self.assertTrue(0 <= lost <= contended < expected.alloc_objects // 100, (lost, contended))
        self.assertTrue(contended - 2 * lost <= recorded.inuse_objects - expected.inuse_objects <= contended - lost,
                        (recorded, expected, contended))
        # Where there was no room for a lane's tally that of another lane served.
        lanes_of = Ledger(ledger).lanes_of
        self.assertLess(min(len(lanes) for lanes in lanes_of.values()), 16)


class Fork(LanesTest):
    def test_children_begin_with_what_was_live_at_the_fork(self):
        run = self.run_program('meanwhile', 'fork')
        self.assertEqual((0, b''), (run.process.returncode, run.stderr))
        parent = run.profile()
        self.assert_truth(truth_of(run.stdout, str(run.pid)), parent)
        kept = truth_of(run.stdout, str(run.pid))['meanwhile_keep']
        children = run.child_files()
        self.assertEqual(5, len(children))
        for path in children:
            pid = re.search(r'heap\.(\d+)\.', path)[1]
            child = Profile(path)
            self.assert_truth(truth_of(run.stdout, pid) | {'meanwhile_keep': kept}, child)
            self.assert_samples_add_up(child)
            # What others freed between the snapshot and the fork itself the child sees when it is allocated again.
            live = child.flat()['meanwhile_pass'].inuse_objects + self.counter(child, 'missed_frees')
            self.assertTrue(NUM_EXCHANGED <= live <= NUM_EXCHANGED + MAX_UNDER_WAY, live)


class Readers(LanesTest):
    def setUp(self):
        super().setUp()
        self.run = self.start_program('meanwhile', 'exchange', stdin=subprocess.PIPE)
        self.addCleanup(self.run.process.communicate)
        self.addCleanup(self.run.process.kill)
        self.assertEqual(b'ready\n', self.run.process.stdout.readline())

    def end(self):
        self.run.finish()
        profile = self.run.profile()
        self.assert_truth(truth_of(self.run.stdout), profile)
        return profile.flat()['meanwhile_pass']

    def test_no_reader_sees_a_freeing_without_its_allocation(self):
        """What is live is never fewer than the slots hold; it is more by what is allocated during the read, at most."""
        lives, samples = [], []
        for _ in range(NUM_READS):
            top = json.loads(cairn('top', '--json', '--limit', '0', self.run.pid).stdout)
            site, = [site for site in top['sites'] if site['function'] == 'meanwhile_pass']
            self.assertGreaterEqual(site['live_objects'], NUM_EXCHANGED)
            self.assertTrue(8 * site['live_objects'] <= site['live_bytes'] <= 1007 * site['live_objects'], site)
            self.assertLessEqual(site['live_bytes'], top['total']['live_bytes'])
            lives.append(site['live_objects'])
            samples.append(top['samples'])
        self.assertEqual(sorted(samples), samples)
        total = self.end()
        self.assertGreater(samples[-1] - samples[0], 10000, 'nothing happened meanwhile')
        self.assertLessEqual(samples[-1], total.alloc_objects + 1000)
        for live, before, after in zip(lives[1:], samples, samples[2:]):
            self.assertLessEqual(live, NUM_EXCHANGED + MAX_UNDER_WAY + after - before)
        self.assertLess(sorted(lives)[NUM_READS // 2], 2 * NUM_EXCHANGED)

    def test_what_dumps_tell_only_grows(self):
        before = ZERO
        for _ in range(NUM_READS // 4):
            profile = self.dump(self.run.pid, symbolize=False)
            passed = max((sample.tally for sample in profile.samples), key=lambda tally: tally.alloc_objects)
            self.assertGreaterEqual(min(value for sample in profile.samples for value in sample.tally), 0)
            self.assertGreaterEqual(passed.inuse_objects, NUM_EXCHANGED)
            self.assertGreaterEqual(passed.alloc_objects, before.alloc_objects)
            self.assertGreaterEqual(passed.alloc_bytes, before.alloc_bytes)
            for freed in 'objects', 'bytes':
                now, then = (getattr(tally, f'alloc_{freed}') - getattr(tally, f'inuse_{freed}') for tally in (passed, before))
                self.assertGreaterEqual(now, then)
            before = passed
        self.assertGreaterEqual(self.end().alloc_objects, before.alloc_objects)


class Peak(LanesTest):
    def test_the_peak_of_four_threads_is_within_its_bound(self):
        stdout, profile, ledger = self.run_with_ledger('meanwhile', 'peak')
        self.assert_truth(truth_of(stdout), profile)
        top = json.loads(cairn('top', '--json', '--limit', '0', ledger).stdout)
        peak_bytes = sum(site['peak_bytes'] for site in top['sites'] if site['function'] == 'meanwhile_pass')
        _, true_bytes = peaks_of(stdout)['meanwhile_pass']
        num_threads = 5
        bound_bytes = num_threads * max(MIN_SLACK_BYTES, true_bytes >> SLACK_SHIFT)
        self.assertTrue(true_bytes - bound_bytes <= peak_bytes <= true_bytes, (peak_bytes, true_bytes))
        self.assertTrue(true_bytes - bound_bytes <= top['total']['peak_bytes'] <= true_bytes + bound_bytes, top['total'])


if __name__ == '__main__':
    unittest.main()
