# SPDX-License-Identifier: Apache-2.0
"""`cairn leaks --growth` and `cairn leaks OLD NEW`: what grows, and is it more than chance?"""
import json
import os
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree

from cairn_test import CAIRN, CairnTest, cairn, clean_environment, testdata, wait_until

QUICK = '--growth', '3s', '--interval', '300ms'


class Watched(CairnTest):
    def start_leaking(self, *arguments, rate=1, age=0.5):
        """The program, when it has run for some time; finish() ends it."""
        run = self.start_program('leaking', *map(str, arguments), cairn={'RATE': rate}, stdin=subprocess.PIPE)
        self.addCleanup(run.process.kill)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        time.sleep(age)
        return run

    def watch(self, run, *options, status=None):
        """What `cairn leaks --json` says of the program, and its exit status."""
        result = cairn('leaks', '--json', *(options or QUICK), run.pid, check=False)
        self.assertIn(result.returncode, (0, 1, 2) if status is None else (status,), result)
        return json.loads(result.stdout), result.returncode

    def start_watch(self, run, *options):
        """`cairn leaks` when it handles signals."""
        process = subprocess.Popen([CAIRN, 'leaks', *options, str(run.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=clean_environment())
        self.addCleanup(process.kill)

        def handles_signals():
            with open(f'/proc/{process.pid}/status') as file:
                caught, = [int(line.split()[1], 16) for line in file if line.startswith('SigCgt:')]
            return caught >> (signal.SIGTERM - 1) & 1
        wait_until(handles_signals, 'cairn to handle signals')
        return process

    def leaks_of(self, found):
        return [row for row in found['rows'] if row['state'] == 'leak']

    def functions_of(self, found):
        return [row['frames'][0]['name'] for row in self.leaks_of(found)]


class Verdict(Watched):
    def test_what_is_lost_is_found_in_exact_mode(self):
        run = self.start_leaking('leaking', 20000, 50, 2000)
        found, status = self.watch(run)
        run.finish()
        self.assertEqual((1, 'leak', False), (status, found['verdict'], found['is_estimate']))
        self.assertEqual(['leaking_lose'], self.functions_of(found))
        row, = self.leaks_of(found)
        self.assertEqual(0, row['growth_standard_error'])
        # 2 MB a second, but for what a busy machine keeps the program or cairn from for a moment.
        self.assertAlmostEqual(2e6, row['growth_bytes'] / found['watched_seconds'], delta=4e5)
        self.assertAlmostEqual(row['growth_bytes'] / found['watched_seconds'] * 3600, row['bytes_per_hour'], delta=1)
        self.assertLess(row['chance'], 1e-6)

    def test_what_is_lost_where_much_comes_and_goes_is_found(self):
        run = self.start_leaking('inside', 20000, 50, 2000, rate=4096, age=1)
        found, status = self.watch(run)
        run.finish()
        self.assertEqual((1, ['leaking_work']), (status, self.functions_of(found)))
        row, = self.leaks_of(found)
        self.assertAlmostEqual(2e6, row['growth_bytes'] / found['watched_seconds'],
                               delta=4e5 + 5 * row['growth_standard_error'] / found['watched_seconds'])
        self.assertLess(0, row['growth_standard_error'])

    def test_a_steady_program_is_clean(self):
        for rate in 1, 4096:
            with self.subTest(rate=rate):
                run = self.start_leaking('steady', rate=rate)
                text = cairn('leaks', *QUICK, run.pid).stdout.decode()
                run.finish()
                self.assertRegex(text, r'\Agrowth of leaking \(process \d+\) in [23]\.\ds, 11 snapshots, ')
                least = r'a leak at fewer than \d+ moments' if rate == 1 else r'a leak of less than about \d\S* KiB'
                self.assertRegex(text, r'cairn: clean: no stack grew by more than chance '
                                       rf'\({least} in [23]\.\ds would not be seen\)\n\Z')

    def test_a_cache_that_fills_up_and_stops_is_no_leak(self):
        run = self.start_leaking('cache')
        process = self.start_watch(run, '--json', '--growth', '5s')
        time.sleep(0.5)
        run.process.stdin.write(b'fill\n')
        run.process.stdin.flush()
        stdout = process.communicate(timeout=60)[0]
        run.finish()
        found = json.loads(stdout)
        self.assertEqual((0, 'clean'), (process.returncode, found['verdict']))
        states = {row['frames'][0]['name']: row['state'] for row in found['rows']}
        self.assertEqual('stopped', states['leaking_fill'])

    def test_warm_up_is_waited_for(self):
        run = self.start_leaking('cache')
        run.process.stdin.write(b'fill\n')
        run.process.stdin.flush()
        found, status = self.watch(run, '--warmup', '2s', *QUICK)
        run.finish()
        self.assertEqual((0, 'clean'), (status, found['verdict']))
        self.assertNotIn('leaking_fill', [row['frames'][0]['name'] for row in found['rows'] if row['state'] == 'stopped'])

    def test_text_tells_how_fast_it_grows_and_where(self):
        run = self.start_leaking('leaking')
        result = cairn('leaks', *QUICK, run.pid, check=False, environment={'LC_ALL': 'C.UTF-8'})
        run.finish()
        text = result.stdout.decode()
        self.assertEqual((1, b''), (result.returncode, result.stderr))
        self.assertRegex(text, r'(?m)^ *GROWTH +PER HOUR +CHANCE +STACK$')
        self.assertRegex(text, r'(?m)^ *\+\d\S* MiB +\+\d\S* GiB +\S+ +leaking_lose$')
        self.assertRegex(text, r'(?m)^cairn: LEAK: grows by \d\S* GiB per hour in 1 stack \(99\.9 % sure\)\n\Z')


class Asked(Watched):
    def test_growth_may_be_allowed(self):
        run = self.start_leaking('leaking')
        text = cairn('leaks', *QUICK, '--max-growth', '100G', run.pid).stdout.decode()
        found, status = self.watch(run, *QUICK, '--max-growth', '1M', '--exit-code', '1')
        run.finish()
        self.assertRegex(text, r'cairn: clean: grows by .* per hour in 1 stack .*, no more than --max-growth allows\n\Z')
        self.assertEqual((1, 'leak', 1 << 20), (status, found['verdict'], found['max_growth_bytes']))

    def test_the_exit_status_of_a_leak_can_be_chosen(self):
        run = self.start_leaking('leaking')
        self.watch(run, *QUICK, '--exit-code', '42', status=42)
        run.finish()

    def test_units_of_work_are_those_that_the_program_counts(self):
        run = self.start_leaking('working')
        found, status = self.watch(run)
        run.finish()
        self.assertEqual((1, ['leaking_lose']), (status, self.functions_of(found)))
        self.assertLess(1000, found['num_units'])
        self.assertAlmostEqual(100, found['total']['bytes_per_unit'], delta=5)

    def test_units_of_work_are_signals_that_cairn_gets(self):
        run = self.start_leaking('leaking')
        process = self.start_watch(run, '--json', *QUICK, '--per-signal', 'USR1')
        time.sleep(0.5)
        for _ in range(50):
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.01)
        found = json.loads(process.communicate(timeout=60)[0])
        run.finish()
        self.assertEqual(1, process.returncode)
        self.assertLessEqual(found['num_units'], 50)
        self.assertLessEqual(45, found['num_units']) # two that are not taken apart are one
        self.assertAlmostEqual(found['total']['growth_bytes'] / found['num_units'], found['total']['bytes_per_unit'], delta=1)

    def test_more_confidence_finds_no_more(self):
        run = self.start_leaking('leaking')
        least = [self.watch(run, *QUICK, '--confidence', percent)[0]['least_samples'] for percent in ('50', '99.9999')]
        run.finish()
        self.assertLess(least[0] + 10, least[1])

    def test_the_verdict_goes_to_a_file(self):
        run = self.start_leaking('steady')
        log = os.path.join(self.new_directory(), 'log')
        result = cairn('leaks', *QUICK, '--log', log, run.pid)
        run.finish()
        with open(log) as file:
            self.assertIn('cairn: clean: ', file.read())
        self.assertEqual(b'', result.stdout)

    def test_ci_gets_a_test_result_for_each_stack(self):
        junit = os.path.join(self.new_directory(), 'junit.xml')
        run = self.start_leaking('leaking', 20000, 50, 2000)
        cairn('leaks', *QUICK, '--junit', junit, run.pid, check=False)
        run.finish()
        suite = xml.etree.ElementTree.parse(junit).getroot().find('testsuite')
        self.assertEqual(('1', '1', '0'), tuple(suite.get(name) for name in ('tests', 'failures', 'errors')))
        case = suite.find('testcase')
        self.assertRegex(case.get('name'), '^growth: leaking_lose < ')
        self.assertRegex(case.find('failure').get('message'), r'^grows by [0-9.]+ MiB$')
        self.assertIn('leaking_lose', case.find('failure').text)


class Ended(Watched):
    def test_an_interrupt_ends_it_with_what_was_seen(self):
        run = self.start_leaking('leaking', age=1)
        for number in signal.SIGINT, signal.SIGTERM:
            process = self.start_watch(run, '--growth', '20s', '--interval', '300ms')
            time.sleep(4)
            process.send_signal(number)
            text = process.communicate(timeout=60)[0].decode()
            self.assertEqual(1, process.returncode, text)
            self.assertRegex(text, r'(?m)^interrupted after [34]\.\ds of 20\.?0?s: this is what was seen until then$')
            self.assertIn('leaking_lose', text)
        run.finish()

    def test_the_end_of_the_process_ends_it_with_what_was_seen(self):
        run = self.start_leaking('leaking', age=1)
        process = self.start_watch(run, '--json', '--growth', '20s', '--interval', '300ms')
        time.sleep(4)
        run.finish()
        found = json.loads(process.communicate(timeout=60)[0])
        self.assertEqual((1, 'leak', True), (process.returncode, found['verdict'], found['ended_early']))
        self.assertLess(found['watched_seconds'], 10)
        self.assertIn('leaking_lose', self.functions_of(found))
        self.assertRegex(found['notes'][0], '^the process ended after ')

    def test_a_process_that_ends_is_not_called_clean(self):
        run = self.start_leaking('steady', age=1)
        process = self.start_watch(run, '--json', '--growth', '20s', '--interval', '300ms')
        time.sleep(4)
        run.process.kill()
        run.finish()
        found = json.loads(process.communicate(timeout=60)[0])
        self.assertEqual((2, 'unknown'), (process.returncode, found['verdict']), found)
        self.assertEqual('the process ended while it was watched', found['reason'])

    def test_a_program_that_the_process_executes_is_not_taken_for_it(self):
        for cairn_options in {}, {'LEDGER': self.new_directory()}:
            with self.subTest(cairn_options=cairn_options):
                run = self.start_program('/usr/bin/perl', '-e', '$|=1; print "ready\n"; sleep 2; exec @ARGV', testdata('leaking'),
                                         'leaking', cairn=cairn_options, stdin=subprocess.PIPE)
                self.addCleanup(run.process.kill)
                self.assertEqual(b'ready\n', run.process.stdout.readline())
                result = cairn('leaks', '--growth', '20s', '--interval', '300ms', run.pid, check=False)
                run.finish()
                self.assertNotIn(b'leaking_lose', result.stdout)
                self.assertRegex(result.stdout.decode(),
                                 r'(?m)^the process has this ledger no more \(did it execute another program\?\) after [12]')

    def test_too_short_a_time_does_not_tell(self):
        run = self.start_leaking('leaking')
        found, status = self.watch(run, '--growth', '20ms')
        self.assertEqual((2, 'unknown', 'the time was too short for the confidence that is asked for'),
                         (status, found['verdict'], found['reason']))
        process = self.start_watch(run, '--json', '--growth', '10h')
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        found = json.loads(process.communicate(timeout=60)[0])
        self.assertEqual((2, 'unknown', 'it ended too early'), (process.returncode, found['verdict'], found['reason']))
        run.finish()

    def test_what_is_live_is_told_if_one_block_grows(self):
        run = self.start_program('/usr/bin/perl', '-e', '$|=1; print "ready\n"; for (;;) { $x .= "x" x 20000; select(undef, undef, '
                                 'undef, 0.01) }')
        self.addCleanup(run.process.kill)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        found, status = self.watch(run, *QUICK)
        self.assertEqual((0, 'clean'), (status, found['verdict']))
        self.assertRegex('\n'.join(found['notes']), r'(?m)^live at the beginning were .*, at the end .* MiB: ')

    def test_one_snapshot_does_not_tell(self):
        run = self.start_leaking('leaking')
        process = self.start_watch(run, '--growth', '300s')
        time.sleep(0.5)
        run.finish()
        stdout, stderr = process.communicate(timeout=20) # it does not wait for the next snapshot
        self.assertEqual((2, b''), (process.returncode, stdout))
        self.assertRegex(stderr.decode(), rf'^cairn: {run.pid}: ended before a second snapshot was taken: growth needs two\n$')

    def test_what_does_not_run_or_is_not_recorded_cannot_be_told(self):
        result = cairn('leaks', *QUICK, os.getpid(), check=False)
        self.assertEqual((2, b''), (result.returncode, result.stdout))
        run = self.start_leaking('leaking', rate=0)
        result = cairn('leaks', *QUICK, run.pid, check=False)
        run.finish()
        self.assertEqual((2, b''), (result.returncode, result.stdout))
        self.assertIn('nothing is being recorded', result.stderr.decode())


class Between(CairnTest):
    def compare(self, *arguments):
        result = cairn('leaks', '--json', *arguments, check=False)
        return json.loads(result.stdout), result.returncode

    def grow(self, rate, steps):
        """Profiles of one process, before it grew by each of the numbers of blocks of 1 MiB and at the end."""
        run, paths = self.start_growth(RATE=rate), []
        for step in [0, *steps]:
            self.obey(run, f'{"+" if step >= 0 else "-"} {abs(step)}')
            paths.append(os.path.join(self.new_directory(), 'heap.pb.gz'))
            cairn('dump', '-q', '-o', paths[-1], run.pid)
        run.finish()
        return paths

    def test_exact_growth_is_a_leak_and_shrinking_is_none(self):
        _, small, large = self.grow(1, [3, 5])
        found, status = self.compare(small, large)
        leaks = [row for row in found['rows'] if row['state'] == 'leak' and row['growth_bytes'] > 8192] # see below
        self.assertEqual((1, 'leak', [('growth_allocate', 5 << 20)]),
                         (status, found['verdict'], [(row['frames'][0]['name'], row['growth_bytes']) for row in leaks]))
        # What printing the answer takes may not be freed yet.
        found, status = self.compare('--max-growth', '8K', large, small)
        self.assertEqual((0, 'clean'), (status, found['verdict']))
        self.assertNotIn('growth_allocate', [row['frames'][0]['name'] for row in found['rows']])
        self.assertEqual(0, self.compare('--max-growth', '6M', small, large)[1])
        self.assertEqual(1, self.compare('--max-growth', '4M', small, large)[1])

    def test_only_bytes_leak(self):
        old, new = self.grow(1, [3])
        result = cairn('leaks', '--type=inuse_objects', old, new, check=False)
        self.assertEqual((2, b''), (result.returncode, result.stdout))
        self.assertEqual('cairn: inuse_objects is in count: what leaks is told in bytes (see cairn diff)\n', result.stderr.decode())

    def test_profiles_in_the_wrong_order_are_noted(self):
        old, new = self.grow(1, [3])
        self.assertIn('the second profile is older than the first: is this the order that was meant?',
                      self.compare(new, old)[0]['notes'])
        self.assertNotIn('older', ''.join(self.compare(old, new)[0]['notes']))

    def test_chance_is_no_leak_and_much_more_is(self):
        first, second, third = self.grow('512K', [50, 500])
        found, status = self.compare(second, third)
        self.assertEqual((1, 'leak', True), (status, found['verdict'], found['is_estimate']))
        growth = found['total']['growth_bytes']
        self.assertAlmostEqual(500 << 20, growth, delta=5 * found['total']['growth_standard_error'])
        text = cairn('leaks', first, first).stdout.decode()
        self.assertRegex(text, r'cairn: clean: no stack grew')

    def test_profiles_of_runs_that_saw_other_samples_do_not_leak(self):
        paths = [self.run_program('mixture', cairn={'RATE': 4096, 'SEED': seed}).files()[0] for seed in range(1, 12)]
        for old, new in zip(paths, paths[1:]):
            found, status = self.compare(old, new)
            self.assertEqual((0, 'clean'), (status, found['verdict']), found['rows'][:1])
            self.assertLess(4096, found['least_bytes'])


if __name__ == '__main__':
    unittest.main()
