# SPDX-License-Identifier: Apache-2.0
"""What is profiled must not notice: the same output and the same end, with and without cairn."""
import os
import re
import resource
import signal
import subprocess
import unittest

from cairn_test import LIBRARY, SOURCE, CairnTest, Profile, Tally, testdata, truth_of, wait_until


class Unharmed(CairnTest):
    def check(self, *command, cairn=None, **options):
        bare = self.run_bare(*command, **options)
        run = self.run_program(*command, cairn=cairn, **options)
        self.assert_same_outcome(bare, run)
        return run

    def test_every_way_to_end_ends_as_without(self):
        for kind in ('return', 'exit', 'quick_exit', '_exit', '_Exit', 'abort', 'segv', 'fpe', 'term', 'kill', 'handler',
                     'ignore', 'exec', 'thread'):
            for settings in {}, {'FATAL': 1}, {'RATE': 0}, {'RATE': '512K'}, {'SIGNAL': 'USR2', 'INTERVAL': '1h'}:
                with self.subTest(kind=kind, settings=settings):
                    self.check('exits', kind, cairn=settings)

    def test_handlers_look_as_installed(self):
        for mode in 'none', 'sigaction', 'siginfo', 'signal', 'reset', 'ignore':
            num_signals = {'none': '0', 'reset': '1'}.get(mode, '5')
            for settings in {}, {'SIGNAL': 'USR2'}, {'FATAL': 1}:
                with self.subTest(mode=mode, settings=settings):
                    self.check('signals', mode, num_signals, cairn=settings)

    def test_a_handler_installed_before_main_runs(self):
        early = testdata('early.so')
        for libraries in [LIBRARY, early], [early, LIBRARY]:
            with self.subTest(libraries=libraries):
                directory = self.new_directory()
                settings = {'CAIRN_SIGNAL': 'USR2', 'CAIRN_RATE': '1', 'CAIRN_OUT': directory + '/heap.%p.%n.pb.gz'}
                bare = self.run_bare('signals', 'early', '4', preload=[early])
                run = self.start('signals', 'early', '4', preload=libraries, environment=settings, directory=directory,
                                 stdin=subprocess.PIPE)
                wait_until(lambda: len(run.files()) >= 4, 'four profiles', run)
                self.assert_same_outcome(bare, run.finish())
                self.assertEqual(5, len(run.files()))

    def test_a_program_that_reuses_all_descriptors_finds_them_its_own(self):
        for settings in {}, {'SIGNAL': 'USR2', 'INTERVAL': '1h'}:
            with self.subTest(settings=settings):
                raised = [str(int(signal.SIGUSR2))] if settings else []
                bare = self.run_bare('descriptors', self.new_directory())
                run = self.run_program('descriptors', self.new_directory(), *raised, cairn=settings)
                if raised:  # a dump that is under way has a number for its file
                    bare.stdout, run.stdout = (re.sub(rb'number: \d+', b'number', text) for text in (bare.stdout, run.stdout))
                self.assert_same_outcome(bare, run)
                self.assert_truth(truth_of(run.stdout), Profile(run.files()[-1]))

    def test_programs_out_of_reach_run(self):
        for program in 'hello_static', 'hello_musl', 'hello_musl_static', 'bare_static':
            with self.subTest(program=program):
                if 'musl' in program and not os.path.exists(testdata(program)):
                    self.skipTest('built without musl-gcc')
                run = self.check(program)
                self.assertEqual((5, b'hello\n', b''), run.outcome)
                for path in run.files():  # musl's programs may be profiled or not
                    Profile(path, symbolize=False)

    def test_small_limits_of_address_space_are_survived(self):
        for mebibytes in 24, 32, 48, 64, 96, 128, 256, 512, 1100, 2200:
            with self.subTest(mebibytes=mebibytes):
                limit = mebibytes << 20
                self.check('hello', preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))

    def test_no_descriptors_left(self):
        for settings in {}, {'SIGNAL': 'USR2', 'INTERVAL': '1h'}:
            with self.subTest(settings=settings):
                self.check('exits', 'limited', cairn=settings)

    def test_few_descriptors(self):
        for number in 4, 5, 6:
            with self.subTest(number=number):
                self.check('deep', '3', preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number)))

    def test_a_program_without_standard_descriptors_does_not_write_into_ours(self):
        command = '/bin/sh', '-c', 'exec "$0" 3 <&- >&- 2>&-', testdata('deep')
        run = self.check(*command)
        self.assertEqual(Tally(1, 4321, 1, 4321), run.profile().flat()['deep_allocate'])

    def test_preloaded_twice_is_preloaded_once(self):
        run = self.run_program('deep', '3', preload=[LIBRARY])
        self.assertEqual(0, run.process.returncode)
        self.assert_truth(truth_of(run.stdout), run.profile())


class Setuid(CairnTest):
    def test_a_setuid_program_ignores_all_of_it(self):
        if os.geteuid() != 0:
            self.skipTest('only root can make a program that changes its user')
        directory = self.new_directory()
        os.chmod(self._temporary.name, 0o755)
        os.chmod(directory, 0o777)
        program = os.path.join(directory, 'linked')
        # Linked, not preloaded: the loader keeps preloads away from such programs by itself.
        subprocess.run(['gcc', '-g', os.path.join(SOURCE, 'testdata/hello.c'), '-o', program, '-Wl,--no-as-needed', LIBRARY,
                        '-Wl,-rpath,' + os.path.dirname(LIBRARY)], check=True)
        settings = {'CAIRN_OUT': directory + '/heap.%p.%n.pb.gz', 'CAIRN_RATE': '1', 'CAIRN_VERBOSE': '1'}
        as_nobody = {'user': 65534, 'group': 65534}
        plain = self.run_bare(program, environment=settings, directory=directory, **as_nobody)
        self.assertEqual(1, len(plain.files()), 'a linked program is profiled')
        os.chmod(program, 0o4755)
        secure = self.run_bare(program, environment=settings, directory=directory, **as_nobody)
        self.assertEqual((5, b'hello\n', b''), secure.outcome)
        self.assertEqual([], secure.files())


if __name__ == '__main__':
    unittest.main()
