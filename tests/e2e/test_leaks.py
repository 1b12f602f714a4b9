# SPDX-License-Identifier: Apache-2.0
"""`cairn leaks` tells of programs whose leaks are known what they themselves say: nothing more, nothing less."""
import os
import signal
import unittest

from cairn_test import SOURCE, CairnTest, testdata
from leak_programs import CASES, HELD_BY_CHANCE, NOTHING, Loss, add, command_of, judge_by_cairn, name_of, split, truth_of_leaks

GO_ACTIONS = 'nothing', 'empty', 'good', 'one', 'threads', 'global', 'object'
GO_ENDINGS = {'return': 0, 'exit': 3, 'panic': 2, 'term': -signal.SIGTERM, 'segv': 2}


class Leaks(CairnTest):
    def judge(self, *command, **options):
        """Cairn's verdict, after what holds for all programs was checked: they themselves notice nothing."""
        bare = self.run_bare(*command)
        verdict = judge_by_cairn(self.new_directory(), *command, **options)
        self.assertIsNotNone(verdict.contents, verdict)
        self.assertEqual(bare.stdout, verdict.stdout, verdict)
        return bare, verdict

    def assert_truth(self, bare, verdict):
        truth = truth_of_leaks(bare.stdout)
        self.assertEqual(split(truth, truth), split(verdict.loss, truth), verdict)
        self.assertGreaterEqual(verdict.loss['reachable'].bytes, truth.get('reachable', NOTHING).bytes, verdict)
        self.assertGreaterEqual(verdict.loss['reachable'].objects, truth.get('reachable', NOTHING).objects, verdict)
        self.assertEqual(NOTHING, verdict.loss['unknown'], verdict)
        is_leak = bool(truth.keys() & {'definite', 'indirect', 'lost'})
        self.assertEqual('leak' if is_leak else 'clean', verdict.verdict, verdict)
        self.assertEqual(1 if is_leak else bare.process.returncode, verdict.status, verdict)

    def assert_nothing_more(self, bare, verdict):
        """What the program calls lost is lost or, by chance, reachable; nothing else is."""
        lost = add(*split(truth_of_leaks(bare.stdout), {}))
        self.assertEqual(lost, add(add(*split(verdict.loss, {})), verdict.loss['reachable']), verdict)

    def test_each_program_loses_what_it_says(self):
        for case in CASES:
            with self.subTest(name_of(case)):
                if name_of(case) in HELD_BY_CHANCE:
                    self.assert_nothing_more(*self.judge(*command_of(case)))
                else:
                    self.assert_truth(*self.judge(*command_of(case)))

    def test_where_it_was_lost(self):
        _, verdict = self.judge(testdata('leaks/lists'))
        definite, = [stack for stack in verdict.contents['stacks'] if stack['kind'] == 'definite']
        self.assertEqual(['lists_make', 'lists_lose', 'main'], [frame['name'] for frame in definite['frames']][:3])
        self.assertEqual({'lists.c'}, {os.path.basename(frame['file']) for frame in definite['frames'][:3]})
        with open(os.path.join(SOURCE, 'testdata/leaks/lists.c'), encoding='ascii') as file:
            self.assertIn('calloc(', file.read().splitlines()[definite['frames'][0]['line'] - 1])

    def test_a_program_that_is_statically_linked_is_not_judged(self):
        verdict = judge_by_cairn(self.new_directory(), testdata('hello_static'))
        self.assertEqual(2, verdict.status, verdict)
        self.assertIn(b'static', verdict.stderr)
        if verdict.contents:
            self.assertEqual('unknown', verdict.verdict)

    def test_go_loses_what_its_c_library_loses(self):
        for program in 'leaks_go', 'leaks_go_stripped':
            for action in GO_ACTIONS:
                with self.subTest(program=program, action=action):
                    self.assert_truth(*self.judge(testdata(program), action))

    # Go's programs lie at low addresses, and so does the heap that follows them: there, of so many blocks, a few may have
    # addresses that are numbers in Go's data too.
    def test_go_loses_many_blocks(self):
        for program in 'leaks_go', 'leaks_go_stripped':
            with self.subTest(program=program):
                _, verdict = self.judge(testdata(program), 'many')
                definite = verdict.loss['definite']
                self.assertTrue(980 <= definite.objects <= 1000, verdict)
                self.assertEqual(Loss(1000 * definite.objects, definite.objects), definite, verdict)
                self.assertEqual(NOTHING, verdict.loss['indirect'], verdict)

    def test_go_however_it_ends(self):
        for ending, status in GO_ENDINGS.items():
            for action in 'good', 'one', 'object':
                with self.subTest(ending=ending, action=action):
                    bare, verdict = self.judge(testdata('leaks_go'), action, ending)
                    self.assertEqual(status, bare.process.returncode, bare.outcome)
                    self.assert_truth(bare, verdict)


if __name__ == '__main__':
    unittest.main()
