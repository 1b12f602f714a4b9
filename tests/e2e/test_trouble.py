# SPDX-License-Identifier: Apache-2.0
"""When there is no room: a full ledger, a full disk, a directory that is not there."""
import contextlib
import os
import resource
import signal
import stat
import subprocess
import unittest

from cairn_test import CairnTest, LIBRARY, Profile, READPROFILE, truth_of, wait_until


class FullLedger(CairnTest):
    NUM_STACKS = 60000

    def run_sites(self, memory, num_freed=0):
        run = self.run_program('sites', str(self.NUM_STACKS), '30', str(num_freed), cairn={'MEMORY': memory})
        self.assertEqual((0, b''), (run.process.returncode, run.stderr))
        return run, run.profile()

    def smallest_memory(self):
        """The least that is accepted, in MiB: it may not take much more than the shadow of a busy page."""
        for mebibytes in 1, 2, 4, 8:
            run = self.run_program('deep', '3', cairn={'MEMORY': f'{mebibytes}M'})
            if run.files():
                return mebibytes
        self.fail('8M is not accepted: ' + run.stderr.decode())

    def test_totals_stay_right_and_the_loss_is_counted(self):
        _, whole = self.run_sites('1G')
        run, full = self.run_sites(f'{self.smallest_memory()}M')
        flat = full.flat()
        self.assertEqual(whole.total()[:2], full.total()[:2])
        self.assertEqual(truth_of(run.stdout)['sites_allocate'], whole.flat()['sites_allocate'])
        self.assertGreater(flat['[ledger full]'].alloc_objects, self.NUM_STACKS // 10)
        self.assertGreater(flat['sites_allocate'].alloc_objects, 0)
        [sample] = [sample for sample in full.samples if '[ledger full]' in sample.functions]
        self.assertEqual(['[ledger full]'], sample.functions)
        self.assertTrue(full.comment(r'drop|full'), full.comments)

    def test_blocks_that_are_not_followed_are_not_live(self):
        _, whole = self.run_sites('1G', self.NUM_STACKS)
        _, full = self.run_sites(f'{self.smallest_memory()}M', self.NUM_STACKS)
        self.assertEqual(whole.total()[:2], full.total()[:2])
        self.assertEqual(0, full.flat()['sites_allocate'].inuse_objects)
        self.assertEqual(0, full.flat()['sites_allocate'].inuse_bytes)

    def test_threads_that_must_share_tallies_wait_for_each_other_and_for_forks(self):
        for _ in range(5):
            run = self.run_program('throng', '64', '2000', cairn={'MEMORY': f'{self.smallest_memory()}M'})
            self.assertEqual((0, b''), (run.process.returncode, run.stderr))
            full = Profile(run.files()[-1])
            self.assertFalse(full.comment('contended'), full.comments)
            self.assertTrue(full.comment('drop|full'), full.comments)
            total = full.total()
            self.assertIn(total.alloc_objects, range(int(run.stdout), int(run.stdout) + 200))
            self.assertLess(total.inuse_objects, 20)

    def test_the_ledger_stays_within_its_memory(self):
        bare = self.resident_kibibytes(None)
        for mebibytes in 8, 16:
            with self.subTest(mebibytes=mebibytes):
                used = self.resident_kibibytes(f'{mebibytes}M') - bare
                # Beside the ledger there are the library, and the working memory of a dump.
                self.assertLess(used, (mebibytes + 12) * 1024)

    def resident_kibibytes(self, memory):
        command = ['sites', str(self.NUM_STACKS * 3), '30']
        run = self.start(*command) if memory is None else self.start_program(*command, cairn={'MEMORY': memory})
        run.process.stdout.read()
        _, status, usage = os.wait4(run.pid, 0)
        run.process.returncode = status
        run.process.stdout.close()
        run.process.stderr.close()
        self.assertEqual(0, status)
        return usage.ru_maxrss


class NowhereToWrite(CairnTest):
    def check_unharmed(self, out, **options):
        bare = self.run_bare('deep', '3')
        run = self.run_program('deep', '3', cairn={'OUT': out}, **options)
        self.assertEqual(bare.outcome, run.outcome)
        self.assertEqual([], run.all_files())

    def test_a_directory_that_is_not_there(self):
        self.check_unharmed('/nonexistent/heap.%p.pb.gz')

    def test_a_directory_that_is_a_file(self):
        self.check_unharmed('/etc/hostname/heap.%p.pb.gz')

    def test_a_directory_that_is_not_writable(self):
        os.chmod(self._temporary.name, 0o755)
        directory = self.new_directory()
        os.chmod(directory, 0o555)
        options = {'user': 65534, 'group': 65534} if os.geteuid() == 0 else {}
        self.check_unharmed(directory + '/heap.%p.pb.gz', directory=directory, **options)

    def test_a_name_that_is_too_long(self):
        self.check_unharmed(self.new_directory() + '/' + 'x' * 300 + '.%p.pb.gz')
        self.check_unharmed(self.new_directory() + '/x' * 1500 + '.%p.pb.gz')

    def test_a_failure_is_counted_in_the_next_profile(self):
        missing = os.path.join(self.new_directory(), 'later')
        run = self.start_growth(missing, SIGNAL='USR2', VERBOSE=1)
        run.process.send_signal(signal.SIGUSR2)
        while b'later/heap' not in run.process.stderr.readline():
            self.assertIsNone(run.process.poll())
        os.mkdir(missing)
        run.finish()
        [path] = run.files()
        self.assertTrue(Profile(path, symbolize=False).comment(r'\b1\b.*\b(fail|could not be written)'), Profile(path).comments)

    def test_a_limit_on_file_size_kills_nobody(self):
        limit = resource.RLIMIT_FSIZE, (2000, 2000)
        bare = self.run_bare('sites', '5000')
        run = self.run_program('sites', '5000', preexec_fn=lambda: resource.setrlimit(*limit))
        self.assertEqual(bare.outcome, run.outcome)
        self.assertEqual([], run.all_files())


class FullDisk(CairnTest):
    @contextlib.contextmanager
    def small_disk(self, kibibytes):
        directory = self.new_directory()
        mount = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={kibibytes}k', 'tmpfs', directory], stderr=subprocess.PIPE)
        if mount.returncode:
            self.skipTest('no right to mount a small disk: ' + mount.stderr.decode())
        try:
            yield directory
        finally:
            subprocess.run(['umount', '-l', directory], check=True)

    def test_earlier_files_stay_whole_and_nothing_partial_is_left(self):
        with self.small_disk(64) as directory:
            run = self.start_growth(directory, SIGNAL='USR2')
            run.process.send_signal(signal.SIGUSR2)
            wait_until(run.files, 'a profile', run)
            [first] = run.files()
            with open(directory + '/ballast', 'wb', buffering=0) as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(4096))
            run.process.send_signal(signal.SIGUSR2)
            run.finish()
            self.assertEqual((0, b''), (run.process.returncode, run.stderr))
            self.assertEqual([os.path.basename(first), 'ballast'], sorted(run.all_files(), reverse=True))
            subprocess.run([READPROFILE, first], check=True, stdout=subprocess.DEVNULL)

    def test_a_profile_larger_than_the_disk(self):
        with self.small_disk(16) as directory:
            bare = self.run_bare('sites', '20000')
            run = self.run_program('sites', '20000', directory=directory)
            self.assertEqual(bare.outcome, run.outcome)
            self.assertEqual([], run.all_files())


