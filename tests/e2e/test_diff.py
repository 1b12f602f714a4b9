# SPDX-License-Identifier: Apache-2.0
"""`cairn diff`: growth by stack or function, told from chance."""
import collections
import csv
import gzip
import io
import json
import os
import re
import subprocess
import unittest

from cairn_test import READPROFILE, SOURCE, CairnTest, Profile, cairn, testdata

OTHERS = os.path.join(SOURCE, 'testdata', 'profiles')
INUSE_SPACE = 3
PAIRS = 20


def other(name):
    return os.path.join(OTHERS, name + '.pb.gz')


def diff(*arguments, **options):
    return json.loads(cairn('diff', '--json', *arguments, **options).stdout)


def names_of(row):
    return tuple(frame['name'] for frame in row['frames'])


def values_of(path, value, key):
    """Sums of a value of a profile with names, by each of what key() makes of a stack's functions, leaf first."""
    sums = collections.Counter()
    contents = json.loads(subprocess.run([READPROFILE, path], check=True, stdout=subprocess.PIPE).stdout)
    for sample in contents['samples']:
        functions = [function for index in sample['locations'] for function in contents['locations'][index]['functions']]
        for each in key(functions):
            sums[each] += sample['values'][value]
    return sums


class Exact(CairnTest):
    def test_runs_of_one_program_do_not_differ(self):
        paths = [self.run_program('deep', '3').files()[0] for _ in range(2)]
        starts = {Profile(path, symbolize=False).mappings[0]['start'] for path in paths}
        self.assertEqual(2, len(starts), 'addresses are not random here')
        result = diff(*paths)
        self.assertEqual((False, 0, 0), (result['is_estimate'], result['num_significant'], result['total']['growth']))
        self.assertLess(0, result['num_rows'])
        text = cairn('diff', *paths).stdout.decode()
        self.assertRegex(text, r'(?m)^0 of \d+ stacks? changed; values are exact$')

    def test_a_change_is_found_in_another_run(self):
        old, new = [self.run_program('deep', depth).files()[0] for depth in ('3', '4')]
        result = diff(old, new)
        self.assertEqual({'appeared', 'vanished'}, {row['state'] for row in result['rows'] if row['significant']})
        self.assertEqual([-4321, 4321], sorted(row['growth'] for row in result['rows'] if row['significant']))

    def test_growth_of_a_process(self):
        run = self.start_growth()
        old = os.path.join(self.new_directory(), 'old.pb.gz')
        self.obey(run, '+ 3')
        cairn('dump', '-q', '-o', old, run.pid)
        self.obey(run, '+ 5')
        result = diff(old, run.pid)
        run.finish()
        self.assertTrue(result['is_one_process'])
        self.assertEqual([(5 << 20, 3 << 20, 8 << 20, 'changed', 0)],
                         [(row['growth'], row['old'], row['new'], row['state'], row['chance']) for row in result['rows']
                          if abs(row['growth']) > 4096])  # what printing the answer takes may not be freed yet

    @unittest.skipUnless(os.geteuid() == 0, 'only root mounts file systems')
    def test_the_old_process_may_see_other_files_than_the_new_one(self):
        directory, dump = self.new_directory(), os.path.join(self.new_directory(), 'new.pb.gz')
        script = f'mount -t tmpfs none {directory} && cp {testdata("growth")} {directory}/grown && exec {directory}/grown'
        run = self.start_program('/usr/bin/unshare', '-m', '/bin/sh', '-c', script, stdin=subprocess.PIPE)
        self.obey(run, '+ 3')
        cairn('dump', '-q', '-o', dump, run.pid)
        self.assertFalse(os.listdir(directory))
        for pair in [run.pid, dump], [dump, run.pid]:
            names = {frame['name'] for row in diff(*pair)['rows'] for frame in row['frames']}
            self.assertIn('growth_allocate', names, pair)
            self.assertNotIn('[grown+', ' '.join(names), pair)
            self.assertIn(b'"growth_allocate"', cairn('flame', '-o', '-', *pair).stdout, pair)
        run.finish()

    def test_hidden_functions_leave_what_they_have_to_their_callers(self):
        name = 'compress/flate.(*compressor).deflate'
        options = '--cum', '--type=cpu', '--all', other('go-cpu'), other('go-cpu')
        shown, hidden = [{names_of(row): row['old'] for row in diff(*more, *options)['rows']}
                         for more in ([], ['--hide=' + re.escape(name)])]
        self.assertLess(0, shown.pop((name,)))
        self.assertEqual(shown, hidden)


