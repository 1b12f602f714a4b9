# SPDX-License-Identifier: Apache-2.0
"""What `cairn run` finds and starts, and what it says of a program into which nothing can be preloaded."""
import os
import re
import shutil
import stat
import struct
import subprocess
import unittest

from cairn_test import CAIRN, LIBRARY, CairnTest, Profile, Tally, testdata, truth_of

SHELL = '/bin/sh'
OWN_FAILURE = 125


class LaunchTest(CairnTest):
    def make_program(self, contents, name='program', directory=None):
        path = os.path.join(directory or self.new_directory(), name)
        with open(path, 'wb') as file:
            file.write(contents.encode() if isinstance(contents, str) else contents)
        os.chmod(path, 0o755)
        return path

    def copy_for_all(self):
        """A directory of cairn and its library that any user may read."""
        os.chmod(self._temporary.name, 0o755)
        directory = self.new_directory()
        os.chmod(directory, 0o755)
        for path in CAIRN, LIBRARY:
            shutil.copy(path, directory)
        return directory

    def assert_refused(self, message, *command, status=OWN_FAILURE, start=None, **options):
        """One line says why, and nothing was started."""
        run = (start or self.run_cairn)(*command, **options)
        self.assertEqual((status, b''), (run.process.returncode, run.stdout), run.stderr)
        line, = run.stderr.decode().splitlines()
        self.assertRegex(line, message)
        self.assertEqual([], run.files())
        return run


class FindTest(LaunchTest):
    def test_the_path_is_searched(self):
        first, second = self.new_directory(), self.new_directory()
        self.make_program('#!/bin/sh\necho first', 'called', first)
        self.make_program('#!/bin/sh\necho second', 'called', second)
        os.chmod(os.path.join(first, 'called'), 0o644)
        for path, stdout in (f'/no/such:{first}:{second}:/bin', b'second\n'), (f'{second}:/bin', b'second\n'):
            run = self.start(CAIRN, 'run', '-q', '--rate', '0', 'called', environment={'PATH': path}).finish()
            self.assertEqual((0, stdout, b''), run.outcome)
        run = self.start(CAIRN, 'run', '-q', '--rate', '0', 'called', environment={'PATH': ''}, cwd=second).finish()
        self.assertEqual((0, b'second\n', b''), run.outcome)
        self.assert_statuses({'PATH': f'{first}:/bin'}, called=126)

    def assert_statuses(self, environment, **expected):
        for name, status in expected.items():
            run = self.start(CAIRN, 'run', name, environment=environment).finish()
            self.assertEqual((status, b''), (run.process.returncode, run.stdout))
            self.assertRegex(run.stderr.decode(), rf'\Acairn: .*{re.escape(name)}: .*\n\Z')

    def test_what_cannot_be_executed_has_the_status_of_a_shell(self):
        directory = self.new_directory()
        plain = os.path.join(directory, 'plain')
        with open(plain, 'w') as file:
            file.write('echo text')
        missing = self.make_program('#!/no/such/interpreter\n', 'missing', directory)
        for program, status in (plain, 126), (directory, 126), ('/no/such/program', 127), (plain + '/below', 127), (missing, 127):
            with self.subTest(program=program):
                bare = self.run_bare(SHELL, '-c', f'{program} 2>/dev/null')
                self.assertEqual(bare.process.returncode, status)
                self.assert_statuses({}, **{program: status})
        self.assert_statuses({'PATH': '/usr/bin:/bin'}, no_such_name_anywhere=127)

    def test_a_script_without_an_interpreter_is_the_shells(self):
        script = self.make_program('echo "$0 $1"; exit 3')
        run = self.run_cairn(script, 'word', options=['-q', '--exact'])
        self.assertEqual((3, f'{script} word\n'.encode(), b''), run.outcome)

    def test_misuse_has_a_status_of_its_own(self):
        for arguments, message in [
                ([], 'which program'), (['--'], 'which program'), (['--no-such-option', 'true'], 'no-such-option'),
                (['--rate', 'x', 'true'], r'--rate: .*x'), (['--library', '/no/such.so', 'true'], r'/no/such\.so'),
                (['--ledger', '/no/such', 'true'], r'/no/such'), (['--ledger', '/proc', 'true'], r'/proc'),
                (['--out', '%q', 'true'], r'--out'), (['--signal', 'NONE', 'true'], r'--signal')]:
            with self.subTest(arguments=arguments):
                run = self.start(CAIRN, 'run', *arguments).finish()
                self.assertEqual((OWN_FAILURE, b''), (run.process.returncode, run.stdout), run.stderr)
                self.assertRegex(run.stderr.decode(), message)
        self.assertEqual(0, self.start(CAIRN, 'run', '--help').finish().process.returncode)

    def test_a_variable_that_cannot_be_understood_is_named(self):
        run = self.start(CAIRN, 'run', '/bin/true', environment={'CAIRN_RATE': 'much'}).finish()
        self.assertEqual((OWN_FAILURE, b''), (run.process.returncode, run.stdout))
        self.assertRegex(run.stderr.decode(), r'\Acairn: CAIRN_RATE=much.*\n\Z')

    def test_options_come_before_variables(self):
        run = self.run_cairn(SHELL, '-c', 'echo $CAIRN_RATE $CAIRN_KEEP $CAIRN_PID.', options=['--exact', '-q'],
                             environment={'CAIRN_RATE': '2M', 'CAIRN_KEEP': '7', 'CAIRN_PID': '1'})
        self.assertEqual(b'1 7 .\n', run.stdout)

    def test_what_was_preloaded_before_still_is(self):
        counts = os.path.join(self.new_directory(), 'counts')
        for separator in ':', ' ':
            environment = {'LD_PRELOAD': separator.join([testdata('count.so'), testdata('early.so')]), 'COUNT_OUT': counts}
            run = self.run_cairn(SHELL, '-c', f'echo $LD_PRELOAD; exec {testdata("exits")} return', options=['--exact', '-q'],
                                 environment=environment)
            self.assertEqual(f'{LIBRARY}:{environment["LD_PRELOAD"]}', run.stdout.decode().splitlines()[0])
            self.assertEqual(3, run.process.returncode)
            self.assert_truth(truth_of(run.stdout), run.profile())
            self.assertTrue([name for name in os.listdir(os.path.dirname(counts))], 'the other library counted')

    def test_a_library_below_any_name_is_preloaded(self):
        for name in 'with a space', 'with:a colon', 'plain':
            with self.subTest(name=name):
                directory = os.path.join(self.new_directory(), name)
                os.mkdir(directory)
                library = shutil.copy(LIBRARY, directory)
                beside = shutil.copy(CAIRN, directory)
                run = self.run_cairn('exits', 'return', options=['--exact', '-q', '--library', library])
                self.assert_truth(truth_of(run.stdout), run.profile())
                out = os.path.join(directory, 'heap.pb.gz')
                run = self.run_bare(beside, 'run', '-xq', '-o', out, '--', testdata('surroundings'), directory + '/surroundings')
                self.assertEqual((0, b'', b''), run.outcome)
                self.assertTrue(os.path.exists(out))
                with open(directory + '/surroundings') as file:
                    ledger = re.search('^variable CAIRN_LEDGER=(.*)$', file.read(), re.MULTILINE)[1]
                self.assertFalse(os.path.exists(ledger), 'the link to the library is gone')