class SpecialFiles(CairnTest):
    def test_what_is_not_a_regular_file_is_never_replaced(self):
        directory = self.new_directory()
        device, pipe, link, target = (os.path.join(directory, name) for name in ('device', 'pipe', 'link', 'target'))
        os.mkfifo(pipe)
        os.symlink(target, link)
        paths = [pipe, link, directory]
        if os.geteuid() == 0:
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            paths.append(device)
        for path in paths:
            with self.subTest(path=os.path.basename(path)):
                before = os.lstat(path)
                run = self.run_program('hello', cairn={'OUT': path, 'VERBOSE': 1})
                after = os.lstat(path)
                self.assertEqual((before.st_mode, before.st_ino), (after.st_mode, after.st_ino))
                self.assertEqual((5, b'hello\n'), (run.process.returncode, run.stdout))
                self.assertIn(b'not a regular file', run.stderr)
        self.assertFalse(os.path.exists(target))

    def test_a_file_that_gets_the_number_of_stderr_is_not_written_to(self):
        path = os.path.join(self.new_directory(), 'precious')
        script = f'exec 2>&-; exec 2>{path}; echo data >&2; kill -USR2 $$; exit 3'
        run = self.run_program('/bin/bash', '-c', script, cairn={'SIGNAL': 'USR2', 'VERBOSE': 1})
        self.assertEqual(3, run.process.returncode)
        with open(path) as file:
            self.assertEqual('data\n', file.read())


class Behind(CairnTest):
    def test_an_allocator_that_comes_first_is_said(self):
        run = self.run_bare('hello', environment={'CAIRN_OUT': self.new_directory() + '/x.pb.gz', 'CAIRN_VERBOSE': '1',
                                                  'LD_PRELOAD': 'libjemalloc.so.2 ' + LIBRARY})
        self.assertIn(b"another malloc comes before cairn's", run.stderr)
        self.assertEqual((5, b'hello\n'), (run.process.returncode, run.stdout))


if __name__ == '__main__':
    unittest.main()
