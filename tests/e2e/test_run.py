# SPDX-License-Identifier: Apache-2.0
"""`cairn run` is not noticed: the program gets what it would get without, and so does who started it."""
import ctypes
import fcntl
import os
import re
import resource
import select
import shlex
import signal
import subprocess
import termios
import time
import unittest

from cairn_test import CAIRN, CairnTest, clean_environment, testdata, wait_until
from terminal import Terminal

SHELL = '/bin/sh'
HARMLESS = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
STOPPING = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
LIBC = ctypes.CDLL(None)


def without_cores():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class RunTest(CairnTest):
    def both(self, *command, **options):
        """The runs without and with cairn.  On stderr, cairn's own messages come last."""
        bare = self.run_bare(*command, **options)
        run = self.run_cairn(*command, options=['--exact', '--quiet'], **options)
        return bare, run

    def assert_alike(self, *command, **options):
        bare, run = self.both(*command, **options)
        self.assertEqual(bare.outcome, run.outcome)
        return run


class StatusTest(RunTest):
    def test_every_status_is_passed_on(self):
        # One cairn for each, all started by one shell.  Rate 0: no profile.
        script = ('status=0; while [ $status -lt 256 ]; do "$1" run -q --rate 0 -- "$2" -c "exit $status"; echo $?; '
                  'status=$((status + 1)); done')
        with open(os.devnull) as null:
            result = subprocess.run([SHELL, '-c', script, SHELL, CAIRN, SHELL], stdin=null, stdout=subprocess.PIPE,
                                    env=clean_environment(), check=True)
        self.assertEqual(list(range(256)), [int(line) for line in result.stdout.split()])

    def test_a_death_by_a_signal_is_a_death_by_that_signal(self):
        for number in sorted({*range(1, 32), *range(signal.SIGRTMIN, signal.SIGRTMAX, 7)} - HARMLESS - STOPPING):
            with self.subTest(signal=number):
                run = self.assert_alike(SHELL, '-c', f'kill -{int(number)} $$', preexec_fn=without_cores)
                self.assertEqual(-number, run.process.returncode)

    def test_a_shell_sees_it_as_without(self):
        for death in 'kill -9 $$', 'kill -15 $$', 'exit 143', 'kill -13 $$':
            with self.subTest(death=death):
                # Only a shell with more to do waits itself.
                program = shlex.join([SHELL, '-c', death])
                command = shlex.join([CAIRN, 'run', '-q', '--rate', '0', '--', SHELL, '-c', death])
                bare, run = (self.run_bare(SHELL, '-c', f'{command}; echo $?') for command in (program, command))
                self.assertEqual(bare.stdout, run.stdout)

    def test_it_may_be_the_first_process_of_a_container(self):
        if os.geteuid() != 0:
            self.skipTest('only root can make a pid namespace')
        with_orphans = SHELL, '-c', '(sleep 0.2; exit 9) & (exit 4) & sleep 0.1; exit 5'
        for options in [], ['--mount-proc']:
            for command, status in ((testdata('exits'), 'kill'), 137), (with_orphans, 5):
                out = os.path.join(self.new_directory(), 'heap.%p.pb.gz')
                run = self.run_bare('/usr/bin/unshare', '-p', '-f', *options, CAIRN, 'run', '-q', '-o', out, '--', *command)
                self.assertEqual((status, b''), (run.process.returncode, run.stderr), 'a signal does not end the first process')
                self.assertTrue(os.path.exists(out.replace('%p', '2')))

    def test_no_second_core_is_written(self):
        directory = self.new_directory()
        with open('/proc/sys/kernel/core_pattern') as file:
            if file.read().strip() != 'core':
                self.skipTest('cores are not written to the current directory here')
        unlimited = lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        self.assert_alike(SHELL, '-c', 'kill -6 $$', cwd=directory, preexec_fn=unlimited)
        self.assertLessEqual(len(os.listdir(directory)), 1)