class ObstacleTest(LaunchTest):
    def assert_forced(self, program):
        bare = self.run_bare(program)
        run = self.run_cairn(program, options=['--exact', '--force', '-q'])
        self.assertEqual(bare.outcome, run.outcome)

    def test_static_programs(self):
        for name in 'hello_static', 'bare_static':
            self.assert_refused(f'^cairn: .*/{name} is statically linked: .*--force', name)
            self.assert_forced(name)

    def test_a_static_program_is_not_reported_as_profiled(self):
        run = self.run_cairn('hello_static', options=['--exact', '--force'])
        self.assertEqual((5, b'hello\n'), run.outcome[:2])
        self.assertRegex(run.stderr.decode(), r'\Acairn: nothing was profiled: .*\n\Z')

    def test_go_programs_without_c(self):
        self.assert_refused('^cairn: .*/pure is a statically linked Go program: .*--force', 'pure')
        self.assert_forced('pure')

    def test_programs_of_musl(self):
        if not os.path.exists(testdata('hello_musl')):
            self.skipTest('built without musl-gcc')
        self.assert_refused('^cairn: .*/hello_musl is of musl', 'hello_musl')
        self.assert_refused('^cairn: .*/hello_musl_static is statically linked', 'hello_musl_static')
        self.assert_forced('hello_musl')

    def test_other_architectures(self):
        def header(is_64, machine):
            identity = bytes([0x7f]) + b'ELF' + bytes([2 if is_64 else 1, 1, 1]) + bytes(9)
            layout = '<HHIQQQIHHHHHH' if is_64 else '<HHIIIIIHHHHHH'
            size = 64 if is_64 else 52
            fields = 2, machine, 1, 0x400000, size, 0, 0, size, 56 if is_64 else 32, 0, 64, 0, 0
            return identity + struct.pack(layout, *fields) + bytes(200)
        for is_64, machine, message in [(True, 183, 'machine 183'), (True, 243, 'machine 243'), (False, 3, '32-bit'),
                                        (False, 62, '32-bit')]:
            with self.subTest(machine=machine, is_64=is_64):
                self.assert_refused(f'^cairn: .*/program is .*{message}', self.make_program(header(is_64, machine)))

    def test_scripts_are_followed_to_their_interpreter(self):
        directory = self.new_directory()
        static = shutil.copy(testdata('hello_static'), directory)
        one = self.make_program(f'#!{static}\n', 'one', directory)
        two = self.make_program(f'#! {one} with argument\n', 'two', directory)
        by_env = self.make_program('#!/usr/bin/env hello_static\n', 'by_env', directory)
        self.assert_refused('hello_static is statically linked', one)
        self.assert_refused('hello_static is statically linked', two)
        self.assert_refused('hello_static is statically linked', by_env, environment={'PATH': directory})
        self.assert_forced(two)

    def test_scripts_are_profiled_as_their_interpreter(self):
        directory = self.new_directory()
        inner = self.make_program(f'#!/bin/sh\necho "inner $0 $1"; exec {testdata("exits")} return\n', 'inner', directory)
        outer = self.make_program(f'#!{inner}\n', 'outer', directory)
        by_env = self.make_program(f'#!/usr/bin/env sh\nexec {testdata("exits")} return\n', 'by_env', directory)
        for script in inner, outer, by_env:
            with self.subTest(script=script):
                bare = self.run_bare(script, 'word')
                run = self.run_cairn(script, 'word', options=['--exact', '-q'])
                self.assertEqual(bare.outcome, run.outcome)
                self.assert_truth(truth_of(run.stdout), run.profile())

    def test_a_chain_of_scripts_without_end_is_the_kernels_to_refuse(self):
        directory = self.new_directory()
        path = os.path.join(directory, 'loop')
        self.make_program(f'#!{path}\n', 'loop', directory)
        run = self.run_cairn(path)
        self.assertEqual((126, b''), (run.process.returncode, run.stdout))
        self.assertRegex(run.stderr.decode(), r'\Acairn: .*/loop: cannot be executed: .*\n\Z')


