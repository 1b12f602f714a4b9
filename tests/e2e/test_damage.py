# SPDX-License-Identifier: Apache-2.0
"""Ledgers that are none, or damaged: a message that names the file, never a crash or a hang."""
import os
import random
import re
import subprocess
import threading
import unittest

from cairn_test import CAIRN, READPROFILE, CairnTest, cairn, clean_environment

NUM_ROUNDS = int(os.environ.get('E2E_DAMAGE_ROUNDS', '300'))
HEADER_BYTES = 4096
EXTREMES = 0, 1, (1 << 64) - 1, 1 << 63, (1 << 63) - 1, 1 << 32, (1 << 32) - 1, 1 << 20, 4096
COMMANDS = ['dump', '-o', '-'], ['dump', '--peak', '-o', '-'], ['top', '--json'], ['list']


class DamageTest(CairnTest):
    def setUp(self):
        super().setUp()
        self.seed = random.Random(1)

    def read(self, *arguments):
        """An outcome that is allowed: status 0, or 1 with messages."""
        process = subprocess.run([CAIRN, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env=clean_environment(), timeout=20)
        self.assertIn(process.returncode, (0, 1), (arguments, process.stderr))
        if process.returncode:
            self.assertRegex(process.stderr.decode(), r'\A(cairn: .*: .*\n)+\Z')
        return process

    def assert_refused(self, path, message):
        for command in COMMANDS[:3]:
            process = self.read(*command, path)
            self.assertEqual((1, b''), (process.returncode, process.stdout), command)
            self.assertRegex(process.stderr.decode(), rf'\Acairn: {re.escape(path)}: {message}.*\n\Z')

    def small_ledger(self, *command, **cairn):
        """One whose file is small, and read fast."""
        return self.ledger_of(*command, MEMORY='1M', **cairn)

    def make_file(self, contents):
        path = os.path.join(self.new_directory(), 'file.cairn')
        with open(path, 'wb') as file:
            file.write(contents)
        return path

    def test_files_that_are_no_ledger(self):
        for contents, message in [(b'', 'has 0 bytes'), (b'text\n', 'has 5 bytes'), (b'text\n' * 10000, 'magic'),
                                  (bytes(1 << 16), 'magic'), (os.urandom(1 << 16), 'magic'),
                                  (b'cairnldg' + bytes(1 << 16), 'version')]:
            self.assert_refused(self.make_file(contents), message)
        self.assert_refused(self.new_directory(), 'is not a regular file')
        self.assert_refused('/dev/null', 'is not a regular file')
        self.assert_refused('/dev/zero', 'is not a regular file')
        self.assert_refused('/no/such', 'No such file')

    def test_a_pipe_is_not_waited_for(self):
        path = os.path.join(self.new_directory(), 'pipe.cairn')
        os.mkfifo(path)
        self.assert_refused(path, 'is not a regular file')
        self.assertIn(path, self.read('list', os.path.dirname(path)).stderr.decode())

    def test_other_versions(self):
        path = self.small_ledger('exits', 'return')
        for version in 0, 1, 77:
            with open(path, 'r+b') as file:
                file.seek(8)
                file.write(version.to_bytes(4, 'little'))
            self.assert_refused(path, 'version')

    def test_any_length(self):
        path = self.small_ledger('exits', 'return')
        size = os.path.getsize(path)
        lengths = {*range(0, 64, 7), *range(64, 9000, 500), 8191, 8192, size - 1, size - 4096, size // 2}
        lengths |= {self.seed.randrange(size) for _ in range(30)}
        for length in sorted(lengths, reverse=True):
            os.truncate(path, length)
            with self.subTest(length=length):
                process = self.read('dump', '-o', '-', path)
                self.assertEqual((1, b''), (process.returncode, process.stdout))
                self.assertTrue(process.stderr.decode().startswith(f'cairn: {path}: '), process.stderr)

    def places(self, file, size):
        """Where something is."""
        places, at = [], 0
        while at < size:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            places.append((start, at))
        return places

    def damage(self, file, places):
        """Changes some of the file; returns what it was."""
        undo = []
        for _ in range(self.seed.choice((1, 1, 2, 5, 50))):
            start, limit = (0, HEADER_BYTES) if self.seed.random() < 0.5 else self.seed.choice(places)
            offset = self.seed.randrange(start, limit)
            if self.seed.random() < 0.5:
                new = bytes([self.seed.randrange(256)])
            else:
                offset &= ~3
                new = self.seed.choice(EXTREMES).to_bytes(8, 'little')[:self.seed.choice((4, 8))]
            undo.append((offset, os.pread(file.fileno(), len(new), offset)))
            os.pwrite(file.fileno(), new, offset)
        return undo

    def test_damage_at_random(self):
        ledgers = [self.small_ledger('sites', '300'), self.small_ledger('peak'),
                   self.small_ledger('mixture', RATE='4096', SEED='1')]
        num_read = num_refused = 0
        for number in range(NUM_ROUNDS):
            path = ledgers[number % len(ledgers)]
            with open(path, 'r+b', buffering=0) as file:
                undo = self.damage(file, self.places(file, os.path.getsize(path)))
                command = COMMANDS[number // len(ledgers) % len(COMMANDS)]
                target = os.path.dirname(path) if command == ['list'] else path
                with self.subTest(round=number, changes=undo, command=command):
                    process = self.read(*command, target)
                    num_refused += process.returncode
                    num_read += not process.returncode
                    if process.returncode and command != ['list']:  # that tells of others, too
                        self.assertIn(path, process.stderr.decode())
                    elif command[0] == 'dump':
                        self.assert_profile(process.stdout)
                for offset, before in reversed(undo):
                    os.pwrite(file.fileno(), before, offset)
        for path in ledgers:
            cairn('dump', '-o', '-', path)  # all damage was undone
        self.assertGreater(min(num_read, num_refused), NUM_ROUNDS // 20, 'both happen')

    def assert_profile(self, contents):
        """What was read of a damaged ledger is still a valid profile."""
        path = self.make_file(contents)
        result = subprocess.run([READPROFILE, path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.assertEqual((0, b''), (result.returncode, result.stderr))

    def test_a_file_that_shrinks_and_grows_while_it_is_read(self):
        path = self.small_ledger('sites', '3000')
        with open(path, 'rb') as file:
            contents = file.read()
        copy = self.make_file(contents)
        is_over = threading.Event()

        def change():
            numbers = random.Random(2)
            while not is_over.is_set():
                os.truncate(copy, numbers.randrange(len(contents)))
                with open(copy, 'r+b') as file:
                    file.write(contents)
        thread = threading.Thread(target=change)
        thread.start()
        try:
            for number in range(100):
                self.read(*COMMANDS[number % 3], copy)
        finally:
            is_over.set()
            thread.join()

    def test_a_ledger_of_any_claimed_size_takes_no_memory(self):
        """A hole of a tebibyte is not read, and a count that cannot be is refused."""
        path = self.small_ledger('exits', 'return')
        os.truncate(path, 1 << 40)
        process = subprocess.run(['/bin/sh', '-c', f'ulimit -v 500000; exec {CAIRN} dump -o - {path}'], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env=clean_environment(), timeout=20)
        self.assertIn(process.returncode, (0, 1), process.stderr)


if __name__ == '__main__':
    unittest.main()
