# SPDX-License-Identifier: Apache-2.0
"""`cairn list` and `cairn remove`."""
import glob
import json
import os
import re
import signal
import time
import unittest

from cairn_test import CAIRN, CairnTest, cairn, listed, testdata

MIB = 1 << 20
TITLES = 'PID', 'STATE', 'PROGRAM', 'RATE', 'LIVE', 'SAMPLES', 'LOST', 'AGE', 'SIZE', 'LEDGER'


class LedgersTest(CairnTest):
    def growth(self, **cairn):
        run = self.start_growth(**cairn)
        self.addCleanup(run.process.communicate)
        self.addCleanup(run.process.kill)
        return run

    def ended(self, directory, *command, options=('--exact',)):
        """The ledger of a program that has ended under `cairn run`."""
        before = set(glob.glob(directory + '/run.*/*.cairn'))
        self.run_cairn(*command, options=[*options, '-q', '--ledger', directory])
        ledger, = set(glob.glob(directory + '/run.*/*.cairn')) - before
        return ledger

    def rows(self, *arguments, **options):
        """The lines of the table below a directory, by their ledgers."""
        lines = cairn('list', *arguments, **options).stdout.decode().splitlines()
        self.assertEqual(list(TITLES), lines[0].split())
        return {line.split()[-1]: line for line in lines[1:]}


class ListTest(LedgersTest):
    def test_states(self):
        directory = self.new_directory()
        expected = {}
        for kind, state in [('return', 'exited 3'), ('_exit', 'exited 3'), ('kill', 'SIGKILL'), ('segv', 'SIGSEGV'),
                            ('abort', 'SIGABRT'), ('ignore', 'exited 6')]:
            expected[self.ended(directory, 'exits', kind)] = state
        expected[self.ended(directory, 'cgo')] = 'exited 7'
        run = self.growth(LEDGER=directory)
        own, = glob.glob(directory + '/growth.*.cairn')
        expected[own] = 'running'
        entries, rows = listed(directory), self.rows(directory)
        self.assertEqual(expected, {ledger: entries[ledger]['state'] for ledger in expected})
        for ledger, state in expected.items():
            self.assertRegex(rows[ledger], rf'^ *\d+  {state} ')
        run.process.kill()
        run.process.wait()
        self.assertEqual('ended', listed(directory)[own]['state'], 'nobody waited who could tell')

    def test_an_ordinary_end_is_known_without_run(self):
        ledger = self.ledger_of('exits', 'return')
        self.assertEqual('exited 3', listed(os.path.dirname(ledger))[ledger]['state'])

    def test_the_table_lines_up(self):
        directory = self.new_directory()
        self.ended(directory, 'exits', 'return')
        self.ended(directory, 'zipf', options=['--seed', '1'])
        lines = cairn('list', directory).stdout.decode().splitlines()
        lines = [lines[0], *(line for line in lines if directory in line)]
        column = lines[0].index('LEDGER')
        for line in lines[1:]:
            self.assertEqual(column, line.index(directory))
            self.assertEqual('  ', line[column - 2:column])
        zipf, = [line for line in lines if 'zipf.' in line]
        self.assertRegex(zipf, r'^ *\d+  exited 0 +zipf +512 KiB +[45]\d\d MiB \+-\d\S* +\d\d\d +0  ')
        exact, = [line for line in lines if 'exits.' in line]
        self.assertRegex(exact, r'^ *\d+  exited 3 +exits +exact +\d\S+ KiB +\d+ +0  ')
        self.assertIn('±', cairn('list', directory, environment={'LC_ALL': 'C.UTF-8'}).stdout.decode())

    def test_numbers(self):
        directory = self.new_directory()
        before = time.time()
        memory, file = self.growth(), self.growth(LEDGER=directory)
        for run in memory, file:
            self.obey(run, '+ 5')
            self.obey(run, '- 2')
        self.assertEqual([file.pid], [entry['pid'] for entry in listed(directory).values()])
        entries = listed(environment={'CAIRN_LEDGER': directory})
        by_pid = {entry['pid']: entry for entry in entries.values()}
        for run in memory, file:
            entry = by_pid[run.pid]
            self.assertEqual((True, 'growth', 1, 0), tuple(entry[key] for key in ('running', 'program', 'rate_bytes', 'lost')))
            self.assertTrue(3 * MIB <= entry['live_bytes'] < 3 * MIB + 20000, entry)
            self.assertTrue(3 <= entry['live_objects'] <= entry['samples'])
            self.assertTrue(0 <= entry['age_seconds'] <= time.time() - before)
            self.assertTrue(before * 1e9 <= entry['start_time_ns'] <= time.time() * 1e9)
            self.assertTrue(10000 < entry['size_bytes'] < 64 * MIB, entry)
            self.assertNotIn('live_bytes_standard_error', entry)
        self.assertNotIn('ledger', by_pid[memory.pid])
        path = by_pid[file.pid]['ledger']
        self.assertEqual(directory, os.path.dirname(path))
        self.assertEqual(os.stat(path).st_blocks * 512, by_pid[file.pid]['size_bytes'], 'holes take nothing')
        row, = [line for line in cairn('list').stdout.decode().splitlines() if line.split()[0] == str(memory.pid)]
        self.assertTrue(row.endswith('  in memory'), row)

    def test_an_estimate_has_its_error(self):
        directory = self.new_directory()
        ledger = self.ended(directory, 'zipf', options=['--seed', '1'])
        entry = listed(directory)[ledger]
        top = json.loads(cairn('top', '--json', ledger).stdout)['total']
        self.assertAlmostEqual(1, entry['live_bytes_standard_error'] / top['live_bytes_standard_error'], 6)
        self.assertEqual(top['live_bytes'], entry['live_bytes'])

    def test_what_was_lost_is_counted(self):
        directory = self.new_directory()
        ledger = self.ended(directory, 'sites', '60000', options=['--exact', '--memory', '1M'])
        self.assertGreater(listed(directory)[ledger]['lost'], 1000)

    def test_every_process_of_a_tree_is_shown_once(self):
        directory = self.new_directory()
        run = self.start_cairn('/bin/sh', '-c', f'{testdata("receive")} & {testdata("receive")}; wait',
                               options=['--exact', '-q', '--ledger', directory], start_new_session=True)
        self.addCleanup(run.finish)
        self.addCleanup(os.killpg, run.pid, signal.SIGTERM)
        for _ in range(2):
            self.assertTrue(run.process.stdout.readline().startswith(b'ready'))
        entries = [entry for path, entry in listed(directory).items() if str(path).startswith(directory)]
        running = sorted(entry['program'] for entry in entries if entry['running'])
        self.assertIn(running, (['dash', 'receive', 'receive'], ['receive', 'receive', 'sh']))
        self.assertEqual(len(running), len({entry['pid'] for entry in entries if entry['running']}))

    def test_the_directory_of_a_variable_is_looked_into(self):
        directory = self.new_directory()
        ledger = self.ended(directory, 'exits', 'return')
        self.assertIn(ledger, listed(environment={'CAIRN_LEDGER': directory}))
        self.assertNotIn(ledger, listed())

    def test_what_cannot_be_read_is_named(self):
        directory = self.new_directory()
        ledger = self.ended(directory, 'exits', 'return')
        for name in 'text.cairn', 'other.txt':
            with open(os.path.join(directory, name), 'w') as file:
                file.write('text')
        result = cairn('list', directory, check=False)
        self.assertEqual(1, result.returncode)
        self.assertIn(ledger, result.stdout.decode())
        self.assertRegex(result.stderr.decode(), rf'\Acairn: {re.escape(directory)}/text\.cairn: .*\n\Z')

    def test_no_colours_in_a_pipe(self):
        self.growth()
        self.assertNotIn(b'\x1b', cairn('list').stdout)


