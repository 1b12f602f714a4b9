#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`cairn top`: as a table, as JSON and CSV, and in a real terminal."""
import csv
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from cairn_test import CairnTest, Profile, clean_environment, testdata, wait_until
from terminal import Terminal

CAIRN = os.environ['E2E_CAIRN']
MIB = 1 << 20
UTF8 = {'LC_ALL': 'C.UTF-8'}


def top(*arguments, check=True, environment=None, **options):
    result = subprocess.run([CAIRN, 'top', *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=clean_environment() | (environment or {}), timeout=60, **options)
    if check and (result.returncode or result.stderr):
        raise AssertionError(f'cairn top {arguments}: {result.returncode}, {result.stderr}')
    return result


def table(*arguments, **options):
    """The lines of a table: those before it, and the rows."""
    lines = top(*arguments, **options).stdout.decode().splitlines()
    return lines[:4], lines[5:]


class TopTest(CairnTest):
    def growth(self, mib=10, **cairn):
        run = self.start_growth(**cairn)
        self.addCleanup(run.process.communicate)
        self.addCleanup(run.process.kill)
        self.obey(run, f'+ {mib}')
        return run

    def ledger_of(self, *command, **cairn):
        """The file that a program which has ended leaves behind."""
        directory = self.new_directory()
        self.run_program(*command, cairn={'LEDGER': directory, 'RATE': 1} | cairn)
        ledger, = glob.glob(directory + '/*.cairn')
        return ledger


class TableTest(TopTest):
    def test_a_pipe_gets_one_table_that_lines_up(self):
        run = self.growth(10)
        before, rows = table(run.pid)
        self.assertRegex(before[0], rf'^growth \(pid {run.pid}\)  running for \S+  exact$')
        self.assertRegex(before[1], r'^live 10\.0 MiB  peak 10\.0 MiB  allocating \S+ \SiB a second \(mean since the start\)  RSS ')
        self.assertRegex(before[2], r'^1\d samples  \d+ call sites  nothing lost$')
        titles, row = top(run.pid).stdout.decode().splitlines()[4:6]
        self.assertEqual(['LIVE', 'GROWTH', 'RATE/s', 'COUNT', 'OLDEST', 'PEAK', 'CALL', 'SITE'], titles.split())
        self.assertRegex(row, r'^10\.0 MiB          -  .*   10 .* growth_allocate < main < ')
        self.assertEqual(titles.index('CALL SITE'), row.index('growth_allocate'))
        self.assertEqual(titles.index('LIVE') + len('LIVE'), row.index('MiB') + len('MiB'))

    def test_estimates_have_standard_errors_and_exact_numbers_none(self):
        sampled = self.ledger_of('zipf', RATE=65536, SEED=1)
        before, rows = table(sampled, environment=UTF8)
        self.assertRegex(before[1], r'^live \S+ MiB ±\d')
        self.assertTrue(all('±' in row for row in rows[:-1]), rows)
        self.assertTrue(all(row.index('±') == rows[0].index('±') for row in rows[:-1]), rows)
        before, rows = table(sampled)
        self.assertRegex(before[1], r'^live \S+ MiB \+-\d')
        self.assertNotIn('+-', top(self.growth().pid).stdout.decode())

    def test_rows_are_limited_sorted_and_filtered(self):
        ledger = self.ledger_of('sites', '300')
        _, rows = table(ledger)
        self.assertEqual(21, len(rows))
        self.assertRegex(rows[-1], r'^\(\d+ more\)$')
        self.assertGreater(len(table(ledger, '--limit', 0)[1]), 300)
        self.assertEqual(3, len(table(ledger, '--limit', 2)[1]))
        run = self.ledger_of('zipf')
        by_live, by_count = (table(run, '--sort', column, '--limit', 1)[1][0] for column in ('live', 'count'))
        self.assertIn('zipf_01', by_live)
        self.assertIn('zipf_20', by_count)
        before, rows = table(run, '--filter', 'zipf_0[37]')
        self.assertEqual({'zipf_03', 'zipf_07'}, {re.search(r'zipf_\d+', row)[0] for row in rows})
        self.assertRegex(before[2], r'filter zipf_0\[37\]: 2 with ')
        _, rows = table(run, '--filter', '^main$', '--limit', 0)
        self.assertEqual(20, sum('zipf_' in row for row in rows), 'callers match too')

    def test_wrong_arguments_are_named(self):
        pid = self.growth().pid
        for arguments, status, message in [
                (['--filter', 'a(', pid], 1, rb'^cairn: filter a\(: .*offset 2.*regular expression as in Perl\n$'),
                (['--sort', 'size', pid], 2, rb'--sort size: no such column; there are live, growth, rate, count, age and peak'),
                (['--interval', '5', pid, pid], 2, rb'expected one process or ledger only'),
                (['--interval', '1ms', pid], 2, rb'--interval 1ms: expected a time of 100ms or more'),
                (['--limit', '-1', pid], 2, rb'--limit -1: expected a whole number'),
                (['--count', '2', pid], 2, rb'--count is for --csv'),
                (['--once', '--csv', pid], 2, rb'--csv and --once: expected one of them'),
                (['--csv', '--once', pid], 2, rb'--csv and --once: expected one of them'),
                (['--json', '--csv', pid], 2, rb'--csv and --json: expected one of them'),
                (['/no/such/file'], 1, rb'^cairn: /no/such/file: '),
                ([os.getpid()], 1, rb'^cairn: ')]:
            result = top(*arguments, check=False)
            self.assertEqual(status, result.returncode, result.stderr)
            self.assertRegex(result.stderr, message)
            self.assertEqual(b'', result.stdout)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open('/dev/full', 'w') as full:
            result = subprocess.run([CAIRN, 'top', str(self.growth().pid)], stdout=full, stderr=subprocess.PIPE,
                                    env=clean_environment())
        self.assertEqual(1, result.returncode)
        self.assertRegex(result.stderr, rb'^cairn: standard output: ')

    def test_a_name_can_do_nothing_to_a_terminal(self):
        directory = self.new_directory()
        program = os.path.join(directory, 'growth')
        with open(testdata('growth'), 'rb') as file:
            contents = file.read()
        hostile = b'\x1b[2J\n\x9b\xff"growt\r\x07'
        with open(program, 'wb') as file:
            file.write(contents.replace(b'growth_allocate', hostile))
        shutil.copymode(testdata('growth'), program)
        run = self.start_program(program, stdin=subprocess.PIPE)
        self.addCleanup(run.process.communicate)
        self.addCleanup(run.process.kill)
        self.obey(run, '+ 10')
        for arguments in ['--once'], ['--json'], ['--csv', '--count', '1']:
            output = top(*arguments, run.pid, environment=UTF8).stdout
            self.assertIn(b'growt', output)
            output.decode()
            self.assertNotRegex(output, rb'[\x00-\x09\x0b-\x1f\x7f]')
        self.assertEqual(hostile.decode('utf-8', 'replace').translate(dict.fromkeys((7, 10, 13, 27), '\ufffd')),
                         json.loads(top('--json', run.pid).stdout)['sites'][0]['function'])


class FileTest(TopTest):
    def test_json_has_exact_numbers_and_whole_stacks(self):
        run = self.growth(10)
        top_of = json.loads(top('--json', '--limit', 0, run.pid).stdout)
        self.assertEqual((run.pid, 'growth', 'running', False), tuple(top_of[key] for key in ('pid', 'program', 'state', 'is_estimate')))
        self.assertEqual(sum(site['live_bytes'] for site in top_of['sites']), top_of['total']['live_bytes'])
        self.assertEqual(0, top_of['lost'])
        self.assertGreater(top_of['resident_bytes'], 1e6)
        site = top_of['sites'][0]
        self.assertEqual(('growth_allocate', 10 * MIB, 10, 10 * MIB, None),
                         tuple(site[key] for key in ('function', 'live_bytes', 'live_objects', 'peak_bytes', 'growth_bytes')))
        self.assertEqual([('growth_allocate', 'growth'), ('main', 'growth')],
                         [(frame['function'], frame['file']) for frame in site['stack'][:2]])
        self.assertGreater(site['oldest_age_s'], 0)
        self.assertFalse([key for key in site if key.endswith('error')], 'exact numbers have no error')

    def test_json_has_standard_errors_of_estimates_that_add_up(self):
        top_of = json.loads(top('--json', '--limit', 0, self.ledger_of('zipf', RATE=65536, SEED=1)).stdout)
        self.assertEqual('ended', top_of['state'])
        self.assertTrue(top_of['is_estimate'])
        for field in 'live_bytes', 'live_objects':
            self.assertEqual(top_of['total'][field], sum(site[field] for site in top_of['sites']))
            variance = sum(site[field + '_standard_error'] ** 2 for site in top_of['sites'])
            self.assertAlmostEqual(1, top_of['total'][field + '_standard_error'] ** 2 / variance, 6)

    def test_csv_is_a_time_series(self):
        run = self.growth(10)
        process = subprocess.Popen([CAIRN, 'top', '--csv', '--interval', '200ms', '--count', '10', '--filter', 'growth_allocate',
                                    str(run.pid)], text=True,
                                   stdout=subprocess.PIPE, env=clean_environment())
        lines = csv.DictReader(process.stdout)
        first = next(lines)
        self.obey(run, '+ 5')
        rows = [first, *lines]
        self.assertEqual(0, process.wait())
        process.stdout.close()
        self.assertEqual(10, len(rows))
        self.assertTrue(all(row['function'].startswith('growth_allocate < main') for row in rows))
        self.assertEqual(('', str(10 * MIB)), (first['growth_bytes'], first['live_bytes']))
        self.assertEqual((str(5 * MIB), str(15 * MIB)), (rows[-1]['growth_bytes'], rows[-1]['live_bytes']))
        times = [float(row['time_s']) for row in rows]
        self.assertTrue(all(0.1 < b - a < 1 for a, b in zip(times, times[1:])), times)
        allocated = sum(float(row['rate_bytes_per_s']) * (b - a) for row, a, b in zip(rows[1:], times, times[1:]))
        self.assertAlmostEqual(1, allocated / (5 * MIB), 1)
        self.assertEqual({''}, {row['live_bytes_standard_error'] for row in rows})

    def test_csv_ends_with_the_process(self):
        run = self.growth(10)
        process = subprocess.Popen([CAIRN, 'top', '--csv', '--interval', '100ms', str(run.pid)], text=True,
                                   stdout=subprocess.PIPE, env=clean_environment())
        process.stdout.readline()
        self.assertIn('growth_allocate', process.stdout.readline())
        run.process.kill()
        process.communicate(timeout=30)
        self.assertEqual(0, process.returncode)
        ended = top('--csv', '--filter', 'zipf_', self.ledger_of('zipf')).stdout.decode()
        self.assertEqual(1 + 20, len(ended.splitlines()), 'one moment')


class ScreenTest(TopTest):
    def screen(self, run, *arguments, **options):
        terminal = Terminal(self, CAIRN, 'top', '--interval', '200ms', *arguments, run.pid, **options)
        if options.get('height', 30) > 6:
            terminal.wait_for(r'growth_allocate')
        return terminal

    def assert_restored(self, terminal, status=0):
        terminal.wait_for(rf'^status {status}$')
        self.assertRegex(terminal.screen(), r'^text before\n')
        wait_until(lambda: os.path.exists(os.path.join(terminal.directory, 'after')), 'the settings')
        wait_until(lambda: terminal.read('after'), 'the settings')
        self.assertEqual(terminal.read('before'), terminal.read('after'))

    def test_it_follows_the_program_until_it_is_quit(self):
        run = self.growth(10)
        terminal = self.screen(run)
        terminal.wait_for(rf'^growth \(pid {run.pid}\)  running for \S+  exact\n')
        terminal.wait_for(r'\nlive 10\.0 MiB  peak 10\.0 MiB  allocating 0 B a second  RSS ')
        self.obey(run, '+ 20')
        terminal.wait_for(r'^live 30\.0 MiB .* peak 30\.0 MiB')
        terminal.wait_for(r'^30\.0 MiB   20\.0 MiB .* growth_allocate < main')
        terminal.wait_for(r'^▃+█+  up to 30\.0 MiB$')
        self.obey(run, '- 25')
        terminal.wait_for(r'^5\.00 MiB  -5\.00 MiB ')
        terminal.press('q')
        self.assert_restored(terminal)

    def test_the_baseline_of_growth_is_reset(self):
        run = self.growth(10)
        terminal = self.screen(run)
        self.obey(run, '+ 5')
        terminal.wait_for(r'^15\.0 MiB   5\.00 MiB ')
        terminal.press('r')
        terminal.wait_for(r'^15\.0 MiB        0 B ')
        self.obey(run, '+ 1')
        terminal.wait_for(r'^16\.0 MiB   1\.00 MiB ')

    def test_pause_and_go_on(self):
        run = self.growth(10)
        terminal = self.screen(run)
        terminal.press('Space')
        terminal.wait_for(r'\[paused\]')
        self.obey(run, '+ 5')
        time.sleep(0.7)
        self.assertRegex(terminal.screen(), r'\nlive 10\.0 MiB')
        terminal.press('Space')
        terminal.wait_for(r'^live 15\.0 MiB')
        self.assertNotIn('[paused]', terminal.screen())

    def dead(self, *command, **options):
        ledger = self.ledger_of(*command)
        terminal = Terminal(self, CAIRN, 'top', ledger, **options)
        terminal.wait_for(r'CALL SITE')
        return terminal

    def test_columns_sort(self):
        terminal = self.dead('zipf')
        first_row = r'CALL SITE\n.*(zipf_\d+)'
        self.assertEqual('zipf_01', terminal.wait_for(first_row))
        terminal.press('c')
        terminal.wait_for(r'CALL SITE\n.*zipf_20')
        terminal.press('<', '<', '<')
        terminal.wait_for(r'CALL SITE\n.*zipf_01')
        terminal.press('>', '>', '>')
        terminal.wait_for(r'CALL SITE\n.*zipf_20')
        terminal.press('l')
        terminal.wait_for(r'CALL SITE\n.*zipf_01')

    def test_a_filter_is_typed_and_taken_back(self):
        terminal = self.dead('zipf')
        terminal.press('/', 'zipf_1[57', 'Enter')
        terminal.wait_for(r'^filter zipf_1\[57: .*regular expression as in Perl')
        terminal.wait_for(r'CALL SITE\n.*zipf_01')
        terminal.press('/', 'zipf_1[57', 'BSpace', ']', 'Enter')
        terminal.wait_for(r'filter zipf_1\[5\]: 1 with ')
        terminal.wait_for(r'CALL SITE\n.*zipf_15.*\n\n')
        terminal.press('/', 'C-u', 'nothing', 'Escape')
        terminal.wait_for(r'q quit')
        terminal.wait_for(r'CALL SITE\n.*zipf_15.*\n\n')
        terminal.press('/', 'C-u', 'nothing', 'Enter')
        terminal.wait_for(r'^No call site matches the filter\.$')
        terminal.press('Enter') # there is no stack to show
        terminal.press('/', 'C-u', 'Enter')
        terminal.wait_for(r'CALL SITE\n.*zipf_01')

    def test_the_stack_of_the_selected_site(self):
        terminal = self.dead('zipf')
        terminal.press('Down', 'Down', 'Enter')
        terminal.wait_for(r'CALL SITE\n.*zipf_03.*\n#0   zipf_03  in zipf\n')
        terminal.wait_for(r'^#\d   main  in zipf\n')
        terminal.wait_for(r'^#\d   __libc_start_main\S*  in libc\.so\.6$')
        terminal.press('Enter')
        terminal.wait_for(r'CALL SITE\n.*zipf_01')
        terminal.press('End', 'Enter')
        terminal.wait_for(r'^#0 ')
        terminal.press('Escape')
        terminal.wait_for(r'q quit')
        terminal.press('Home', 'Enter')
        terminal.wait_for(r'^#0   zipf_01  in zipf$')

    def test_a_deep_stack_scrolls(self):
        terminal = self.dead('sites', '4', '200', height=20)
        terminal.press('Down', 'Enter')
        terminal.wait_for(r'^#0   sites_allocate')
        terminal.press('End')
        terminal.wait_for(r'^#199  _start')
        terminal.press('Home')
        terminal.wait_for(r'^#0   sites_allocate')

    def test_help_and_back(self):
        terminal = self.dead('zipf')
        terminal.press('h')
        terminal.wait_for(r'^d +write a profile for pprof, now$')
        terminal.press('?')
        terminal.wait_for(r'CALL SITE\n.*zipf_01')

    def test_a_profile_is_written(self):
        run = self.growth(10)
        terminal = self.screen(run)
        for number in '0001', '0002':
            terminal.press('d')
            name = f'cairn.growth.{run.pid}.{number}.pb.gz'
            terminal.wait_for('wrote ' + re.escape(name))
            profile = Profile(os.path.join(terminal.directory, name))
            self.assertEqual((10, 10 * MIB), profile.flat()['growth_allocate'][2:])

    def test_any_size_of_terminal_will_do(self):
        run = self.growth(10)
        terminal = self.screen(run)
        for width, height in (80, 24), (40, 10), (20, 6), (7, 3), (3, 2), (1, 1), (200, 50), (130, 30):
            terminal.resize(width, height)
            terminal.wait_for(r'^$' if width == 1 else r'^gr|LIVE|^10' if width > 3 else r'L|1')
            if width == 40:
                terminal.wait_for(r'^live 10\.0 MiB .*…\n13 samples ')
        terminal.wait_for(r'^10\.0 MiB .* growth_allocate < main')
        self.assertEqual('q quit', re.search('q quit', terminal.screen())[0])

    def test_in_80_columns_estimates_have_room_for_their_errors_and_a_name(self):
        directory = self.new_directory()
        self.run_program('zipf', cairn={'LEDGER': directory, 'RATE': 65536, 'SEED': 1})
        terminal = Terminal(self, CAIRN, 'top', *glob.glob(directory + '/*.cairn'), width=80, height=24)
        terminal.wait_for(r'^ *LIVE +GROWTH +RATE/s +CALL SITE\n.* ±\d.*zipf_01')

    def test_the_end_of_the_process_is_told_and_stays(self):
        run = self.growth(10)
        terminal = self.screen(run)
        run.process.kill()
        terminal.wait_for(r'^growth \(pid \d+\)  ended.* after ')
        terminal.wait_for(r'^10\.0 MiB .* growth_allocate < main')
        terminal.press('q')
        self.assert_restored(terminal)

    def test_signals_end_it_with_the_terminal_as_it_was(self):
        run = self.growth(10)
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
            with self.subTest(signal=number):
                terminal = self.screen(run)
                if number == signal.SIGINT:
                    terminal.press('C-c')
                else:
                    os.kill(terminal.pid_of_command(), number)
                self.assert_restored(terminal, status=128 + number)

    def test_it_is_stopped_and_continued(self):
        run = self.growth(10)
        terminal = self.screen(run)
        pid = terminal.pid_of_command()
        for stop in 'C-z', signal.SIGSTOP:
            if stop == 'C-z':
                terminal.press(stop)
                terminal.wait_for(r'\Atext before$')
            else:
                os.kill(pid, stop)
            terminal.wait_for(r'stopped$')
            self.obey(run, '+ 5')
            terminal.press('C-j')  # a line for the shell, whatever the settings
            terminal.wait_for(r'\Agrowth .*\nlive (15|20)\.0 MiB')
            terminal.wait_for(r'q quit')
        terminal.press('q')
        self.assert_restored(terminal)

    def test_no_escape_sequences_for_a_dumb_terminal(self):
        run = self.growth(10)
        terminal = Terminal(self, CAIRN, 'top', run.pid, TERM='dumb')
        terminal.wait_for(r'^status 0$')
        self.assertRegex(terminal.screen(), r'\n10\.0 MiB .*growth_allocate')

    def test_it_works_without_utf8(self):
        run = self.growth(10)
        terminal = self.screen(run, LC_ALL='C')
        terminal.wait_for(r'^#+  up to 10\.0 MiB$')

    def test_with_10000_sites_it_costs_less_than_a_hundredth_of_a_core(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        while True:  # a pipe that is full keeps the program from printing its truth and ending
            try:
                os.write(writer, bytes(4096))
            except BlockingIOError:
                break
        os.set_blocking(writer, True)
        run = self.start_program('sites', '10000', cairn={'MEMORY': '256M'}, stdout=writer)
        self.addCleanup(run.process.communicate)
        self.addCleanup(run.process.kill)
        os.close(writer)
        self.addCleanup(os.close, reader)
        wait_until(lambda: json.loads(top('--json', run.pid, check=False).stdout or '{}').get('num_sites', 0) >= 10000, 'sites')
        terminal = Terminal(self, CAIRN, 'top', run.pid)
        terminal.wait_for(r'^10,\d+ samples  10,\d+ call sites')
        before, seconds = terminal.processor_seconds(), 6
        time.sleep(seconds)
        self.assertLess((terminal.processor_seconds() - before) / seconds, 0.01)


if __name__ == '__main__':
    unittest.main()
