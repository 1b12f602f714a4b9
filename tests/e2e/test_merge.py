# SPDX-License-Identifier: Apache-2.0
"""`cairn merge`, and with it the reader and the writer: what google/pprof reads of a sum is what it makes of it itself."""
import collections
import glob
import gzip
import os
import shutil
import subprocess
import unittest

from cairn_test import CAIRN, GO_PPROF, SOURCE, CairnTest, Profile, cairn, clean_environment, pprof

OTHERS = sorted(glob.glob(os.path.join(SOURCE, 'testdata', 'profiles', '*.pb.gz')))
HEAPS = [path for path in OTHERS if 'heap' in path or 'pprof-' in path]


def samples_of(profile):
    """Values by stack, wherever the code lay."""
    starts = {mapping['id']: (mapping['file'], mapping['start']) for mapping in profile.contents['mappings']}
    counter = collections.Counter()
    for sample in profile.contents['samples']:
        locations = [profile.locations[index] for index in sample['locations']]
        places = tuple((starts[location['mapping']][0], location['address'] - starts[location['mapping']][1])
                       for location in locations)
        counter[places, tuple(sample['values'])] += 1
    return counter


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


class MergeTest(CairnTest):
    def merge(self, *arguments, **options):
        """Merges to a new file: its path, and what was said."""
        path = os.path.join(self.new_directory(), 'sum.pb.gz')
        return path, cairn('merge', '-o', path, *arguments, **options)

    def write(self, contents, name='broken.pb.gz'):
        path = os.path.join(self.new_directory(), name)
        with open(path, 'wb') as file:
            file.write(contents)
        return path

    def break_late(self, path):
        """A profile whose last sample names a location that is not there."""
        with gzip.open(path) as file:
            contents = file.read()
        sample = b'\x0a' + bytes([len(varint(99999999))]) + varint(99999999) + b'\x12\x04\1\1\1\1'
        return self.write(gzip.compress(contents + b'\x12' + bytes([len(sample)]) + sample))


class OfOne(MergeTest):
    def test_profiles_of_other_tools_stay_what_they_are(self):
        self.assertEqual(9, len(OTHERS))
        for path in OTHERS:
            with self.subTest(os.path.basename(path)):
                merged, result = self.merge(path)
                self.assert_is_sum(merged, [path])
                self.assertRegex(result.stderr.decode(), r'\Acairn: wrote \S+: 1 profile, \d+ call stacks\n\Z')

    def test_a_second_time_changes_nothing(self):
        for path in OTHERS:
            with self.subTest(os.path.basename(path)):
                once, _ = self.merge(path)
                twice, _ = self.merge(once)
                with open(once, 'rb') as one, open(twice, 'rb') as other:
                    self.assertEqual(one.read(), other.read())

    def test_what_cairn_wrote_stays_what_it_is(self):
        path, = self.run_program('exact_operators').files()
        self.assert_is_sum(self.merge(path)[0], [path])