class PrivilegeTest(LaunchTest):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest('only root can make programs that gain privileges')

    def program_of(self, mode, user=0, group=0):
        os.chmod(self._temporary.name, 0o755)
        directory = self.new_directory()
        os.chmod(directory, 0o755)
        program = shutil.copy(testdata('exits'), directory)
        os.chown(program, user, group)
        os.chmod(program, mode)
        return program

    def test_setuid_and_setgid_programs(self):
        for mode, message in (0o4755, 'setuid'), (0o2755, 'setgid'):
            program = self.program_of(mode, 65534, 65534)
            self.assert_refused(f'^cairn: .*/exits is {message}: ', program, 'return')
            run = self.run_cairn(program, 'return', options=['--force'])
            self.assertEqual(3, run.process.returncode)
            self.assertRegex(run.stderr.decode(), r'\Acairn: nothing was profiled: ')

    def test_setuid_to_the_same_user_is_no_obstacle(self):
        run = self.run_cairn(self.program_of(0o4755), 'return', options=['--exact', '-q'])
        self.assert_truth(truth_of(run.stdout), run.profile())
        # What looks like setgid but may not be executed by the group is for locking.
        run = self.run_cairn(self.program_of(0o2745, group=65534), 'return', options=['--exact', '-q'])
        self.assert_truth(truth_of(run.stdout), run.profile())

    def test_file_capabilities(self):
        if not shutil.which('setcap', path='/usr/sbin:/sbin:/usr/bin'):
            self.skipTest('setcap is not installed (libcap2-bin)')
        program = self.program_of(0o755)
        if subprocess.run(['/usr/sbin/setcap', 'cap_net_raw+ep', program], stderr=subprocess.DEVNULL).returncode:
            self.skipTest('the file system or the kernel refuses file capabilities')
        copy = os.path.join(self.copy_for_all(), 'cairn')
        run = self.run_bare(copy, 'run', '--', program, 'return', user=65534, group=65534)
        self.assertEqual((OWN_FAILURE, b''), (run.process.returncode, run.stdout))
        self.assertRegex(run.stderr.decode(), r'\Acairn: .*/exits has file capabilities: .*\n\Z')

    def test_another_user_has_ledgers_of_its_own(self):
        directory = self.copy_for_all()
        out = self.new_directory()
        os.chmod(out, 0o777)
        program = self.program_of(0o755)
        run = self.run_bare(os.path.join(directory, 'cairn'), 'run', '-xq', '-o', out + '/heap.pb.gz', '--', SHELL, '-c',
                            f'echo $CAIRN_LEDGER; stat -c "%u %a" ${{CAIRN_LEDGER%/*}}; exec {program} return',
                            user=65534, group=65534)
        self.assertEqual((3, b''), (run.process.returncode, run.stderr))
        ledger, parent = run.stdout.decode().splitlines()[:2]
        self.assertRegex(ledger, r'/cairn-65534/run\.\w+$')
        self.assertEqual('65534 700', parent)
        self.assertEqual(Tally(3, 37035, 3, 37035), Profile(out + '/heap.pb.gz').flat()['exits_allocate'])
        self.assertFalse(os.path.exists(ledger))


if __name__ == '__main__':
    unittest.main()
