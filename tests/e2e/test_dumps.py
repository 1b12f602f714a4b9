# SPDX-License-Identifier: Apache-2.0
"""When a profile is written, and that each tells the truth of its moment."""
import os
import signal
import subprocess
import unittest

from cairn_test import CairnTest, Profile, Tally, ZERO, truth_of, wait_until

MIB = 1 << 20


class AtExit(CairnTest):
    def test_every_ordinary_end_writes_one_whole_profile(self):
        for kind in 'return', 'exit', 'quick_exit', '_exit', '_Exit', 'handler', 'thread':
            with self.subTest(kind=kind):
                run = self.run_program('exits', kind)
                truth = Tally(3, 37035, 3, 37035)
                if kind == 'thread':  # what comes after main's end counts too
                    truth = Tally(6, 74070, 6, 74070)
                self.assertEqual(truth, run.profile().flat()['exits_allocate'])

    def test_a_fatal_signal_writes_none_unless_asked(self):
        for kind in 'abort', 'segv', 'fpe', 'term', 'kill':
            with self.subTest(kind=kind):
                self.assertEqual([], self.run_program('exits', kind).all_files())

    def test_a_fatal_signal_writes_one_if_asked(self):
        for kind in 'abort', 'segv', 'fpe', 'term':
            with self.subTest(kind=kind):
                run = self.run_program('exits', kind, cairn={'FATAL': 1})
                self.assert_truth(truth_of(run.stdout), run.profile())

    def test_what_is_executed_has_a_profile_of_its_own(self):
        run = self.run_program('exits', 'exec')
        last = Profile(run.files()[-1])
        self.assertEqual(Tally(3, 37035, 3, 37035), last.flat()['exits_allocate'])

    def test_rate_0_records_nothing(self):
        run = self.run_program('exits', 'return', cairn={'RATE': 0})
        self.assertEqual(ZERO, run.profile().total() if run.files() else ZERO)


class OnTheWay(CairnTest):
    def wait_for_files(self, run, number):
        wait_until(lambda: len(run.files()) >= number, f'{number} profiles', run)
        self.assertEqual(number, len(run.files()))

    def live_mebibytes(self, path):
        return Profile(path).flat()['growth_allocate'].inuse_bytes / MIB

    def test_one_snapshot_a_signal(self):
        run = self.start_growth(SIGNAL='USR2')
        for number in 1, 2, 3:
            self.obey(run, '+ 2')
            run.process.send_signal(signal.SIGUSR2)
            self.wait_for_files(run, number)
            self.assertEqual(2 * number, self.live_mebibytes(run.files()[-1]))
        run.finish()
        self.assertEqual([f'heap.{run.pid}.000{number}.pb.gz' for number in (1, 2, 3, 4)], run.all_files())

    def test_signals_in_a_burst_are_one_snapshot_each(self):
        for mode in 'none', 'sigaction', 'siginfo', 'signal':
            with self.subTest(mode=mode):
                run = self.start_program('signals', mode, '6', cairn={'SIGNAL': 'USR2'}, stdin=subprocess.PIPE)
                wait_until(lambda: len(run.files()) >= 6, 'six profiles', run)
                run.finish()
                self.assertEqual(0, run.process.returncode)
                self.assertEqual(7, len(run.files()))

    def test_a_signal_may_be_named_in_several_ways(self):
        for name in 'USR1', 'SIGUSR1', str(int(signal.SIGUSR1)), 'RTMIN+3', 'HUP':
            with self.subTest(name=name):
                run = self.start_growth(SIGNAL=name)
                self.obey(run, '+ 1')
                run.process.send_signal({'RTMIN+3': signal.SIGRTMIN + 3, 'HUP': signal.SIGHUP}.get(name, signal.SIGUSR1))
                wait_until(run.files, 'a profile', run)
                run.finish()
                self.assertEqual((0, b''), (run.process.returncode, run.stderr))
                self.assertEqual(2, len(run.files()))

    def test_an_interval_writes_numbered_files(self):
        run = self.start_growth(INTERVAL='1s')
        self.obey(run, '+ 3')
        wait_until(lambda: len(run.files()) >= 2, 'two profiles', run)
        self.assertEqual(3, self.live_mebibytes(run.files()[1]))
        run.finish()
        numbers = [int(path.split('.')[-3]) for path in run.files()]
        self.assertEqual(list(range(1, len(numbers) + 1)), numbers)

    def test_keep_leaves_only_the_newest(self):
        run = self.start_growth(SIGNAL='USR2', KEEP=2)
        for number in range(1, 6):
            run.process.send_signal(signal.SIGUSR2)
            wait_until(lambda: any(path.endswith(f'.{number:04}.pb.gz') for path in run.files()), f'profile {number}', run)
        run.finish()
        self.assertEqual([f'heap.{run.pid}.000{number}.pb.gz' for number in (5, 6)], run.all_files())

    def test_growth_writes_one_each_time_that_live_bytes_have_grown_by_it(self):
        run = self.start_growth(DUMP_GROWTH='10M')
        self.obey(run, '+ 9')
        self.obey(run, '+ 2')
        self.wait_for_files(run, 1)
        self.assertLessEqual(10, self.live_mebibytes(run.files()[0]))
        self.obey(run, '- 9')
        self.obey(run, '+ 9')  # back where it was: no growth since the last dump
        self.obey(run, '+ 12')
        self.wait_for_files(run, 2)
        self.assertLessEqual(20, self.live_mebibytes(run.files()[1]))
        run.finish()
        self.assertEqual(3, len(run.files()))

    def test_the_peak_is_exact_for_every_site(self):
        run = self.run_program('peak', cairn={'PEAK': 1})
        self.assertEqual([f'heap.{run.pid}.0001.pb.gz', f'heap.{run.pid}.0001.peak.pb.gz'], run.all_files())
        now, peak = (Profile(os.path.join(run.directory, name)) for name in run.all_files())
        self.assert_truth(truth_of(run.stdout), now)
        flat = peak.flat()
        expected, found = {}, {}
        for line in run.stdout.decode().splitlines():
            if line.startswith('peak '):
                _, function, objects, size = line.split()
                expected[function] = int(objects), int(size)
                found[function] = flat[function].inuse_objects, flat[function].inuse_bytes
        self.assertEqual(3, len(expected))
        self.assertEqual(expected, found)
        self.assertGreater(peak.total().inuse_bytes, now.total().inuse_bytes)