class OfMany(MergeTest):
    def test_values_are_those_of_google_pprof(self):
        paths = self.make_profiles(12, 200, 300)
        self.assert_is_sum(self.merge(*paths)[0], paths)

    def test_values_are_those_of_go_tool_pprof(self):
        paths = self.make_profiles(5, 100, 150)
        theirs = os.path.join(self.new_directory(), 'sum.pb.gz')
        pprof('-symbolize=none', '-proto', '-output=' + theirs, *paths, tool=GO_PPROF)
        ours = Profile(self.merge(*paths)[0], symbolize=False)
        self.assertEqual(samples_of(Profile(theirs, symbolize=False)), samples_of(ours))

    def test_profiles_of_several_tools_and_programs(self):
        paths = [path for path in HEAPS if 'go-tool' not in path]
        self.assertEqual(4, len(paths))
        self.assert_is_sum(self.merge(*paths)[0], paths)

    def test_runs_of_one_program_share_stacks(self):
        paths = [self.run_program('deep', '3').files()[0] for _ in range(3)]
        profiles = [Profile(path, symbolize=False) for path in paths]
        merged = Profile(self.merge(*paths)[0], symbolize=False)
        self.assertLess(1, len({profile.mappings[0]['start'] for profile in profiles}), 'addresses are not random here')
        self.assertEqual(len(profiles[0].samples), len(merged.samples))
        self.assertEqual([3 * value for value in profiles[0].total()], list(merged.total()))

    def test_a_ledger_and_a_profile(self):
        ledger = self.ledger_of('deep', '3')
        dumped = os.path.join(self.new_directory(), 'heap.pb.gz')
        cairn('dump', '-q', '-o', dumped, ledger)
        merged, _ = self.merge(ledger, dumped)
        self.assertEqual([2 * value for value in Profile(dumped, False).total()], list(Profile(merged, False).total()))

    def test_memory_grows_with_stacks_and_not_with_profiles(self):
        paths = self.make_profiles(4, 2000, 2000)
        peaks = []
        for count in 4, 60:
            names = paths * (count // len(paths))
            process = subprocess.Popen([CAIRN, 'merge', '-q', '-o', '-', *names], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(0, process.returncode)
            peaks.append(usage.ru_maxrss)
        self.assertLess(peaks[1], 1.2 * peaks[0])


class Broken(MergeTest):
    def assert_left_out(self, bad, reason):
        """Nothing of it is in the sum, and it is named."""
        good = self.make_profiles(3, 50, 60)
        merged, result = self.merge(good[0], bad, *good[1:], check=False)
        self.assertEqual(1, result.returncode)
        lines = result.stderr.decode().splitlines()
        self.assertEqual(2, len(lines), lines)
        self.assertTrue(lines[0].startswith(f'cairn: {bad}: '), lines)
        self.assertRegex(lines[0], reason)
        self.assertRegex(lines[1], r'\Acairn: wrote \S+: 3 of 4 profiles, \d+ call stacks\Z')
        self.assert_is_sum(merged, good)
        # Also if it comes first, or last.
        first, _ = self.merge(bad, *good, check=False)
        last, _ = self.merge(*good, bad, check=False)
        for path in first, last:
            self.assert_is_sum(path, good)

    def test_a_file_that_is_cut(self):
        path, = self.make_profiles(1, 50, 60)
        with open(path, 'rb') as file:
            self.assert_left_out(self.write(file.read()[:-100]), r'.')

    def test_a_file_that_is_broken_at_its_end(self):
        path, = self.make_profiles(1, 50, 60)
        self.assert_left_out(self.break_late(path), r'location')

    def test_a_file_of_something_else(self):
        self.assert_left_out(self.write(b'no profile\n' * 100), r'.')

    def test_a_file_that_is_not_there(self):
        self.assert_left_out('/nonexistent/heap.pb.gz', r'No such file')

    def test_a_directory(self):
        self.assert_left_out(self.new_directory(), r'(?i)directory|regular file')

    def test_a_profile_of_another_kind_if_it_is_not_the_first(self):
        good = self.make_profiles(2, 50, 60)
        bad = os.path.join(SOURCE, 'testdata', 'profiles', 'go-cpu.pb.gz')
        merged, result = self.merge(*good, bad, check=False)
        self.assertEqual(1, result.returncode)
        self.assertRegex(result.stderr.decode(), rf'(?m)^cairn: {bad}: .*cpu/nanoseconds.*space/bytes')
        self.assert_is_sum(merged, good)

    def test_a_profile_without_a_type_in_common_leaves_no_trace(self):
        # Go's block profile, said to be sampled as a heap is.
        with gzip.open(os.path.join(SOURCE, 'testdata', 'profiles', 'go-mutex.pb.gz')) as file:
            contents = file.read().replace(b'\x32\x0bcontentions', b'\x32\5space').replace(b'\x32\5count', b'\x32\5bytes')
        good = self.make_profiles(2, 50, 60)
        bad = self.write(contents)
        merged, result = self.merge(good[0], bad, good[1], check=False)
        self.assertEqual(1, result.returncode)
        self.assertRegex(result.stderr.decode(), rf'(?m)^cairn: {bad}: .*no type')
        self.assert_is_sum(merged, good)

    def test_nothing_is_written_where_nothing_could_be_read(self):
        merged, result = self.merge('/nonexistent/1.pb.gz', '/nonexistent/2.pb.gz', check=False)
        self.assertEqual(1, result.returncode)
        self.assertRegex(result.stderr.decode(), r'none of 2 profiles could be read')
        self.assertFalse(os.path.exists(merged))

    def test_quiet_still_tells_what_is_missing(self):
        good = self.make_profiles(1, 50, 60)
        self.assertEqual(b'', self.merge('-q', *good)[1].stderr)
        self.assertRegex(self.merge('-q', *good, '/nonexistent', check=False)[1].stderr.decode(), r'(?m)^cairn: wrote .*1 of 2')


class Lists(MergeTest):
    def setUp(self):
        super().setUp()
        self.paths = self.make_profiles(3, 50, 60)

    def test_names_from_a_file(self):
        names = self.write('\n'.join(self.paths).encode() + b'\n\n', 'list')
        self.assert_is_sum(self.merge('--files-from', names)[0], self.paths)
        self.assert_is_sum(self.merge(self.paths[2], f'--files-from={names}')[0], [self.paths[2], *self.paths])

    def test_names_from_standard_input_with_any_characters(self):
        strange = os.path.join(self.new_directory(), 'a\nb c.pb.gz')
        shutil.copy(self.paths[0], strange)
        merged = os.path.join(self.new_directory(), 'sum.pb.gz')
        result = subprocess.run([CAIRN, 'merge', '-0', '--files-from=-', '-o', merged], env=clean_environment(), timeout=60,
                                input=b'\0'.join(os.fsencode(path) for path in [strange, *self.paths[1:]]),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assert_is_sum(merged, self.paths)

    def test_a_list_that_is_not_there_or_empty(self):
        for name, reason in ('/nonexistent', r'No such file'), (self.write(b'\n\n', 'list'), r'names no profiles'):
            _, result = self.merge('--files-from', name, check=False)
            self.assertEqual(1, result.returncode)
            self.assertRegex(result.stderr.decode(), reason)

    def test_profiles_through_pipes(self):
        with open(self.paths[0], 'rb') as file:
            result = subprocess.run([CAIRN, 'merge', '-', *self.paths[1:], '-o', '-'], stdin=file, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, env=clean_environment(), timeout=60)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assert_is_sum(self.write(result.stdout), self.paths)


if __name__ == '__main__':
    unittest.main()
