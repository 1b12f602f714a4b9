# SPDX-License-Identifier: Apache-2.0
"""A wrong setting is one line on stderr; the program then runs as if cairn were not there."""
import unittest

from cairn_test import CairnTest

BAD_VALUES = {
    'OUT': ['/tmp/heap.%q', '/tmp/heap.%'],
    'RATE': ['abc', '-1', '1X', '1.5', '2 M', '512KB', '0x10', '99999999999999999999', '2000000G', '+'],
    'SEED': ['abc', '-', '1 2'],
    'MEMORY': ['lots', '-64M', '0', '1K'],
    'INTERVAL': ['soon', '5x', '-5s', '0s'],
    'KEEP': ['all', '-1', '2x'],
    'SIGNAL': ['FOO', '0', '-3', '99', 'KILL', 'STOP', 'SEGV'],
    'DUMP_GROWTH': ['big', '-1M', '0'],
    'PEAK': ['maybe', '2'],
    'FATAL': ['maybe', '2'],
    'SYMBOLIZE': ['lines', '1', 'name'],
    'VERBOSE': ['loud', '-1'],
}


class Configuration(CairnTest):
    def test_a_bad_value_is_one_line_that_names_it_and_what_is_accepted(self):
        bare = self.run_bare('deep', '3')
        for variable, values in BAD_VALUES.items():
            for value in values:
                with self.subTest(variable=variable, value=value):
                    run = self.run_program('deep', '3', cairn={variable: value})
                    self.assertEqual(bare.outcome[:2], run.outcome[:2])
                    self.assertEqual([], run.all_files())
                    [line] = run.stderr.decode().splitlines()
                    self.assertRegex(line, r'^cairn: ')
                    self.assertIn('CAIRN_' + variable, line)
                    self.assertIn(value, line)
                    self.assertRegex(line.replace(value, ''), r'accept|expect')

    def test_two_bad_values_are_still_one_line(self):
        run = self.run_program('deep', '3', cairn={'RATE': 'abc', 'KEEP': 'def'})
        self.assertEqual(1, run.stderr.count(b'\n'))
        self.assertEqual([], run.all_files())

    def test_good_values_are_accepted_silently(self):
        for settings in ({'MEMORY': '256M'}, {'MEMORY': '1G'}, {'INTERVAL': '30s'}, {'INTERVAL': '5m'}, {'INTERVAL': '2h'}, {'KEEP': 3},
                         {'DUMP_GROWTH': '100M'}, {'SEED': 12345}, {'PEAK': 0}, {'FATAL': 0}, {'VERBOSE': 0}, {'RATE': '1M'},
                         {'RATE': '1k'}, {'DUMP_GROWTH': '1G'}):
            with self.subTest(settings=settings):
                run = self.run_program('deep', '3', cairn=settings)
                self.assertEqual((0, b''), (run.process.returncode, run.stderr))
                self.assertEqual(1, len(run.files()))


if __name__ == '__main__':
    unittest.main()
