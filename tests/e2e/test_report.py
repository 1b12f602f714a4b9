#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`cairn report`: the numbers that pprof finds, in every form."""
import collections
import csv
import io
import json
import os
import re
import resource
import subprocess
import time
import unittest

from cairn_test import CAIRN, GO_PPROF, SOURCE, CairnTest, cairn, clean_environment, pprof, testdata
from made_profile import MadeProfile
from terminal import Terminal

PROFILES = os.path.join(SOURCE, 'testdata', 'profiles')
UTF8 = {'LC_ALL': 'C.UTF-8'}
UNITS = {'bytes': 'B', 'nanoseconds': 'ns', 'count': 'count'}


def stored(name):
    return os.path.join(PROFILES, name + '.pb.gz')


def report(*arguments, **options):
    result = cairn('report', *arguments, **options)
    return result.stdout.decode()


def as_json(*arguments, **options):
    return json.loads(report('--json', *arguments, **options))


def functions_of(data):
    """Flat and cum of each function."""
    return {function['name']: (function['flat'], function['cum']) for function in data['functions']}


def pprof_top(path, type, unit, *arguments):
    """The same as pprof has them."""
    text = pprof('-top', '-nodecount=0', '-nodefraction=0', '-symbolize=none', f'-sample_index={type}', f'-unit={UNITS[unit]}',
                 *arguments, path, tool=GO_PPROF)
    rows = text[text.index('      flat  flat%'):].splitlines()[1:]
    found = {}
    for row in rows:
        flat, _, _, cum, _, name = row.split(None, 5)
        flat, cum = (int(re.sub('[a-zA-Z]+$', '', number)) for number in (flat, cum))
        name = re.sub(r' \((partial-)?inline\)$', '', name)
        found[name] = flat, cum
    return found


class ReportTest(CairnTest):
    def made(self, **description):
        return MadeProfile(**description)

    def path(self, name='made.pb.gz'):
        return os.path.join(self.new_directory(), name)

    def named_heap(self):
        """A heap profile of cairn's in which pprof wrote the names."""
        run = self.run_program('leak', '300', cairn={'RATE': 65536, 'SEED': 1})
        path = self.path('named.pb.gz')
        pprof('-symbolize=local', '-proto', '-output=' + path, *run.files())
        return path


