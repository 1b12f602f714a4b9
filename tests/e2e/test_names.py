# SPDX-License-Identifier: Apache-2.0
"""Where profiles go, which programs have them, and what cairn says about it."""
import re
import socket
import time
import unittest

from cairn_test import CairnTest, Profile, testdata


class Patterns(CairnTest):
    def test_each_letter_of_a_pattern(self):
        directory = self.new_directory()
        before = int(time.time())
        run = self.run_program('deep', '3', directory=directory, cairn={'OUT': directory + '/%e-%p-%n-%h-%t.x'})
        [name] = run.all_files()
        self.assertEqual(f'deep-{run.pid}-0001-{socket.gethostname()}', name.rsplit('-', 1)[0])
        seconds = re.fullmatch(r'(\d+)\.x', name.rsplit('-', 1)[1])
        self.assertTrue(before <= int(seconds[1]) <= time.time())

    def test_a_doubled_percent_is_one(self):
        directory = self.new_directory()
        run = self.run_program('deep', '3', directory=directory, cairn={'OUT': directory + '/a%%b.%n'})
        self.assertEqual(['a%b.0001'], run.all_files())

    def test_the_default_name_is_in_the_working_directory(self):
        directory = self.new_directory()
        run = self.run_program('deep', '3', directory=directory, cwd=directory, cairn={'OUT': None})
        self.assertEqual([f'cairn.deep.{run.pid}.0001.pb.gz'], run.all_files())

    def test_the_default_rate_is_512_kibibytes(self):
        profile = self.run_program('deep', '3', cairn={'RATE': None}).profile(symbolize=False)
        self.assertEqual(512 << 10, profile.contents['period'])

    def test_rates_have_suffixes(self):
        for text, rate in ('1', 1), ('1000', 1000), ('64K', 65536), ('2M', 2 << 20):
            with self.subTest(text=text):
                profile = self.run_program('deep', '3', cairn={'RATE': text}).profile(symbolize=False)
                self.assertEqual(rate, profile.contents['period'])


class Only(CairnTest):
    def run_tree(self, only):
        directory = self.new_directory()
        run = self.run_program('/bin/sh', '-c', '"$0" 3; "$1" return; exit 0', testdata('deep'), testdata('exits'), directory=directory,
                               cairn={'OUT': directory + '/heap.%e.%n.pb.gz', 'ONLY': only})
        return [name.split('.')[1] for name in run.all_files()]

    def test_all_programs_of_a_tree_are_profiled(self):
        programs = self.run_tree(None)
        self.assertIn('deep', programs)
        self.assertIn('exits', programs)

    def test_only_the_named_ones_are(self):
        self.assertEqual(['exits'], self.run_tree('exits'))
        self.assertEqual(['deep', 'exits'], self.run_tree('deep,exits'))
        self.assertEqual([], self.run_tree('dee,exitsx'))


class Voice(CairnTest):
    def test_silent_unless_asked(self):
        for settings in {}, {'VERBOSE': 0}, {'RATE': 0}, {'SIGNAL': 'USR2'}, {'ONLY': 'another'}:
            with self.subTest(settings=settings):
                self.assertEqual(b'', self.run_program('deep', '3', cairn=settings).stderr)

    def test_verbose_tells_what_is_written(self):
        run = self.run_program('deep', '3', cairn={'VERBOSE': 1})
        [path] = run.files()
        self.assertIn(path, run.stderr.decode())
        for line in run.stderr.decode().splitlines():
            self.assertRegex(line, r'^cairn\b')
        self.assertEqual(b'site deep_allocate 1 4321 1 4321\n', run.stdout)
        Profile(path)

    def test_verbose_tells_why_a_dump_failed(self):
        run = self.run_program('deep', '3', cairn={'VERBOSE': 1, 'OUT': '/nonexistent/heap.%n'})
        self.assertEqual(0, run.process.returncode)
        self.assertIn('/nonexistent/heap.0001', run.stderr.decode())
        self.assertRegex(run.stderr.decode(), r'(?i)no such')


if __name__ == '__main__':
    unittest.main()