class Sampled(CairnTest):
    def mixtures(self, seeds):
        return [self.run_program('mixture', cairn={'RATE': 4096, 'SEED': seed}).files()[0] for seed in seeds]

    def test_chance_is_not_taken_for_growth(self):
        # At 99.9 %, in 20 comparisons one false alarm is a matter of one in fifty; seeds are fixed.
        paths = self.mixtures(range(1, PAIRS + 2))
        for old, new in zip(paths, paths[1:]):
            result = diff(old, new)
            self.assertTrue(result['is_estimate'])
            self.assertLessEqual(5, result['num_rows'])
            self.assertEqual(0, result['num_significant'], result['rows'][:1])

    def test_growth_is_found_among_chance(self):
        for seed in range(1, 6):
            old, new = self.mixtures([seed, seed + 100])
            grown = os.path.join(self.new_directory(), 'grown.pb.gz')
            # As if another run had been added: everything doubles.
            cairn('merge', '-q', '-o', grown, new, *self.mixtures([seed + 200]))
            result = diff(old, grown)
            self.assertLessEqual(3, result['num_significant'])
            self.assertLess(result['total']['chance'], 1e-9)
            for row in result['rows'][:result['num_significant']]:
                self.assertLess(2 * row['growth_standard_error'], row['growth'])

    def test_errors_are_of_both_sides(self):
        for row in diff(*self.mixtures([1, 2]))['rows']:
            self.assertAlmostEqual(row['growth_standard_error'] ** 2,
                                   row['old_standard_error'] ** 2 + row['new_standard_error'] ** 2, delta=1)

    def test_less_confidence_finds_no_less(self):
        old, new = self.mixtures([1])[0], self.run_program('mixture', cairn={'RATE': 4096, 'SEED': 2, 'PEAK': 1}).files()[0]
        found = [diff('--confidence', percent, old, new)['num_significant'] for percent in (99.9999, 99, 50, 1)]
        self.assertEqual(sorted(found), found)

    def test_one_process_is_said_to_share_samples(self):
        run = self.start_growth(RATE='512K')
        old = os.path.join(self.new_directory(), 'old.pb.gz')
        self.obey(run, '+ 50')
        cairn('dump', '-q', '-o', old, run.pid)
        self.obey(run, '+ 50')
        text = cairn('diff', old, run.pid).stdout.decode()
        run.finish()
        self.assertRegex(text, r'\Ainuse_space grew by \d+\.\d MiB (±|\+-)')
        self.assertIn('\nboth are of one process and share samples: errors are upper bounds\n', text)
        self.assertRegex(text, r'(?m)^1 of \d+ stacks? changed by more than chance \(confidence 99.9 %\)$')


class OthersProfiles(CairnTest):
    """Profiles that have names."""

    def check(self, name, option, value, key):
        """Against as much again of everything, so that the growth is what is there."""
        old, new = other(name), os.path.join(self.new_directory(), 'twice.pb.gz')
        cairn('merge', '-q', '-o', new, old, old)
        expected, grown = values_of(old, value, key), collections.Counter()
        for row in diff('--all-frames', *option, old, new)['rows']:
            self.assertEqual((row['old'], row['new']), (row['growth'], 2 * row['growth']))
            grown[names_of(row)] += row['growth']
        self.assertEqual({names: growth for names, growth in expected.items() if growth}, grown)
        self.assertLess(5, len(grown))

    def test_stacks_are_those_of_google_pprof(self):
        self.check('go-heap', ['-t', 'inuse_space'], 3, lambda functions: [tuple(functions)])
        self.check('go-heap', ['-t', 'alloc_objects'], 0, lambda functions: [tuple(functions)])
        self.check('go-cpu', [], 1, lambda functions: [tuple(functions)])

    def test_functions_themselves(self):
        self.check('go-cpu', ['--functions'], 1, lambda functions: [tuple(functions[:1])])

    def test_functions_with_what_they_call(self):
        self.check('go-cpu', ['--cum'], 1, lambda functions: {(function,) for function in functions})

    def test_nothing_grew_in_itself(self):
        for name in 'go-heap', 'go-cpu', 'go-block', 'pprof-legacy':
            result = diff(other(name), other(name))
            self.assertEqual((0, 0), (result['num_significant'], result['total']['growth']), name)
            self.assertLess(0, result['num_rows'])

    def test_processor_time(self):
        result = diff('--focus', 'compress', '--ignore=sort', other('go-cpu'), other('go-cpu'))
        self.assertEqual(('nanoseconds', True), (result['unit'], result['is_estimate']))
        self.assertTrue(all(any('compress' in name for name in names_of(row)) for row in result['rows']))
        # A sample is worth 10 ms.
        total = result['total']
        self.assertAlmostEqual(total['old_standard_error'] ** 2, total['old'] * 1e7, delta=1e7)

    def test_values_without_known_errors_are_not_judged(self):
        text = cairn('diff', other('go-block'), other('go-mutex')).stdout.decode()
        self.assertRegex(text, r'(?m)^(\d+) of \1 stacks changed; how sure these values are is not known$')
        self.assertNotRegex(text, r'±|\+-')
        self.assertEqual({None}, {row['chance'] for row in diff(other('go-block'), other('go-mutex'))['rows']})


