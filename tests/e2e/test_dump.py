# SPDX-License-Identifier: Apache-2.0
"""`cairn dump`: the profile of a process, wherever it went, and of a ledger that a dead one left."""
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from cairn_test import CAIRN, GO_PPROF, CairnTest, Profile, Tally, cairn, clean_environment, peaks_of, pprof, testdata, \
    truth_of, wait_until

MIB = 1 << 20
HIDDEN = Tally(10, 10000, 10, 10000)  # of hide_allocate, wherever it is


class DumpTest(CairnTest):
    def dump(self, target, *options, **more):
        """The profile that a dump writes."""
        path = os.path.join(self.new_directory(), 'heap.pb.gz')
        cairn('dump', '-o', path, *options, target, **more)
        return Profile(path)

    def growth(self, **cairn):
        run = self.start_growth(**cairn)
        self.addCleanup(run.process.communicate)
        self.addCleanup(run.process.kill)
        return run

    def assert_fails(self, message, *arguments, **options):
        result = cairn('dump', *arguments, check=False, **options)
        self.assertEqual((1, b''), (result.returncode, result.stdout), result.stderr)
        self.assertRegex(result.stderr.decode(), r'\Acairn: ' + message)
        self.assertEqual(1, result.stderr.count(b'\n'))


class PlaceTest(DumpTest):
    """The program "hide" goes where it is hard to look."""

    def hide(self, *how, wrapper=(), ledger=None, **options):
        """The pid of it, when it is there; its ledger is in memory or in a directory."""
        ready = os.memfd_create('ready')
        self.addCleanup(os.close, ready)
        os.write(ready, b'0')
        command = [*wrapper, testdata('hide'), f'/proc/self/fd/{ready}', *how]
        run = self.start_program(*command, cairn={'LEDGER': ledger, 'OUT': '/dev/null'}, pass_fds=[ready],
                                 start_new_session=True, **options)
        self.addCleanup(run.process.communicate)
        self.addCleanup(self.kill_group, run)
        wait_until(lambda: os.pread(ready, 1, 0) == b'1' or run.process.poll() is not None, 'the program')
        if run.process.poll() is not None:
            run.finish()
            self.assertTrue(wrapper, run.outcome)
            self.skipTest(f'refused here: {" ".join(wrapper)}: {run.stderr.decode().strip()}')
        return self.pid_of_hide(run.pid), run

    def kill_group(self, run):
        if run.process.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)

    def pid_of_hide(self, pid):
        """Of a process or its only descendants."""
        while os.path.basename(os.readlink(f'/proc/{pid}/exe')) != 'hide':
            with open(f'/proc/{pid}/task/{pid}/children') as file:
                pid = int(file.read())
        return pid

    def check(self, *how, wrapper=(), places=('memory', 'file'), **options):
        for place in places:
            with self.subTest(ledger=place):
                ledger = self.new_directory() if place == 'file' else None
                if ledger:
                    os.chmod(self._temporary.name, 0o711)
                pid, run = self.hide(*how, wrapper=wrapper, ledger=ledger, **options)
                with open(f'/proc/{pid}/maps') as file:
                    self.assertEqual(place == 'file', '.cairn\n' in file.read())
                self.assertEqual(HIDDEN, self.dump(pid).flat()['hide_allocate'])
                if ledger:
                    file, = [os.path.join(ledger, name) for name in os.listdir(ledger) if name.startswith('hide')]
                    self.assertEqual(HIDDEN, self.dump(file).flat()['hide_allocate'])

    def require_root(self):
        if os.geteuid() != 0:
            self.skipTest('only root can do this')

    def test_a_process_as_it_is(self):
        self.check()

    def test_all_descriptors_closed(self):
        self.check('close')

    def test_threads_that_go_on(self):
        self.check('close', 'threads')

    def test_another_root_directory(self):
        self.require_root()
        self.check('chroot', cwd=self.new_directory())
        self.check('close', 'chroot', cwd='/proc')

    def test_another_user_as_root(self):
        self.require_root()
        self.check('nobody')

    def test_all_of_it(self):
        self.require_root()
        self.check('threads', 'chroot', 'close', 'nobody', cwd=self.new_directory())

    def test_other_namespaces(self):
        for options in [('-m',), ('-p', '-f'), ('-n',), ('-U',), ('-U', '-r'), ('-i', '-u', '-C'),
                        ('-U', '-r', '-m', '-p', '-f', '-n', '--mount-proc')]:
            if '-U' not in options and os.geteuid() != 0:
                continue
            with self.subTest(unshare=options):
                self.check('close', wrapper=('/usr/bin/unshare', *options))

    def test_a_read_only_root(self):
        self.require_root()
        script = 'mount -o remount,bind,ro / && { touch /file 2>/dev/null && exit 1; exec "$@"; }'
        self.check(wrapper=('/usr/bin/unshare', '-m', '/bin/sh', '-c', script, 'sh'), places=['memory'])

    def test_no_shared_memory_directory(self):
        self.require_root()
        script = 'mount -t tmpfs -o ro none /dev/shm && exec "$@"'
        self.check(wrapper=('/usr/bin/unshare', '-m', '/bin/sh', '-c', script, 'sh'))

    def test_a_ledger_on_a_file_system_that_only_the_program_sees(self):
        self.require_root()
        directory = self.new_directory()
        script = f'mount -t tmpfs none {directory} && exec "$@"'
        pid, _ = self.hide('close', wrapper=('/usr/bin/unshare', '-m', '/bin/sh', '-c', script, 'sh'), ledger=directory)
        self.assertEqual([], [name for name in os.listdir(directory) if name.startswith('hide')])
        self.assertEqual(HIDDEN, self.dump(pid).flat()['hide_allocate'])

    def test_a_ledger_that_was_deleted_while_it_is_used(self):
        directory = self.new_directory()
        pid, _ = self.hide('close', ledger=directory)
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        self.assertEqual(HIDDEN, self.dump(pid).flat()['hide_allocate'])

    def test_no_shared_memory_directory_for_run(self):
        """`cairn run` then keeps its ledgers in TMPDIR."""
        self.require_root()
        directory = self.new_directory()
        script = 'mount -t tmpfs -o ro none /dev/shm && exec "$@"'
        run = self.run_bare('/usr/bin/unshare', '-m', '/bin/sh', '-c', script, 'sh',
                            CAIRN, 'run', '-xq', '-o', directory + '/heap.pb.gz', '--',
                            '/bin/sh', '-c', f'echo $CAIRN_LEDGER; exec {testdata("exits")} kill',
                            environment={'TMPDIR': directory})
        self.assertEqual(-signal.SIGKILL, run.process.returncode, run.stderr)
        self.assertIn(directory.encode() + b'/cairn-0/run.', run.stdout)
        self.assert_truth(truth_of(run.stdout), Profile(directory + '/heap.pb.gz'))

    def test_another_user_without_privileges(self):
        self.require_root()
        os.chmod(self._temporary.name, 0o755)
        directory = self.new_directory()
        copy = shutil.copy(CAIRN, directory)
        nobody = {'user': 65534, 'group': 65534, 'extra_groups': []}
        for ledger in None, self.new_directory():
            pid, _ = self.hide(ledger=ledger)
            result = subprocess.run([copy, 'dump', str(pid), '-o', '-'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **nobody)
            self.assertEqual((1, b''), (result.returncode, result.stdout))
            self.assertRegex(result.stderr.decode(), rf'\Acairn: {pid}: .*(permitted|denied).*root.*\n\Z')
        pid, _ = self.hide(**nobody)
        result = subprocess.run([copy, 'dump', str(pid), '-o', '-'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **nobody)
        self.assertEqual((0, b''), (result.returncode, result.stderr))
        self.assertGreater(len(result.stdout), 100)

    def test_no_thread_is_traced_or_stopped(self):
        for ledger in None, self.new_directory():
            pid, run = self.hide('threads', 'traced', ledger=ledger)
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                cairn('dump', '-o', '-', pid)
                # It ends with status 1 if it was traced, and a stop would be seen by its parent.
                self.assertEqual((0, 0), os.waitpid(run.pid, os.WNOHANG | os.WUNTRACED))


class MomentTest(DumpTest):
    """What a dump tells of a program that goes on."""

    def test_each_dump_is_of_its_moment(self):
        for ledger in None, self.new_directory():
            run = self.growth(LEDGER=ledger)
            for number in 1, 2, 3:
                self.obey(run, '+ 2')
                self.assertEqual((2 * number, 2 * number * MIB) * 2, self.dump(run.pid).flat()['growth_allocate'])
            self.obey(run, '- 5')
            self.assertEqual((6, 6 * MIB, 1, MIB), self.dump(run.pid).flat()['growth_allocate'])
            self.assertEqual((6, 6 * MIB, 6, 6 * MIB), self.dump(run.pid, '--peak').flat()['growth_allocate'])

    def test_since_an_earlier_profile_is_exact(self):
        for ledger in None, self.new_directory():
            run = self.growth(LEDGER=ledger)
            self.obey(run, '+ 5')
            last = self.dump_to_file(run.pid)
            # But for the buffer that its answer was written with.
            self.assertNotIn('growth_allocate', self.dump(run.pid, '--since', last, '--quiet').flat())
            self.obey(run, '- 2')
            self.obey(run, '+ 3')
            self.assertEqual(Tally(3, 3 * MIB, 1, MIB), self.dump(run.pid, '--since', last).flat()['growth_allocate'])
            self.obey(run, '- 6')
            self.assertEqual(Tally(3, 3 * MIB, -5, -5 * MIB), self.dump(run.pid, '--since', last).flat()['growth_allocate'])

    def dump_to_file(self, pid):
        path = os.path.join(self.new_directory(), 'last.pb.gz')
        cairn('dump', '-q', '-o', path, pid)
        return path

    def test_since_what_is_not_its_own_is_refused(self):
        one, other = self.growth(), self.growth()
        last = self.dump_to_file(one.pid)
        text = os.path.join(self.new_directory(), 'text')
        with open(text, 'w') as file:
            file.write('text')
        self.assert_fails(rf'{re.escape(last)}: is of another process', other.pid, '--since', last, '-o', '-')
        self.assert_fails(rf'{re.escape(text)}: ', other.pid, '--since', text, '-o', '-')
        self.assert_fails(r'/no/such: ', other.pid, '--since', '/no/such', '-o', '-')

    def test_again_and_again(self):
        run = self.growth()
        directory = self.new_directory()
        self.obey(run, '+ 3')
        begin = time.monotonic()
        result = cairn('dump', run.pid, '--every', '100ms', '--count', 4, '-o', directory + '/%e.%p.%n.pb.gz')
        self.assertTrue(0.3 <= time.monotonic() - begin < 5)
        names = [f'growth.{run.pid}.000{number}.pb.gz' for number in (1, 2, 3, 4)]
        self.assertEqual(names, sorted(os.listdir(directory)))
        for name in names:
            self.assertEqual(3 * MIB, Profile(os.path.join(directory, name)).flat()['growth_allocate'].inuse_bytes)
        self.assertEqual(4, result.stderr.count(b'cairn: wrote '))

    def dump_until_killed(self, run):
        """The last profile of those written until the program is killed, just after it allocated 3 MiB."""
        directory = self.new_directory()
        process = subprocess.Popen([CAIRN, 'dump', str(run.pid), '--every', '200ms', '-q', '-o', directory + '/%n.pb.gz'],
                                   stderr=subprocess.PIPE, env=clean_environment())
        wait_until(lambda: os.path.exists(directory + '/0002.pb.gz'), 'a profile')
        self.obey(run, '+ 3')
        run.process.kill()
        self.assertEqual(b'', process.communicate(timeout=30)[1])
        self.assertEqual(0, process.returncode)
        return Profile(os.path.join(directory, max(os.listdir(directory))))

    def test_until_the_program_ends(self):
        self.dump_until_killed(self.growth())
        profile = self.dump_until_killed(self.growth(LEDGER=self.new_directory()))
        self.assertEqual(3 * MIB, profile.flat()['growth_allocate'].inuse_bytes, 'what a killed program left in a file')

    def test_until_a_program_ends_whose_ledger_only_it_sees(self):
        if os.geteuid() != 0:
            self.skipTest('only root can mount')
        ledger = self.new_directory()
        script = f'mount -t tmpfs none {ledger} && exec {testdata("growth")}'
        run = self.start_program('/usr/bin/unshare', '-m', '/bin/sh', '-c', script, stdin=subprocess.PIPE, cairn={'LEDGER': ledger})
        self.addCleanup(run.process.communicate)
        self.addCleanup(run.process.kill)
        self.obey(run, '+ 0')
        self.assertEqual(3 * MIB, self.dump_until_killed(run).flat()['growth_allocate'].inuse_bytes)

    def test_standard_output(self):
        run = self.growth()
        self.obey(run, '+ 1')
        result = cairn('dump', run.pid, '-o', '-')
        self.assertEqual((b'\x1f\x8b', b''), (result.stdout[:2], result.stderr))
        path = os.path.join(self.new_directory(), 'heap.pb.gz')
        with open(path, 'wb') as file:
            file.write(result.stdout)
        self.assertEqual(MIB, Profile(path).flat()['growth_allocate'].inuse_bytes)
        with open('/dev/full', 'w') as full:
            process = subprocess.run([CAIRN, 'dump', str(run.pid), '-o', '-'], stdout=full, stderr=subprocess.PIPE,
                                     env=clean_environment())
        self.assertEqual(1, process.returncode)
        self.assertRegex(process.stderr, rb'\Acairn: .*No space left')

    def test_placeholders_and_the_default_name(self):
        run = self.growth()
        directory = self.new_directory()
        begin = int(time.time())
        cairn('dump', run.pid, '-o', '%e-%p-%t-%h-%n-%%.pb.gz', cwd=directory)
        name, = os.listdir(directory)
        program, pid, at, host, number, percent = name.removesuffix('.pb.gz').split('-')
        self.assertEqual(('growth', str(run.pid), '0001', '%'), (program, pid, number, percent))
        self.assertTrue(begin <= int(at) <= time.time())
        for _ in range(2):
            cairn('dump', run.pid, cwd=directory)
        self.assertEqual([f'cairn.growth.{run.pid}.000{number}.pb.gz' for number in (1, 2)], sorted(os.listdir(directory))[:2])

    def test_misuse_is_told(self):
        pid = self.growth().pid
        for arguments, message in [
                ([], 'of what'), ([pid, pid], 'one process or ledger at a time'), ([pid, '--count', 2], '--count is for --every'),
                ([pid, '--peak', '--since', 'x'], '--peak and --since'), ([pid, '--every', '1ms'], '--every: 1ms'),
                ([pid, '--every', '1s', '-o', 'plain'], '%n'), ([pid, '--every', '1s', '--count', '0'], '--count: 0'),
                ([pid, '-o', ''], '--out'), ([pid, '-o', '%x'], '--out')]:
            with self.subTest(arguments=arguments):
                result = cairn('dump', *arguments, check=False)
                self.assertEqual((2, b''), (result.returncode, result.stdout))
                self.assertIn(message, result.stderr.decode())


class NameTest(DumpTest):
    """What stands for a program beside its pid."""

    def test_a_thread(self):
        run = self.start_program('/usr/bin/python3', '-c', 'import threading, time\n'
                                 'threading.Thread(target=time.sleep, args=[100], daemon=True).start()\n'
                                 'print("ready", flush=True)\ntime.sleep(100)', cairn={'OUT': '/dev/null'})
        self.addCleanup(run.process.communicate)
        self.addCleanup(run.process.kill)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        thread, = set(map(int, os.listdir(f'/proc/{run.pid}/task'))) - {run.pid}
        self.assertEqual(f'process: {run.pid}, ', self.dump(thread).comment(r'process: \d+, ')[0])

    def test_the_run_that_started_it(self):
        directory = self.new_directory()
        run = self.start(CAIRN, 'run', '-xq', '-o', directory + '/heap.pb.gz', '--', testdata('growth'), stdin=subprocess.PIPE)
        self.addCleanup(run.process.communicate)
        self.obey(run, '+ 5')
        self.assertEqual(5 * MIB, self.dump(run.pid).flat()['growth_allocate'].inuse_bytes)

    def test_the_id_of_a_program_that_is_gone(self):
        directory = self.new_directory()
        run = self.run_program('exits', 'kill', cairn={'LEDGER': directory})
        profile = self.dump(run.pid, environment={'CAIRN_LEDGER': directory})
        self.assert_truth(truth_of(run.stdout), profile)


class DeadTest(DumpTest):
    def test_the_ledger_of_a_dead_program(self):
        for kind in 'return', '_exit', 'kill', 'segv':
            ledger = self.ledger_of('exits', kind)
            self.assertEqual(Tally(3, 37035, 3, 37035), self.dump(ledger).flat()['exits_allocate'])
        path = os.path.join(self.new_directory(), 'heap.pb.gz')
        result = cairn('dump', ledger, '-o', path)
        self.assertRegex(result.stderr.decode(), rf'\Acairn: wrote {re.escape(path)}: 36\.2 KiB live in 3 blocks\n\Z')
        self.assertRegex(pprof('-top', '-unit=b', path, tool=GO_PPROF), r'37035B +100% .* exits_allocate')

    def test_it_may_be_called_like_a_process(self):
        ledger = self.ledger_of('exits', 'return')
        directory = os.path.dirname(ledger)
        os.rename(ledger, os.path.join(directory, '1'))
        out = os.path.join(directory, 'heap.pb.gz')
        cairn('dump', './1', '-o', out, cwd=directory)
        self.assertEqual(37035, Profile(out).flat()['exits_allocate'].inuse_bytes)

    def test_the_peak_of_a_dead_program(self):
        directory = self.new_directory()
        run = self.run_program('peak', cairn={'LEDGER': directory})
        ledger, = os.listdir(directory)
        flat = self.dump(os.path.join(directory, ledger), '--peak').flat()
        peaks = peaks_of(run.stdout)
        self.assertTrue(peaks)
        self.assertEqual(peaks, {function: flat[function][2:] for function in peaks})

    def test_no_such_process_or_no_ledger_of_it(self):
        process = subprocess.Popen(['/bin/true'])
        process.wait()
        self.assert_fails(rf'{process.pid}: no such process', process.pid)
        self.assert_fails(rf'{os.getpid()}: is not being profiled', os.getpid())
        self.assert_fails(r'99999999999999999999: is no process id', '99999999999999999999')
        self.assert_fails(r'0: is no process id', 0)
        self.assert_fails(r'/no/such/file: No such file', '/no/such/file')

    def test_a_process_that_ended_with_its_ledger_in_memory(self):
        run = self.growth()
        run.process.kill()
        run.process.wait()
        self.assert_fails(rf'{run.pid}: no such process', run.pid)

    def test_a_forked_child_that_recorded_nothing(self):
        # At the default rate, what little Python allocates is not sampled.
        script = 'import os; child = os.fork(); child or os.read(0, 1); print(child, flush=True); child and os.wait()'
        run = self.start_program('/usr/bin/python3', '-S', '-c', script, stdin=subprocess.PIPE, cairn={'RATE': '512K', 'SEED': 1})
        self.addCleanup(run.finish)
        child = int(run.process.stdout.readline())
        self.assert_fails(rf'{child}: has recorded nothing of its own since it was forked; look at its parent', child, '-o', '-')
        cairn('dump', run.pid, '-o', '-')


if __name__ == '__main__':
    unittest.main()