class NumbersTest(ReportTest):
    def assert_same_as_pprof(self, path, type, unit, *filters):
        data = as_json('--type', type, *['-' + option for option in filters], path)
        expected, found = ({name: values for name, values in rows.items() if any(values)}
                           for rows in (pprof_top(path, type, unit, *filters), functions_of(data)))
        if any(name[0] == '[' for name in expected):  # a file without names, of which cairn may know some
            expected = {name: values for name, values in expected.items() if name[0] != '['}
            found = {name: values for name, values in found.items() if name in expected}
        self.assertTrue(expected)
        self.assertEqual(expected, found)
        return data

    def test_heap_profiles_of_cairn(self):
        path = self.named_heap()
        for type, unit in ('alloc_objects', 'count'), ('alloc_space', 'bytes'), ('inuse_objects', 'count'), ('inuse_space', 'bytes'):
            self.assert_same_as_pprof(path, type, unit)

    def test_profiles_of_go(self):
        for name, type, unit in [('go-heap', 'alloc_space', 'bytes'), ('go-heap', 'inuse_space', 'bytes'),
                                 ('go-heap', 'alloc_objects', 'count'), ('go-cpu', 'samples', 'count'),
                                 ('go-cpu', 'cpu', 'nanoseconds'), ('go-goroutine', 'goroutine', 'count'),
                                 ('go-mutex', 'delay', 'nanoseconds'), ('go-block', 'contentions', 'count')]:
            with self.subTest(name, type=type):
                self.assert_same_as_pprof(stored(name), type, unit)

    def test_profiles_of_pprof(self):
        for name in 'pprof-named', 'pprof-difference':
            self.assert_same_as_pprof(stored(name), 'inuse_space', 'bytes')

    def test_focus_and_ignore_are_those_of_pprof(self):
        heap, cpu = self.named_heap(), stored('go-cpu')
        for path, type, unit, filters in [
                (heap, 'alloc_space', 'bytes', ['-focus=render']), (heap, 'alloc_space', 'bytes', ['-ignore=render']),
                (cpu, 'cpu', 'nanoseconds', ['-focus=^sort']), (cpu, 'cpu', 'nanoseconds', ['-ignore=compress|gc']),
                (cpu, 'cpu', 'nanoseconds', ['-focus=main', '-ignore=[Ff]late'])]:
            with self.subTest(filters):
                data = self.assert_same_as_pprof(path, type, unit, *filters)
                shown = next(row for row in data['types'] if row['type'] == type)
                self.assertLess(0, shown['total'])
                self.assertLess(shown['total'], shown['whole_total'])

    def test_lines_are_those_of_pprof(self):
        data = as_json('--lines', stored('go-cpu'))
        text = pprof('-top', '-lines', '-nodecount=0', '-nodefraction=0', '-unit=ns', stored('go-cpu'), tool=GO_PPROF)
        rows = [row.split() for row in text[text.index('      flat  flat%'):].splitlines()[1:]]
        expected = {(row[5], row[6]): (int(row[0].removesuffix('ns')), int(row[3].removesuffix('ns'))) for row in rows}
        found = {(row['name'], f"{row['file']}:{row['line']}"): (row['flat'], row['cum']) for row in data['functions']}
        for (name, place), values in expected.items():
            same = [found[key] for key in found if key[0] == name and key[1].endswith(place.lstrip('.'))]
            self.assertIn(values, same, (name, place))
        self.assertEqual(len(expected), len(found))

    def test_recursion_counts_once(self):
        path = self.made().add(['b', 'b', 'a', 'b', 'a'], [1, 100]).add(['a'], [1, 10]).write(self.path())
        self.assertEqual({'a': (10, 110), 'b': (100, 100)}, functions_of(as_json(path)))

    def test_dropped_frames_are_shown_if_asked_for(self):
        path = self.made(drop_frames='malloc|operator new').add(['malloc', 'operator new(unsigned long)', 'main'], [1, 5])
        path = path.write(self.path())
        self.assertEqual(['main'], [row['name'] for row in as_json(path)['functions']])
        self.assertEqual(['malloc', 'main', 'operator new(unsigned long)'],
                         [row['name'] for row in as_json('--all-frames', path)['functions']])