class ByCall(CairnTest):
    def test_without_the_library_every_call_says_not_loaded(self):
        run = self.run_bare('api', self.new_directory())
        self.assertEqual((0, b''), (run.process.returncode, run.stderr))
        results = [line for line in run.stdout.decode().splitlines() if 'errno' in line]
        self.assertEqual(25, len(results))
        for line in results:
            self.assertRegex(line, ': -1, errno untouched$')

    def test_each_call_does_what_the_header_says(self):
        for program in 'api', 'api_fixed':
            with self.subTest(program=program):
                self.check_calls(program)

    def check_calls(self, program):
        dumps = self.new_directory()
        run = self.run_program(program, dumps)
        self.assertEqual((0, b''), (run.process.returncode, run.stderr))
        text = run.stdout.decode()
        self.assertNotIn('CHANGED', text)
        self.assertNotIn('CLOSED', text)
        results = [line.split(',')[0] for line in text.splitlines() if 'errno' in line]
        self.assertEqual([
            'get_rate: 1', 'stats: 0', 'dump: 0', 'stop: 0', 'get_rate: 0', 'stats: 0', 'start: 0', 'get_rate: 1',
            'reset: 0', 'dump: 0', 'dump_fd: 0', 'dump NULL: 0', 'dump_peak: 0', 'dump nowhere: -3', 'dump_fd nowhere: -2',
            'dump_fd full: -3', 'set_rate 0: 0', 'get_rate: 0', 'set_rate too high: -2', 'set_rate 64K: 0',
            'get_rate: 65536', 'stats of no size: -2', 'add_work: 0', 'add_work: 0', 'stats: 0'], results)

        before = Profile(dumps + '/before.pb.gz').flat()
        self.assertEqual(Tally(100, 1000000, 50, 500000), before['api_before_reset'])
        second_epoch = truth_of(text.split('epoch 2\n')[1].encode())
        for name in 'after.pb.gz', 'descriptor.pb.gz':
            profile = Profile(f'{dumps}/{name}')
            self.assert_truth(second_epoch, profile)
            self.assertEqual(ZERO, profile.flat()['api_while_stopped'])
        self.assert_truth(second_epoch, Profile(run.files()[0]))
        peak = Profile(dumps + '/peak.pb.gz').flat()
        self.assertEqual((100, 1000000), peak['api_before_reset'][2:])
        self.check_stats(text)

    def check_stats(self, text):
        stats = {}
        for line in text.splitlines():
            if line.startswith('stat '):
                _, name, value = line.split()
                stats.setdefault(name, []).append(int(value))
        first, second, third = ({name: values[i] for name, values in stats.items()} for i in range(3))
        self.assertEqual((1, 0, 1), (first['is_running'], second['is_running'], third['is_running']))
        self.assertEqual(65536, third['rate_bytes'])
        self.assertEqual((0, 0, 12), (first['num_units'], second['num_units'], third['num_units']))
        self.assertGreaterEqual(first['allocated_bytes'], 1000000)
        self.assertLess(first['allocated_bytes'], 1100000)
        self.assertGreaterEqual(first['live_bytes'], 500000)
        self.assertLess(first['live_bytes'], 600000)
        self.assertGreaterEqual(first['peak_bytes'], 1000000)
        self.assertEqual(0, first['live_bytes_error'])
        self.assertEqual(first['allocated_objects'], first['num_samples'])
        self.assertEqual((0, 0, 0), (first['num_dropped_stacks'], first['num_untracked'], first['num_failed_dumps']))
        self.assertEqual(2, third['num_failed_dumps'])
        self.assertGreater(first['ledger_bytes'], 0)


if __name__ == '__main__':
    unittest.main()
