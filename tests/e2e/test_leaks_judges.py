# SPDX-License-Identifier: Apache-2.0
"""`cairn leaks`, valgrind and LeakSanitizer judge the same programs alike, but for differences that have a reason.

A difference without one in EXPLAINED is an error, and so is one that is there and does not show.  Judges count cycles
differently (valgrind calls one block of each definite, LeakSanitizer all of them indirect), so of those only the sum counts.
What valgrind calls possibly lost has a pointer into it, and so is reachable here.  A number that looks like a pointer
into a large block is there by chance in one run of many, as memory is at other places in each: judges that differ are asked again.
"""
import concurrent.futures
import os
import unittest

from cairn_test import CairnTest
from leak_programs import (CASES, HELD_BY_CHANCE, add, command_of, judge_by_cairn, judge_by_lsan, judge_by_valgrind, name_of,
                           split, truth_of_leaks)

INHERITED = 'counts in the child what it inherited from its parent'
NO_MAPPINGS = 'does not look at memory from mmap()'
AT_EXIT_ONLY = 'looks only when exit handlers run'
NO_VECTORS = 'does not look at vector registers'
WRITABLE_ONLY = 'looks only at memory that can be written'

EXPLAINED = {
    ('coroutines mapped', 'lsan'): NO_MAPPINGS,
    ('descendants fork', 'valgrind'): INHERITED,
    ('descendants fork', 'lsan'): INHERITED,
    ('descendants reloads', 'valgrind'): INHERITED,
    ('descendants reloads', 'lsan'): INHERITED,
    ('descendants forgets', 'valgrind'): INHERITED,
    ('descendants forgets', 'lsan'): INHERITED,
    ('endings _exit', 'lsan'): AT_EXIT_ONLY,
    ('endings exit_group', 'lsan'): AT_EXIT_ONLY,
    ('endings quick_exit', 'lsan'): AT_EXIT_ONLY,
    ('endings abort', 'lsan'): AT_EXIT_ONLY,
    ('endings kill', 'lsan'): AT_EXIT_ONLY,
    ('endings segv', 'lsan'): AT_EXIT_ONLY,
    ('endings term', 'lsan'): AT_EXIT_ONLY,
    ('mappings private', 'lsan'): NO_MAPPINGS,
    ('mappings shared', 'lsan'): NO_MAPPINGS,
    ('mappings file', 'lsan'): NO_MAPPINGS,
    ('mappings readonly', 'lsan'): NO_MAPPINGS,
    ('mappings readonly', 'valgrind'): WRITABLE_ONLY,
    ('registers vector', 'valgrind'): NO_VECTORS,
    ('registers high', 'valgrind'): NO_VECTORS,
    ('signal_stacks held', 'lsan'): NO_MAPPINGS,
    ('sizes zero', 'lsan'): 'counts a block of no bytes as one byte',
}


def judge(directories, case):
    """(case, truth, {judge: loss}, what else they said)."""
    by_valgrind, _, text = judge_by_valgrind(directories[0], *command_of(case))
    by_lsan, _, other_text = judge_by_lsan(*command_of(case, '_lsan'))
    by_cairn = judge_by_cairn(directories[1], *command_of(case))
    truth = truth_of_leaks(by_cairn.stdout)
    losses = {'valgrind': by_valgrind, 'lsan': by_lsan, 'cairn': by_cairn.loss if by_cairn.contents else None}
    return case, truth, losses, f'{by_cairn}\n{text[-3000:]}\n{other_text[-3000:]}'


def differs(case, truth, losses, _):
    """True if a judge says something else than cairn, and there is no reason for it."""
    names = [name for name in ('valgrind', 'lsan') if (name_of(case), name) not in EXPLAINED]
    return name_of(case) not in HELD_BY_CHANCE and (losses['cairn'] is None or any(
        split(losses[name], truth) != split(losses['cairn'], truth) for name in names))


def judge_again(directories, case):
    """The same, up to three times if they differ."""
    verdict = judge(directories, case)
    for _ in range(2):
        if not differs(*verdict):
            break
        verdict = judge(directories, case)
    return verdict


class Judges(CairnTest):
    def setUp(self):
        super().setUp()
        if not os.path.exists(command_of(CASES[0], '_lsan')[0]):
            self.skipTest('no clang with LeakSanitizer here')

    def assert_alike(self, case, truth, losses, said):
        self.assertIsNotNone(losses['cairn'], said)
        ours = split(losses['cairn'], truth)
        for name in 'valgrind', 'lsan':
            theirs = split(losses[name], truth)
            reason = EXPLAINED.get((name_of(case), name))
            with self.subTest(name_of(case), judge=name):
                if name_of(case) in HELD_BY_CHANCE:
                    self.assertLessEqual(add(*ours).bytes, sum(loss.bytes for loss in truth.values()), said)
                elif reason:
                    self.assertNotEqual(theirs, ours, f'there is no difference any more of which "{reason}" was the reason')
                else:
                    self.assertEqual(theirs, ours, said)

    def test_all_judges_agree_or_it_is_known_why_not(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(judge_again, (self.new_directory(), self.new_directory()), case) for case in CASES]
            for future in waiting:
                self.assert_alike(*future.result())

    def test_every_reason_is_about_a_program_that_is_here(self):
        self.assertEqual(set(), {name for name, _ in EXPLAINED} - {name_of(case) for case in CASES})


if __name__ == '__main__':
    unittest.main()
