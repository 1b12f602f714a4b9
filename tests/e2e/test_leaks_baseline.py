#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The rules that come with `cairn leaks`: they hide what libraries keep on purpose, and nothing of a program's.

glibc's inner functions are told apart by its debug information (the package libc6-dbg, which valgrind needs too).
"""
import json
import unittest

from cairn_test import CAIRN, CairnTest, testdata

DIRECTORY = testdata('leaks_baseline')
KINDS = 'definite', 'indirect', 'reachable', 'unknown'


class Baseline(CairnTest):
    def judge(self, name, *options):
        """What `cairn leaks --json` says of a program, and its exit status."""
        log = self.new_directory() + '/log'
        run = self.start(CAIRN, 'leaks', '--json', '--log', log, *options, '--', f'{DIRECTORY}/baseline_{name}', DIRECTORY).finish()
        with open(log, encoding='utf8') as file:
            return json.load(file), run.process.returncode

    def test_nothing_is_left_of_what_libraries_keep(self):
        for name in ('conversions', 'environment', 'exceptions', 'exits', 'locales', 'messages', 'output', 'plugins', 'storage',
                     'streams', 'tools', 'users', 'wide', 'workers', 'zones'):
            with self.subTest(name):
                found, status = self.judge(name)
                self.assertEqual({kind: 0 for kind in KINDS}, {kind: found['kinds'][kind]['objects'] for kind in KINDS}, found)
                self.assertEqual((0, 'clean'), (status, found['verdict']))
                self.assertLess(0, sum(rule['bytes'] for rule in found['hidden']))
                shown, _ = self.judge(name, '--show-all')
                self.assertLess(0, sum(shown['kinds'][kind]['bytes'] for kind in KINDS))
                self.assertEqual([], shown['hidden'])

    def test_nothing_is_hidden_of_what_a_program_keeps(self):
        found, _ = self.judge('lost')
        own = [([frame['name'] for frame in stack['frames'] if frame['file'].endswith(('/lost.c', '/keeper.c'))], stack['bytes'])
               for stack in found['stacks']]
        leaves = sorted(frames[0] for frames, _ in own if frames[0] != 'main')
        self.assertEqual(['keep_in_constructor', 'keep_in_constructor', 'lose_at_exit', 'lose_in_comparison', 'lose_in_stream',
                          'lose_in_thread'], leaves)
        # fopen, opendir, newlocale, getline, asprintf, getaddrinfo, iconv_open, tsearch.
        called = {frame['name'].replace('__GI_', '').strip('_') for stack in found['stacks'] for frame in stack['frames']}
        self.assertLessEqual({'fopen_internal', 'alloc_dir', 'newlocale', 'getdelim', 'asprintf', 'iconv_open', 'tsearch'}, called)


if __name__ == '__main__':
    unittest.main()