class FormsTest(ReportTest):
    def test_json_adds_up(self):
        for path in self.named_heap(), stored('go-heap'), stored('go-cpu'):
            data = as_json(path)
            types = [row['type'] for row in data['types']]
            shown = types.index(data['type'])
            for i, row in enumerate(data['types']):
                self.assertEqual(row['total'], sum(stack['values'][i] for stack in data['stacks']))
                self.assertEqual(row['total'], row['whole_total'])
                self.assertAlmostEqual(row['total_standard_error'] ** 2,
                                       sum(stack['standard_errors'][i] ** 2 for stack in data['stacks']), delta=1)
            flat, cum = collections.Counter(), collections.Counter()
            for stack in data['stacks']:
                names = [frame['name'] for frame in stack['frames']]
                flat[names[0]] += stack['values'][shown]
                for name in set(names):
                    cum[name] += stack['values'][shown]
            for name, values in functions_of(data).items():
                self.assertEqual((flat[name], cum[name]), values)
            self.assertEqual(sorted((-row['flat'], -row['cum']) for row in data['functions']),
                             [(-row['flat'], -row['cum']) for row in data['functions']])

    def test_json_says_what_the_profile_says(self):
        run = self.run_program('leak', '300', cairn={'RATE': 65536, 'SEED': 1})
        profile, data = run.profile(), as_json(*run.files())
        about = data['profile']
        self.assertEqual(('heap', testdata('leak'), testdata('leak') + ' 300', run.pid, 65536),
                         tuple(about[key] for key in ('kind', 'program', 'command', 'pid', 'period')))
        self.assertEqual({'type': 'space', 'unit': 'bytes'}, about['period_type'])
        self.assertEqual(profile.contents['comments'], about['comments'])
        self.assertEqual(int(profile.comment(r'samples: (\d+)')[1]), about['samples'])
        self.assertTrue(0 < about['time_ns'] - about['start_time_ns'] < 60e9)
        self.assertEqual(([], None), (about['losses'], about['duration_ns']))
        duration = re.search(r'Duration: ([\d.]+)ms', pprof('-top', stored('go-cpu'), tool=GO_PPROF))[1]
        self.assertAlmostEqual(float(duration) * 1e6, as_json(stored('go-cpu'))['profile']['duration_ns'], delta=1e4)

    def test_frames_of_json_have_file_and_binary(self):
        frames = {frame['name']: frame for stack in as_json('--lines', stored('go-cpu'))['stacks'] for frame in stack['frames']}
        compress = frames['main.compress']
        self.assertRegex(compress['file'], r'/work\.go$')
        self.assertLess(0, compress['line'])
        self.assertRegex(compress['binary'], r'/work$')
        frames = {frame['line'] for stack in as_json(stored('go-cpu'))['stacks'] for frame in stack['frames']}
        self.assertEqual({0}, frames)

    def test_labels_are_in_json(self):
        labels = [stack['labels'] for stack in as_json(stored('go-cpu'))['stacks'] if stack['labels']]
        self.assertEqual({'request', 'tenant'}, {label['key'] for set in labels for label in set})
        path = self.made().add(['a'], [1, 5], size=16, who='me').write(self.path())
        self.assertEqual([{'key': 'size', 'value': 16}, {'key': 'who', 'value': 'me'}], as_json(path)['stacks'][0]['labels'])

    def test_csv_is_the_functions_of_json(self):
        for options in [], ['--lines'], ['--sort=cum']:
            rows = list(csv.DictReader(io.StringIO(report('--csv', *options, stored('go-heap')))))
            data = as_json(*options, stored('go-heap'))
            self.assertEqual(len(data['functions']), len(rows))
            for row, function in zip(rows, data['functions']):
                self.assertEqual((function['name'], function['file'], str(function['line']), function['binary'], 'inuse_space', 'bytes',
                                  str(function['flat']), str(function['cum'])),
                                 tuple(row[key] for key in ('function', 'file', 'line', 'binary', 'type', 'unit', 'flat', 'cum')))
                for key in 'flat_standard_error', 'cum_standard_error':
                    self.assertAlmostEqual(function[key], float(row[key]), 6)
        self.assertEqual(3, len(report('--csv', '--top=2', stored('go-heap')).splitlines()))

    def test_csv_is_quoted(self):
        name = 'f("a", b)\n,"'
        path = self.made().add([name], [1, 5], who=name).write(self.path())
        self.assertEqual(name.replace('\n', '\ufffd'), next(csv.DictReader(io.StringIO(report('--csv', path))))['function'])
        self.assertEqual(name.replace('\n', '\ufffd'), next(csv.DictReader(io.StringIO(report('--csv', '--by=who', path))))['label'])

    def test_errors_that_are_not_known_are_null_or_empty(self):
        data = as_json(stored('go-mutex'))
        self.assertEqual({None}, {row['cum_standard_error'] for row in data['functions']})
        row = next(csv.DictReader(io.StringIO(report('--csv', stored('go-mutex')))))
        self.assertEqual('', row['cum_standard_error'])

    def test_folded_lines_sum_to_the_total(self):
        for path in self.named_heap(), stored('go-heap'), stored('go-cpu'):
            lines = report('--folded', path).splitlines()
            data = as_json(path)
            total = next(row['total'] for row in data['types'] if row['type'] == data['type'])
            self.assertEqual(total, sum(int(line.rsplit(' ', 1)[1]) for line in lines))
            self.assertEqual(len(lines), len({line.rsplit(' ', 1)[0] for line in lines}), 'each stack once')
            flat = collections.Counter()
            for line in lines:
                stack, value = line.rsplit(' ', 1)
                flat[stack.split(';')[-1]] += int(value)
            self.assertEqual({row['name']: row['flat'] for row in data['functions'] if row['flat']}, flat)

    def test_folded_names_stay_on_their_line(self):
        path = self.made().add(['f(char;\nint) 3', 'main'], [1, 5]).add([b'\xff\x1b[2J'], [1, 2]).write(self.path())
        self.assertEqual(['main;f(char:\ufffdint) 3 5', '\ufffd\ufffd[2J 2'], report('--folded', path).splitlines())

    def test_values_by_label(self):
        data = as_json('--by=request', stored('go-cpu'))
        rows = {row['label']: row['value'] for row in data['by_label']}
        expected = collections.Counter()
        for stack in data['stacks']:
            found = [label['value'] for label in stack['labels'] if label['key'] == 'request']
            expected[found[0] if found else None] += stack['values'][1]
        self.assertEqual({label: value for label, value in expected.items() if value}, rows)
        tags = pprof('-tags', '-unit=ns', stored('go-cpu'), tool=GO_PPROF)
        tags = re.search(r'(?s) request: .*?\n\n', tags)[0]
        expected = {label: int(value) for value, label in re.findall(r'(?m)^ *(\d+)\.0ns \([^)]*\): (\S+)$', tags)}
        self.assertTrue(expected)
        self.assertEqual(expected, {label: value for label, value in rows.items() if label})
        csv_rows = {row['label']: int(row['value']) for row in csv.DictReader(io.StringIO(report('--csv', '--by=request', stored('go-cpu'))))}
        self.assertEqual({label or '': value for label, value in rows.items()}, csv_rows)

    def test_a_file_is_written_whole(self):
        path = self.path('out.json')
        self.assertEqual('', report('--json', '-o', path, stored('go-heap')))
        with open(path, encoding='utf8') as file:
            self.assertEqual(as_json(stored('go-heap')), json.load(file))
        result = cairn('report', '-o', '/no/such/directory/x', stored('go-heap'), check=False)
        self.assertEqual((1, b''), (result.returncode, result.stdout))
        self.assertRegex(result.stderr, rb'^cairn: /no/such/directory/x: ')
        with open('/dev/full', 'w') as full:
            result = subprocess.run([CAIRN, 'report', stored('go-heap')], stdout=full, stderr=subprocess.PIPE, env=clean_environment())
        self.assertEqual(1, result.returncode)
        self.assertRegex(result.stderr, rb'^cairn: standard output: ')

    def test_standard_input(self):
        with open(stored('go-heap'), 'rb') as file:
            result = subprocess.run([CAIRN, 'report', '--json', '-'], stdin=file, stdout=subprocess.PIPE, env=clean_environment(),
                                    check=True)
        self.assertEqual(as_json(stored('go-heap')), json.loads(result.stdout))