class RemoveTest(LedgersTest):
    def test_those_of_the_dead_are_removed(self):
        directory = self.new_directory()
        ledgers = [self.ended(directory, 'exits', kind) for kind in ('return', 'kill')]
        result = cairn('remove', *ledgers)
        self.assertEqual([f'cairn: deleted {ledger}: 36.2 KiB live in 3 blocks' for ledger in ledgers],
                         result.stderr.decode().splitlines())
        self.assertEqual([], os.listdir(directory), 'the directories of runs go with them')

    def test_those_of_the_living_are_not(self):
        directory = self.new_directory()
        run = self.growth(LEDGER=directory)
        ledger, = glob.glob(directory + '/*.cairn')
        dead = self.ended(directory, 'exits', 'return')
        result = cairn('remove', ledger, dead, check=False)
        self.assertEqual(1, result.returncode)
        self.assertIn(f'cairn: {ledger}: its program runs (pid {run.pid}), so it stays\n', result.stderr.decode())
        self.assertEqual((True, False), (os.path.exists(ledger), os.path.exists(dead)), 'the others are removed all the same')

    def test_what_is_no_ledger_stays(self):
        directory = self.new_directory()
        for name, contents in ('text.cairn', 'text'), ('empty.cairn', ''), ('notes', 'my notes'):
            path = os.path.join(directory, name)
            with open(path, 'w') as file:
                file.write(contents)
            result = cairn('remove', path, check=False)
            self.assertEqual(1, result.returncode)
            self.assertRegex(result.stderr.decode(), rf'\Acairn: {re.escape(path)}: .*\n\Z')
            self.assertTrue(os.path.exists(path))
        for path in directory, '/no/such', '/dev/null':
            self.assertEqual(1, cairn('remove', path, check=False).returncode)

    def test_all_of_the_dead_and_nothing_else(self):
        directory = self.new_directory()
        own = {'environment': {'CAIRN_LEDGER': directory, 'TMPDIR': directory}}
        dead = [self.ended(directory, 'exits', kind) for kind in ('return', 'kill')]
        self.growth(LEDGER=directory)
        living, = glob.glob(directory + '/*.cairn')
        other = os.path.join(os.path.dirname(dead[0]), 'notes.txt')
        text = os.path.join(directory, 'text.cairn')
        for path in other, text:
            with open(path, 'w') as file:
                file.write('text')
        # Those in /dev/shm are not the test's to remove.
        script = 'mount -t tmpfs none /dev/shm && exec "$@"'
        if os.geteuid() != 0:
            self.skipTest('only root can hide the ledgers of others from this test')
        result = self.run_bare('/usr/bin/unshare', '-m', '/bin/sh', '-c', script, 'sh', CAIRN, 'remove', '--all', **own)
        self.assertEqual((0, b''), (result.process.returncode, result.stdout), result.stderr)
        self.assertEqual(2, result.stderr.count(b'cairn: deleted'))
        self.assertEqual([False, False, True, True, True], [os.path.exists(path) for path in (*dead, living, other, text)])

    def test_misuse_is_told(self):
        for arguments, message in ([], 'which'), (['--all', 'x'], '--all'):
            result = cairn('remove', *arguments, check=False)
            self.assertEqual(2, result.returncode)
            self.assertIn(message, result.stderr.decode())


if __name__ == '__main__':
    unittest.main()
