# SPDX-License-Identifier: Apache-2.0
"""Exact mode, to the byte: programs that know what they allocate, over each allocator."""
import unittest

from cairn_test import ALLOCATORS, CairnTest, Profile, Tally, ZERO, testdata, truth_of


class Exact(CairnTest):
    def run_over(self, allocator, *command):
        """Runs a program with and without cairn over an allocator; the outcome must not differ."""
        libraries = ALLOCATORS[allocator]
        bare = self.run_bare(*command, preload=libraries)
        run = self.run_program(*command, preload=libraries)
        self.assert_same_outcome(bare, run)
        return run

    def check_everywhere(self, *command):
        for allocator in ALLOCATORS:
            with self.subTest(allocator=allocator):
                run = self.run_over(allocator, *command)
                self.assert_truth(truth_of(run.stdout), run.profile())

    def test_every_c_function_is_counted_and_behaves_as_without(self):
        for allocator in ALLOCATORS:
            with self.subTest(allocator=allocator):
                arguments = ['without-pvalloc'] if allocator == 'jemalloc' else []
                run = self.run_over(allocator, 'exact_functions', *arguments)
                self.assertEqual(0, run.process.returncode)
                for complaint in (b'BAD', b'LOST', b'CHANGED', b'SHARED', b'not zero'):
                    self.assertNotIn(complaint, run.stdout)
                self.assert_truth(truth_of(run.stdout), run.profile())

    def test_every_operator_of_cpp_is_counted_and_behaves_as_without(self):
        for allocator in ALLOCATORS:
            with self.subTest(allocator=allocator):
                arguments = ['without-failure'] if allocator == 'mimalloc' else []
                run = self.run_over(allocator, 'exact_operators', *arguments)
                self.assertEqual(0, run.process.returncode)
                self.assertNotIn(b'BAD', run.stdout)
                self.assert_truth(truth_of(run.stdout), run.profile())

    def test_threads_on_small_stacks_are_counted_to_their_last_destructor(self):
        self.check_everywhere('threads')

    def test_coroutines_are_counted(self):
        self.check_everywhere('coroutine')

    def test_a_handler_on_an_alternate_stack_is_counted(self):
        self.check_everywhere('altstack')

    def test_threads_that_end_within_cairn_leave_it_to_the_others(self):
        run = self.run_program('ended')
        self.assertEqual(0, run.process.returncode)
        self.assert_truth(truth_of(run.stdout), run.profile())

    def test_the_program_is_counted_whatever_its_layout(self):
        for program in 'deep', 'deep_fixed', 'deep_holes', 'deep_holes_fixed':
            with self.subTest(program=program):
                run = self.run_over('glibc', program, '3')
                self.assert_truth(truth_of(run.stdout), run.profile())


class Depth(CairnTest):
    def stack_of(self, depth):
        run = self.run_program('deep', str(depth))
        profile = run.profile()
        self.assert_truth(truth_of(run.stdout), profile)
        [sample] = [sample for sample in profile.samples if 'deep_allocate' in sample.functions]
        return sample.functions

    def test_a_stack_of_300_is_whole(self):
        functions = self.stack_of(300)
        self.assertEqual(['deep_allocate'] + ['descend'] * 300 + ['main'], functions[:302])
        self.assertNotIn('[truncated]', functions)
        self.assertEqual('_start', functions[-1])

    def test_a_stack_of_600_keeps_the_512_at_the_leaf(self):
        functions = self.stack_of(600)
        self.assertEqual(['deep_allocate'] + ['descend'] * 511 + ['[truncated]'], functions)

    def test_a_truncated_stack_is_counted_in_the_comments(self):
        profile = self.run_program('deep', '600').profile(symbolize=False)
        self.assertTrue(profile.comment(r'\b1\b.*\b(cut|truncated)\b'), profile.comments)


class Fork(CairnTest):
    def run_both(self, mode):
        bare = self.run_bare('fork', mode)
        run = self.run_program('fork', mode)
        self.assert_same_outcome(bare, run)
        self.assert_truth(truth_of(run.stdout, 'parent'), run.profile())
        return run

    def check_child(self, mode):
        for allocator, libraries in ALLOCATORS.items():
            with self.subTest(allocator=allocator):
                run = self.run_program('fork', mode, preload=libraries)
                self.assertEqual(0, run.process.returncode)
                self.assert_truth(truth_of(run.stdout, 'parent'), run.profile())
                [child] = run.child_files()
                self.assert_truth(truth_of(run.stdout, 'child'), Profile(child))

    def test_a_child_has_tallies_of_its_own_that_begin_as_a_copy(self):
        self.run_both('fork')
        self.check_child('fork')

    def test_a_child_of_the_bare_system_call_does_not_write_its_parents_ledger(self):
        self.run_both('clone')
        self.check_child('clone')

    def test_a_child_that_allocates_nothing_writes_nothing(self):
        self.assertEqual([], self.run_both('idle').child_files())

    def test_a_grandchild_begins_as_a_copy_of_the_child(self):
        run = self.run_both('grandchild')
        profiles = [Profile(path) for path in run.child_files()]
        self.assertEqual(2, len(profiles))
        [grandchild] = [profile for profile in profiles if profile.flat()['grandchild_allocate'] != ZERO]
        profiles.remove(grandchild)
        self.assert_truth(truth_of(run.stdout, 'grandchild'), grandchild)
        self.assert_truth(truth_of(run.stdout, 'child'), profiles[0])

    def test_children_forked_beside_allocating_threads_work_and_are_counted(self):
        run = self.run_both('threads')
        children = run.child_files()
        self.assertEqual(50, len(children))
        for path in children[:3]:
            self.assertEqual(Tally(10, 3330, 10, 3330), Profile(path).flat()['child_allocate'])

    def test_a_vfork_child_shares_the_ledger_and_writes_nothing(self):
        run = self.run_both('vfork')
        self.assertLessEqual(len(run.child_files()), 1, 'only /bin/true may have written a profile')

    def test_programs_that_are_spawned_are_profiled(self):
        for mode in 'spawn', 'system':
            with self.subTest(mode=mode):
                run = self.run_both(mode)
                [child] = run.child_files()
                self.assertEqual(ZERO, Profile(child).flat()['parent_before'])


class Plugins(CairnTest):
    def check_plugins(self, *names):
        paths = [testdata(name + '.so') for name in names]
        bare = self.run_bare('closed', *paths)
        run = self.run_program('closed', *paths)
        self.assert_same_outcome(bare, run)
        flat = run.profile().flat()
        for name in names:
            self.assertEqual(Tally(10, 10000, 5, 5000), flat[name + '_allocate'], name)

    def test_a_plugin_closed_before_the_dump_keeps_its_names(self):
        self.check_plugins('plugin_a')

    def test_a_plugin_at_the_address_of_a_closed_one_is_told_apart(self):
        self.check_plugins('plugin_a', 'plugin_b')

    def test_a_cpp_plugin_of_a_c_program_throws_as_without(self):
        for allocator, libraries in ALLOCATORS.items():
            with self.subTest(allocator=allocator):
                plugin = testdata('plugin_throw.so')
                bare = self.run_bare('throwing', plugin, preload=libraries)
                run = self.run_program('throwing', plugin, preload=libraries)
                self.assert_same_outcome(bare, run)
                self.assert_truth(truth_of(run.stdout), run.profile())


if __name__ == '__main__':
    unittest.main()