class TextTest(ReportTest):
    def test_heap(self):
        run = self.run_program('leak', '300', cairn={'RATE': 65536, 'SEED': 1})
        lines = report(*run.files(), environment=UTF8).splitlines()
        self.assertEqual(f'heap profile of leak (process {run.pid})', lines[0])
        self.assertEqual(f'command   {testdata("leak")} 300', lines[1])
        self.assertRegex(lines[2], r'^taken     \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d\S*s after profiling began$')
        self.assertRegex(lines[3], r'^samples   one in 64\.0 KiB on average: \d+, in \d+ stacks$')
        self.assertEqual('dropped   nothing', lines[4])
        self.assertRegex(lines[5], r'^totals    alloc_objects  \d\S+k ±\d')
        self.assertRegex(lines[8], r'^          inuse_space    \d\S+ [KM]iB ±\d\S+  \(shown below\)$')
        self.assertEqual(['FLAT', 'FLAT%', 'SUM%', 'CUM', 'CUM%', 'FUNCTION'], lines[10].split())
        self.assertRegex(lines[11], r'^ *\d\S* [KM]iB ±\d\S* +\d\S*%  +\d\S*%  +\d\S* [KM]iB ±\d\S* +\d\S*%  \S')
        self.assertEqual(lines[10].index('FUNCTION'), len(re.match(r'.*%  (?=\S)', lines[11])[0]))

    def test_exact_numbers_have_no_errors(self):
        run = self.run_program('exits', 'return')
        text = report(*run.files(), environment=UTF8)
        self.assertNotIn('±', text)
        self.assertIn('\nsamples   every allocation (exact): ', text)

    def test_units(self):
        text = report(stored('go-cpu'), environment=UTF8)
        self.assertRegex(text, r'\ACPU profile of work\ntaken     .*, over \d+ms\nsamples   one in 10\.0 ms on average, in \d+ stacks\n')
        self.assertRegex(text, r'\n +cpu +[\d.]+ m?s ±[\d.]+  \(shown below\)\n')
        path = self.made(types=[('energy', 'joules')], period=0, period_type=('', '')).add(['f'], [12345]).write(self.path())
        self.assertRegex(report(path), r'\Aenergy profile\nsamples   1 stack\ntotals    energy  12\.3k joules\n')

    def test_rows_are_limited_and_sorted(self):
        text = report('--top=3', '--stacks=1', stored('go-heap'))
        self.assertRegex(text, r'\n\(\d+ more functions; -n 0 shows all\)\n')
        self.assertRegex(text, r'\n\(\d+ more stacks; --stacks 0 shows all\)\n')
        self.assertEqual(3, len(re.search(r'(?s)FUNCTION\n(.*?)\n\(\d', text)[1].splitlines()))
        everything = report('-n', '0', '--stacks', '0', stored('go-heap'))
        self.assertNotIn(' more ', everything)
        first = re.search(r'FUNCTION\n.*%  (.*)\n', report('--sort=cum', stored('go-heap')))[1]
        self.assertEqual(as_json('--sort=cum', stored('go-heap'))['functions'][0]['name'], first)

    def test_losses_are_shown(self):
        path = self.made().add(['f'], [1, 5]).comment('cairn 0.1.0').comment('counted: 5 stacks cut at the depth limit')
        path = path.comment('counted: 7 other\x1b[2J things').write(self.path())
        text = report(path)
        self.assertIn('\ncounted   5 stacks cut at the depth limit\n          7 other?[2J things\n', text)
        self.assertNotIn('dropped', text)
        self.assertEqual(['5 stacks cut at the depth limit', '7 other\ufffd[2J things'], as_json(path)['profile']['losses'])

    def test_an_empty_profile_is_one(self):
        path = self.made().write(self.path())
        self.assertEqual('heap profile\nsamples   every allocation (exact), in 0 stacks\n'
                         'totals    inuse_objects  0\n          inuse_space    0 B  (shown below)\n'
                         '\nnothing to show: all values are 0\n', report(path))
        data = as_json(path)
        self.assertEqual(([], []), (data['functions'], data['stacks']))
        self.assertEqual('', report('--folded', path))
        self.assertEqual(1, len(report('--csv', path).splitlines()))

    def test_why_there_is_nothing_to_show(self):
        path = self.made(types=(('alloc_space', 'bytes'), ('inuse_space', 'bytes'))).add(['f'], [5, 0]).write(self.path())
        self.assertIn('\nnothing to show: inuse_space is 0 everywhere; try --type alloc_space\n', report(path))
        self.assertNotIn('nothing to show', report('--type=alloc_space', path))
        self.assertIn('\nnothing to show: no stack is left by --focus and --ignore\n', report('--type=alloc_space', '--focus=g', path))

    def test_the_program_has_the_name_that_it_was_called_by(self):
        made = self.made().add([('f', '', 0, '/usr/bin/redis-check-rdb')], [1, 5]).comment('cairn 0.1.0')
        path = made.comment('command: redis-server --port 0').comment('process: 12, profiled since 17.000').write(self.path())
        self.assertEqual('heap profile of redis-server (process 12)', report(path).splitlines()[0])
        made = self.made().add([('f', '', 0, '/opt/my programs/x y')], [1, 5]).comment('cairn 0.1.0')
        path = made.comment('command: /opt/my programs/x y -z').write(self.path())
        self.assertEqual('heap profile of x y', report(path).splitlines()[0])

    def test_of_several_processes_the_first_is_named(self):
        made = self.made().add(['f'], [1, 5]).comment('cairn 0.1.0')
        for number in range(3):
            made.comment(f'command: /bin/program{number} x').comment(f'process: {number + 1}, profiled since 17.000')
            made.comment(f'rate: 1 (exact: every allocation); samples: {number}')
        path = made.write(self.path())
        self.assertEqual(['heap profile of program0 (3 processes, the first 1)', 'command   /bin/program0 x',
                          'samples   every allocation (exact), in 1 stack'], report(path).splitlines()[:3])
        self.assertIsNone(as_json(path)['profile']['samples'])

    def test_what_focus_leaves_is_told(self):
        path = self.made().add(['f', 'main'], [1, 300]).add(['g', 'main'], [1, 700]).write(self.path())
        text = report('--focus=^f$', path)
        self.assertIn('inuse_space    300 B of 1000 B (30.0%)  (shown below)', text)
        self.assertRegex(text, r'\n +300 B +30\.0% +30\.0% +300 B +30\.0%  f\n')
        text = report('--focus=nothing', path)
        self.assertIn('inuse_space    0 B of 1000 B (0.0%)  (shown below)', text)

    def test_a_name_can_do_nothing_to_a_terminal(self):
        path = self.made().add([b'\x1b[31mevil\x07\n', 'main'], [1, 5], who='\x1b[2J').write(self.path())
        for options in [], ['--by=who']:
            self.assertNotRegex(report(*options, path, environment=UTF8), r'[\x00-\x09\x0b-\x1f]')

    def test_names_are_cut_to_a_terminal_only(self):
        path = self.made().add(['x' * 5000 + 'end', 'main'], [1, 5]).write(self.path())
        self.assertEqual(2, report(path).count('end\n'))
        terminal = Terminal(self, CAIRN, 'report', path, width=70)
        terminal.wait_for('^status 0')
        rows = [line for line in terminal.screen().splitlines() if 'xxx' in line]
        self.assertEqual([(70, 'x…')] * 2, [(len(row), row[-2:]) for row in rows])

    def test_labels_have_their_units(self):
        path = self.made().add(['f'], [1, 600], who='me').add(['g'], [1, 400]).write(self.path())
        text = report('--by=who', path)
        self.assertRegex(text, r'\n +VALUE +SHARE +who\n +600 B +60\.0%  me\n +400 B +40\.0%  \(none\)\n\Z')