class SurroundingsTest(RunTest):
    """What a program finds when it begins."""

    def look(self, start, *wrapper, **options):
        directory = self.new_directory()
        path = os.path.join(directory, 'surroundings')
        if start == 'bare':
            command = *wrapper, testdata('surroundings'), path
        else:
            command = *wrapper, CAIRN, 'run', '-q', '-o', directory + '/heap.pb.gz', '--', testdata('surroundings'), path
        run = self.start(*command, **options).finish()
        self.assertEqual(0, run.process.returncode, run.stderr)
        with open(path) as file:
            lines = file.read().splitlines()
        self.assertEqual(start == 'cairn', os.path.exists(directory + '/heap.pb.gz'))
        ours = re.compile(r'variable (LD_PRELOAD|CAIRN_\w+)=')
        return [line for line in lines if not ours.match(line)], [line for line in lines if ours.match(line)]

    def assert_same(self, *wrapper, **options):
        """Descriptors and where they are: both get the same open files."""
        with open(os.path.join(self.new_directory(), 'in'), 'w+') as file, open(os.devnull, 'w') as null:
            file.write('some input')
            file.seek(3)
            options = {'stdin': file, 'stdout': null, 'stderr': null} | options
            bare, _ = self.look('bare', *wrapper, **options)
            run, ours = self.look('cairn', *wrapper, **options)
        self.assertEqual(bare, run)
        self.assertGreater(len(bare), 50)
        return bare, ours

    def test_all_is_as_without(self):
        bare, ours = self.assert_same()
        self.assertEqual(['CAIRN_LEDGER', 'CAIRN_OUT', 'LD_PRELOAD'], sorted(re.findall(r'variable (\w+)=', '\n'.join(ours))))
        ledger, = [line for line in ours if 'CAIRN_LEDGER' in line]
        self.assertFalse(os.path.exists(ledger.split('=')[1]), 'the directory of the ledgers is gone')

    def test_descriptors_that_were_open_are(self):
        for numbers in (3,), (3, 4, 5, 6, 7, 8, 9), (4, 9), (100,), (1000,):
            with self.subTest(descriptors=numbers):
                redirections = ' '.join(f'{number}</dev/zero' for number in numbers)
                bare, _ = self.assert_same('/bin/bash', '-c', f'exec {redirections}; exec "$@"', 'bash')
                for number in numbers:
                    self.assertTrue([line for line in bare if line.startswith(f'descriptor {number}:')])

    def test_descriptors_that_were_closed_are(self):
        for numbers in (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2):
            def close_them(numbers=numbers):
                for number in numbers:
                    os.close(number)
            with self.subTest(closed=numbers):
                bare, _ = self.assert_same(preexec_fn=close_them)
                self.assertFalse([line for line in bare if re.match(f'descriptor {numbers[-1]}:', line)])

    def test_signals_that_were_ignored_or_blocked_are(self):
        def ignore():
            for number in signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE, signal.SIGTSTP, signal.SIGTERM, signal.SIGRTMAX:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGCHLD, signal.SIGHUP])
        # Python itself ignores SIGPIPE, and restores it only when asked.
        bare, _ = self.assert_same(preexec_fn=ignore, restore_signals=False)
        self.assertIn('signal 17: ignored, flags 0', [re.sub(r'flags \w+', 'flags 0', line) for line in bare])
        self.assertIn('blocked: 1 10 17', bare)
        self.assert_same(restore_signals=False)

    def test_directory_umask_limits_and_niceness_are_kept(self):
        def change():
            os.umask(0o171)
            os.nice(3)
            resource.setrlimit(resource.RLIMIT_NOFILE, (77, 99))
            resource.setrlimit(resource.RLIMIT_CORE, (12345, 23456))
        bare, _ = self.assert_same(preexec_fn=change, cwd='/usr')
        self.assertIn('directory: /usr', bare)
        self.assertIn('umask: 171', bare)

    def test_arguments_and_variables_are_kept(self):
        self.assert_same(environment={'A': '', 'B': ' x\ty', 'C': '=', 'UTF8': 'äö'})
        words = '', ' ', '-x', '--', '*', 'a\nb', '--out'
        self.assert_alike('/usr/bin/printf', '[%s]', *words)

    def test_the_name_of_the_program_is_as_written(self):
        directory = os.path.dirname(testdata('surroundings'))
        for name in 'surroundings', './surroundings', f'../{os.path.basename(directory)}/surroundings':
            found = []
            for start in [], [CAIRN, 'run', '-q', '--rate', '0', '--']:
                path = os.path.join(self.new_directory(), 'surroundings')
                self.run_bare('/usr/bin/env', *start, name, path, cwd=directory,
                              environment={'PATH': directory + ':' + os.environ['PATH']})
                with open(path) as file:
                    found.append(re.search('argument 0: (.*)', file.read())[1])
            self.assertEqual([name, name], found)

    def test_a_terminal_is_kept(self):
        # Both from one shell whose terminal it is: with one group for all, and with one for each job.
        for setting in '', 'set -m;':
            with self.subTest(setting=setting):
                directory = self.new_directory()
                bare, run = (os.path.join(directory, name) for name in ('bare', 'run'))
                script = (f'{setting} {testdata("surroundings")} {bare}; {CAIRN} run -q -o {directory}/heap.pb.gz -- '
                          f'{testdata("surroundings")} {run}')
                ours, theirs = os.openpty()
                process = subprocess.Popen([SHELL, '-c', script], stdin=theirs, stdout=theirs, stderr=theirs,
                                           env=clean_environment(), start_new_session=True,
                                           preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
                self.assertEqual(0, process.wait(60))
                os.close(ours)
                os.close(theirs)
                found = []
                for path in bare, run:
                    with open(path) as file:
                        place = re.search(r'group (\d+), session (\d+), terminal (\d+), foreground (\d+)', file.read())
                    group, session, terminal, foreground = map(int, place.groups())
                    found.append((group == session, session, terminal, group == foreground))
                self.assertEqual(found[0], found[1])
                self.assertNotEqual(0, found[0][2], 'the test has a terminal')
                self.assertEqual((setting == '', process.pid, True), (found[0][0], found[0][1], found[0][3]))

    def test_a_pipe_ends_when_the_program_closes_it(self):
        run = self.start_cairn(SHELL, '-c', 'echo text; exec >&-; read line; exit 4', stdin=subprocess.PIPE)
        self.addCleanup(run.process.kill)
        self.assertEqual(b'text\n', run.process.stdout.readline())
        self.assertTrue(select.select([run.process.stdout], [], [], 20)[0], 'it still is open')
        self.assertEqual(b'', run.process.stdout.read())
        self.assertIsNone(run.process.poll(), 'the program goes on')
        run.finish()
        self.assertEqual(4, run.process.returncode)

    def test_a_pipe_to_the_program_breaks_when_it_closes_it(self):
        run = self.start_cairn(SHELL, '-c', 'exec <&-; echo closed; exec sleep 100', stdin=subprocess.PIPE)
        self.assertEqual(b'closed\n', run.process.stdout.readline())
        with self.assertRaises(BrokenPipeError):
            os.write(run.process.stdin.fileno(), b'text')
        run.process.terminate()
        run.finish()


def state_of(pid):
    with open(f'/proc/{pid}/stat') as file:
        return file.read().rsplit(')', 1)[1].split()[0]


class SignalTest(RunTest):
    def receiver(self, *arguments, **options):
        """The program that tells of the signals which it gets, ready, and its pid."""
        run = self.start_cairn('receive', *arguments, **options)
        self.addCleanup(run.process.communicate)
        words = run.process.stdout.readline().split()
        self.assertEqual(b'ready', words[0])
        self.addCleanup(lambda: run.process.poll() is None and os.kill(int(words[1]), signal.SIGKILL))
        return run, int(words[1])

    def assert_received(self, run, *signals):
        """It got these since, and each once; it is ended by SIGTERM."""
        time.sleep(0.2)  # for one too many
        run.process.terminate()
        run.finish(timeout=20)
        self.assertEqual(9, run.process.returncode)
        self.assertEqual([*signals, 'TERM kill 0'], run.stdout.decode().splitlines())

    def test_a_signal_to_cairn_is_passed_on_once(self):
        run, _ = self.receiver()
        for number in signal.SIGUSR1, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGWINCH, signal.SIGCHLD:
            run.process.send_signal(number)
            time.sleep(0.05)
        # SIGCHLD is cairn's own: its children's.
        self.assert_received(run, 'USR1 kill 0', 'INT kill 0', 'HUP kill 0', 'QUIT kill 0', 'WINCH kill 0')

    def test_a_signal_to_the_group_arrives_once(self):
        run, _ = self.receiver(process_group=0)
        for number in signal.SIGUSR1, signal.SIGINT, signal.SIGHUP:
            os.killpg(run.pid, number)
            time.sleep(0.1)
        self.assert_received(run, 'USR1 kill 0', 'INT kill 0', 'HUP kill 0')

    def test_one_to_the_group_and_one_to_cairn_are_two(self):
        run, _ = self.receiver(process_group=0)
        os.killpg(run.pid, signal.SIGUSR1)
        time.sleep(0.1)
        os.kill(run.pid, signal.SIGUSR1)
        self.assert_received(run, 'USR1 kill 0', 'USR1 kill 0')

    def test_a_signal_to_the_program_is_not_doubled(self):
        run, pid = self.receiver()
        os.kill(pid, signal.SIGUSR2)
        self.assert_received(run, 'USR2 kill 0')

    def test_queued_signals_keep_their_values_and_number(self):
        run, _ = self.receiver()
        for value in 42, 43, 44, -1:
            self.assertEqual(0, LIBC.sigqueue(run.pid, signal.SIGRTMIN + 3, ctypes.c_void_p(value)))
        self.assert_received(run, *(f'RTMIN+3 sigqueue {value}' for value in (42, 43, 44, -1)))

    def test_it_stops_with_the_program_and_goes_on_with_it(self):
        # In a group of its own: SIGTSTP stops nobody in a group that has no parent in the session, as this test's may be.
        run, pid = self.receiver(process_group=0)
        for _ in range(2):
            os.kill(run.pid, signal.SIGTSTP)
            stopped = []
            wait_until(lambda: stopped.append(os.waitpid(run.pid, os.WNOHANG | os.WUNTRACED)) or stopped[-1][0], 'cairn to stop')
            self.assertTrue(os.WIFSTOPPED(stopped[-1][1]))
            self.assertEqual(['T', 'T'], [state_of(pid), state_of(run.pid)])
            os.kill(run.pid, signal.SIGCONT)
            self.assertEqual(b'CONT kill 0\n', run.process.stdout.readline())
            wait_until(lambda: 'T' not in (state_of(pid), state_of(run.pid)), 'both to go on', run)
        self.assert_received(run)

    def test_timeout_ends_the_program(self):
        begin = time.monotonic()
        directory = self.new_directory()
        run = self.run_bare('/usr/bin/timeout', '0.5', CAIRN, 'run', '-x', '-o', directory + '/heap.pb.gz', '--',
                            '/bin/sleep', '100')
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(124, run.process.returncode)
        wait_until(lambda: os.listdir(directory) == ['heap.pb.gz'], 'the profile')

    def test_nohup_is_kept(self):
        directory = self.new_directory()
        run = self.start('/usr/bin/nohup', CAIRN, 'run', '-q', '-o', directory + '/heap.pb.gz', '--', SHELL, '-c',
                         'kill -1 $$; echo ready; read line; echo done; exit 5', stdin=subprocess.PIPE)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        run.process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        run.finish(b'\n')
        self.assertEqual((5, b'done\n'), (run.process.returncode, run.stdout))

    def test_when_cairn_is_killed_the_ledger_stays(self):
        directory = self.new_directory()
        run, pid = self.receiver(options=['--exact', '--ledger', directory])
        run.process.kill()
        run.process.wait()
        self.assertIn(state_of(pid), 'SR', 'the program goes on')
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(b'TERM kill 0\n', run.process.stdout.read())
        found, = [os.path.join(path, file) for path, _, files in os.walk(directory) for file in files]
        self.assertRegex(found, rf'/receive\.{pid}\.cairn$')
        run.finish()


class TerminalTest(RunTest):
    def test_interrupt_stop_and_foreground_from_the_keyboard(self):
        terminal = Terminal(self, CAIRN, 'run', '-o', 'heap.pb.gz', '--', testdata('receive'), 'int')
        terminal.wait_for(r'^ready')
        terminal.press('C-c')
        terminal.wait_for(r'INT kernel 0$')
        terminal.press('C-z')
        terminal.wait_for(r'stopped$')
        terminal.press('C-j')
        terminal.wait_for(r'CONT \w+ 0$')
        terminal.press('C-c')
        terminal.wait_for(r'INT kernel 0\n(.*\n)*.*INT kernel 0$')
        time.sleep(0.2)
        self.assertEqual(2, terminal.screen().count('INT kernel'))
        self.assertEqual(1, terminal.screen().count('CONT '))
        os.kill(terminal.pid_of_command(), signal.SIGTERM)
        terminal.wait_for(r'cairn: wrote heap.pb.gz: ')
        terminal.wait_for(r'^status 9$')

    def test_a_program_that_reads_the_terminal_may(self):
        script = 'read line; echo "got $line"; exit 6'
        terminal = Terminal(self, CAIRN, 'run', '-q', '-o', 'heap.pb.gz', '--', SHELL, '-c', script)
        terminal.wait_for(r'^text before$')
        terminal.press('words', 'Enter')
        terminal.wait_for(r'^got words$')
        terminal.wait_for(r'^status 6$')

    def test_a_program_that_an_interrupt_ends_ends_so(self):
        terminal = Terminal(self, CAIRN, 'run', '-o', 'heap.pb.gz', '--', testdata('growth'))
        terminal.wait_for(r'^text before$')
        time.sleep(0.3)
        terminal.press('C-c')
        terminal.wait_for(r'cairn: wrote heap.pb.gz: ')
        terminal.wait_for(r'^status 130$')


if __name__ == '__main__':
    unittest.main()