class Forms(CairnTest):
    def setUp(self):
        super().setUp()
        self.old, self.new = self.make_profiles(2, 300, 400)

    def test_csv_has_what_json_has(self):
        found = diff(self.old, self.new)['rows']
        rows = list(csv.DictReader(io.StringIO(cairn('diff', '--csv', self.old, self.new).stdout.decode())))
        self.assertEqual(len(found), len(rows))
        for row, line in zip(found, rows):
            for field in 'growth', 'old', 'new', 'chance', 'growth_standard_error':
                self.assertAlmostEqual(row[field], float(line[field]), delta=abs(row[field]) * 1e-9)
            self.assertEqual((row['state'], str(row['significant']).lower(), ';'.join(names_of(row))),
                             (line['state'], line['significant'], line['stack']))

    def test_names_with_any_characters(self):
        strange = os.path.join(self.new_directory(), 'strange.pb')
        with gzip.open(other('go-cpu')) as file, open(strange, 'wb') as out:
            out.write(file.read().replace(b'main.compress', b'ma",\n\x1b[1mess\xff'))
        rows = diff('--cum', '--all', strange, strange)['rows']
        names = {row['frames'][0]['name'] for row in rows}
        self.assertIn('ma",\ufffd\ufffd[1mess\ufffd', names)
        lines = cairn('diff', '--cum', '--csv', strange, strange).stdout.decode()
        self.assertEqual(names, {line['function'] for line in csv.DictReader(io.StringIO(lines))})
        self.assertNotIn(b'\x1b', cairn('diff', '--cum', '--all', '-n', '0', strange, strange).stdout)

    def test_significant_ones_come_first_and_then_the_largest(self):
        grown = os.path.join(self.new_directory(), 'grown.pb.gz')
        cairn('merge', '-q', '-o', grown, *[self.new] * 8)
        result = diff(self.old, grown)
        rows = result['rows']
        self.assertTrue(0 < result['num_significant'] < len(rows) == result['num_rows'])
        keys = [(not row['significant'], -abs(row['growth'])) for row in rows]
        self.assertEqual(sorted(keys), keys)

    def test_no_more_rows_than_asked_for(self):
        num_rows = len(diff(self.old, self.new)['rows'])
        self.assertEqual(7, len(diff('-n', '7', self.old, self.new)['rows']))
        self.assertEqual(num_rows, len(diff('-n', '0', self.old, self.new)['rows']))
        text = cairn('diff', '--all', '-n', '3', self.old, self.new).stdout.decode()
        self.assertRegex(text, rf'(?m)^\({num_rows - 3} stacks more; -n 0 shows all\)$')

    def test_noise_is_summed_in_a_line_unless_all_is_asked_for(self):
        text = cairn('diff', self.old, self.new).stdout.decode()
        self.assertRegex(text, r'(?m)^\(\d+ stacks each within noise, together \S+ .* --all shows them\)$')
        self.assertNotIn(' noise  ', text)
        self.assertIn(' noise  ', cairn('diff', '--all', self.old, self.new).stdout.decode())

    def test_total_is_that_of_the_profiles(self):
        totals = [sum(sample['values'][INUSE_SPACE] for sample in Profile(path, symbolize=False).contents['samples'])
                  for path in (self.old, self.new)]
        total = diff(self.old, self.new)['total']
        self.assertEqual([*totals, totals[1] - totals[0]], [total['old'], total['new'], total['growth']])

    def test_what_cannot_be_compared_is_told(self):
        for arguments, reason in (((self.old, '/nonexistent'), r'/nonexistent: No such file'),
                                  ((self.old, other('go-cpu')), r'go-cpu.*different kinds'),
                                  (('--type', 'delay', self.old, self.new), r'delay.*inuse_space'),
                                  (('--focus', '(', self.old, self.new), r'focus')):
            result = cairn('diff', *arguments, check=False)
            self.assertEqual((1, b''), (result.returncode, result.stdout))
            self.assertRegex(result.stderr.decode(), r'(?m)^cairn: .*' + reason)

    def test_wrong_arguments(self):
        for arguments in ((self.old,), (self.old, self.new, self.old), ('-', '-'), ('--confidence=100', self.old, self.new),
                          ('--confidence=x', self.old, self.new), ('-n', '-1', self.old, self.new),
                          ('--json', '--csv', self.old, self.new)):
            self.assertEqual(2, cairn('diff', *arguments, check=False).returncode, arguments)


if __name__ == '__main__':
    unittest.main()