class MisuseTest(ReportTest):
    def assert_fails(self, status, message, *arguments):
        result = cairn('report', *arguments, check=False)
        self.assertEqual((status, b''), (result.returncode, result.stdout), result.stderr)
        self.assertRegex(result.stderr.decode(), message)

    def test_wrong_patterns_are_explained(self):
        self.assert_fails(1, r'\Acairn: .*--focus a\(: missing closing parenthesis \(at offset 2\); expected a regular expression as in Perl\n\Z',
                          '--focus=a(', stored('go-heap'))
        self.assert_fails(1, r'--ignore \*: quantifier does not follow a repeatable item', '--ignore=*', stored('go-heap'))

    def test_types_that_are_there_are_listed(self):
        self.assert_fails(1, r'--type: size: the profile has alloc_objects, alloc_space, inuse_objects and inuse_space\n\Z',
                          '--type=size', stored('go-heap'))
        for given, found in ('alloc', 'alloc_space'), ('objects', 'inuse_objects'), ('bytes', 'inuse_space'), ('live', 'inuse_space'):
            self.assertEqual(found, as_json('--type', given, stored('go-heap'))['type'])

    def test_labels_that_are_there_are_listed(self):
        self.assert_fails(1, r'--by size: no label of this name; there are request and tenant\n\Z', '--by=size', stored('go-cpu'))
        self.assert_fails(1, r'--by size: .* the profile has no labels\n\Z', '--by=size', self.made().add(['f'], [1, 5]).write(self.path()))

    def test_wrong_arguments_are_named(self):
        for message, *arguments in [
                ('of what', ), ('one profile, ledger or process only', 'a', 'b'), ('--top x: expected a whole number', '--top=x', 'a'),
                ('--sort size: expected flat or cum', '--sort=size', 'a'), ('--json and --csv', '--json', '--csv', 'a'),
                ('--by does not go with --folded', '--by=x', '--folded', 'a')]:
            self.assert_fails(2, message, *arguments)

    def test_what_is_no_profile_is_named(self):
        self.assert_fails(1, r'\Acairn: /no/such/file: ', '/no/such/file')
        self.assert_fails(1, r'\Acairn: /dev/null: |\Acairn: .*test_report.py: ', __file__)


class LedgerTest(ReportTest):
    def test_a_process_and_a_ledger(self):
        directory = self.new_directory()
        run = self.start_growth(LEDGER=directory)
        self.addCleanup(run.process.communicate)
        self.addCleanup(run.process.kill)
        self.obey(run, '+ 5')
        ledger, = [os.path.join(directory, name) for name in os.listdir(directory) if name.endswith('.cairn')]
        for subject in run.pid, ledger:
            data = as_json(subject)
            self.assertEqual(run.pid, data['profile']['pid'])
            self.assertEqual('growth', os.path.basename(data['profile']['program']))
            live = next(row['total'] for row in data['types'] if row['type'] == 'inuse_space')
            self.assertTrue(5 << 20 <= live < 6 << 20, live)
        dumped = os.path.join(directory, 'x.pb.gz')
        cairn('dump', '-q', '-o', dumped, run.pid)
        self.assertEqual(as_json(dumped)['types'], as_json(ledger)['types'])

    def test_errors_are_about_those_of_the_ledger(self):
        directory = self.new_directory()
        self.run_program('zipf', cairn={'LEDGER': directory, 'RATE': 524288, 'SEED': 1})
        ledger, = [os.path.join(directory, name) for name in os.listdir(directory) if name.endswith('.cairn')]
        kept = json.loads(cairn('top', '--json', ledger).stdout)['total']['live_bytes_standard_error']
        told = next(row['total_standard_error'] for row in as_json(ledger)['types'] if row['type'] == 'inuse_space')
        self.assertTrue(0.9 * kept < told < 2 * kept, (kept, told))


class SizeTest(ReportTest):
    def test_many_stacks(self):
        made = self.made()
        for i in range(100000):
            made.add([f'leaf_{i % 5000}', *(f'function_{(i >> j) + j}' for j in range(20)), 'main'], [1, i])
        path = made.write(self.path())
        for options in [], ['--json'], ['--folded'], ['--csv', '--focus=leaf_7', '--ignore=function_9$']:
            start = time.monotonic()
            report(*options, '-o', self.path('out'), path)
            seconds = time.monotonic() - start
            print(options, f'{seconds:.2f} s, at most {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10} MiB')
            self.assertLess(seconds, 20)


if __name__ == '__main__':
    unittest.main()
