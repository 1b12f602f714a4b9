# SPDX-License-Identifier: Apache-2.0
"""`cairn leaks PID`: a running process is judged as at its end, and goes on unharmed, also if cairn is killed meanwhile."""
import collections
import glob
import json
import math
import mmap
import os
import random
import re
import signal
import struct
import subprocess
import time
import unittest

from cairn_test import CAIRN, CairnTest, clean_environment, testdata, wait_until
from leak_programs import NOTHING, inspect, judge_by_cairn, split, truth_of_leaks

NUM_THREADS = 4
NUM_SAMPLES = 8


class Waiting(CairnTest):
    """Programs that have lost something and wait."""

    def start_waiting(self, *command, **options):
        """A program that said "ready", and what it said before."""
        run = self.start_program(*command, stdin=subprocess.PIPE, **options)
        self.addCleanup(self.end, run)
        said = b''
        while not said.endswith(b'ready\n'):
            line = run.process.stdout.readline()
            self.assertTrue(line, f'{command} ended: {said}')
            said += line
        return run, said

    def end(self, run):
        if run.process.poll() is None:
            run.finish(b'\n')

    def test_the_same_is_lost_as_at_the_end(self):
        program = testdata('leaks/waiting')
        run, said = self.start_waiting(program, 'few')
        truth = truth_of_leaks(said)
        for _ in range(3):
            running = inspect(run.pid)
            self.assertEqual(split(truth, truth), split(running.loss, truth), running)
            self.assertEqual(('leak', 1), (running.verdict, running.status), running)
        run.finish(b'\n')
        self.assertEqual(0, run.process.returncode, run.outcome)
        ended = judge_by_cairn(self.new_directory(), program, 'few', input=b'\n')
        self.assertEqual(split(ended.loss, truth), split(running.loss, truth), ended)

    def test_go_is_judged_while_it_runs(self):
        for action, wanted in ('good', 0), ('one', 1000), ('threads', 100000), ('object', 0):
            with self.subTest(action=action):
                run, said = self.start_waiting(testdata('leaks_go'), action, 'wait')
                verdict = inspect(run.pid)
                self.assertEqual(wanted, sum(loss.bytes for loss in split(verdict.loss, {})), verdict)
                run.finish(b'\n')
                self.assertEqual(0, run.process.returncode, run.outcome)

    def assert_estimates(self, verdict, truth, errors):
        """Everything is told, and nothing that is kept is called lost; the estimate and its error are as they should be."""
        definite = verdict.contents['kinds']['definite']
        for value in 'bytes', 'objects':
            self.assertLessEqual(abs(definite[value] - truth[value]), 4 * errors[value], verdict)
        # The error of objects is told from the mean size of a stack's blocks; here sizes differ.
        self.assertTrue(errors['bytes'] / 2 < definite['bytes_standard_error'] < errors['bytes'] * 2, (errors, str(verdict)))
        self.assertEqual((NOTHING, NOTHING), (verdict.loss['indirect'], verdict.loss['unknown']), verdict)
        self.assertNotIn('waiting_keep', verdict.functions('definite'), verdict)
        self.assertLessEqual(abs(verdict.loss['reachable'].bytes - truth['bytes']), 4 * errors['bytes'] + (64 << 10), verdict)

    def test_samples_give_estimates_of_what_is_lost(self):
        rate = 16 << 10
        estimates = []
        for _ in range(NUM_SAMPLES):
            run, said = self.start_waiting(testdata('leaks/waiting'), 'many', cairn={'RATE': rate})
            blocks = [tuple(map(int, words)) for words in re.findall(r'^blocks (\d+) (\d+)$', said.decode(), re.M)]
            # Of a block of size s the sample has p = 1 - exp(-s/rate); weighted by 1/p its variance is (1 - p)/p.
            odds = [(size, number, math.exp(-size / rate) / -math.expm1(-size / rate)) for size, number in blocks]
            errors = {'objects': math.sqrt(sum(number * odd for _, number, odd in odds)),
                      'bytes': math.sqrt(sum(number * size * size * odd for size, number, odd in odds))}
            truth = truth_of_leaks(said)['definite']._asdict()
            verdict = inspect(run.pid)
            self.assert_estimates(verdict, truth, errors)
            estimates.append(verdict.loss['definite'].bytes)
            self.end(run)
        mean = sum(estimates) / NUM_SAMPLES
        self.assertLessEqual(abs(mean - truth['bytes']), 4 * errors['bytes'] / math.sqrt(NUM_SAMPLES), estimates)


class Busy(CairnTest):
    """A program with four threads that work, sleep and wait, and count what is not as it should be."""

    def start_busy(self):
        path = self.new_directory() + '/rounds'
        run = self.start_program(testdata('leaks/busy'), path, stdin=subprocess.PIPE)
        self.addCleanup(self.end, run)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        with open(path, 'r+b') as file:
            self.rounds = mmap.mmap(file.fileno(), 4096)
        return run

    def end(self, run):
        if run.process.poll() is None:
            run.process.kill()
            run.finish()

    def get_rounds(self):
        return struct.unpack(f'{NUM_THREADS}Q', self.rounds[:8 * NUM_THREADS])

    def wait_for_rounds(self, run):
        """All threads go on."""
        before = self.get_rounds()
        wait_until(lambda: all(now > then + 1 for now, then in zip(self.get_rounds(), before)), 'all threads to go on', run)

    def assert_runs(self, run):
        """No thread is stopped or traced."""
        for path in glob.glob(f'/proc/{run.pid}/task/*/status'):
            with open(path) as file:
                status = file.read()
            self.assertRegex(status, r'(?m)^State:\s+[RSD]')
            self.assertRegex(status, r'(?m)^TracerPid:\s+0$')

    def finish_busy(self, run):
        """(wrong, interrupted)."""
        run.finish(b'\n')
        self.assertEqual(0, run.process.returncode, run.outcome)
        return tuple(map(int, re.fullmatch(r'wrong (\d+) interrupted (\d+)\n', run.stdout.decode()).groups()))

    def test_twenty_looks_disturb_nothing(self):
        run = self.start_busy()
        self.wait_for_rounds(run)
        for _ in range(20):
            verdict = inspect(run.pid)
            self.assertIn(verdict.verdict, ('clean', 'leak'), verdict)
            self.assertEqual(NOTHING, verdict.functions('definite').get('busy_allocate', NOTHING), verdict)
            self.assert_runs(run)
            self.wait_for_rounds(run)
        self.assertEqual((0, 0), self.finish_busy(run))

    def test_the_process_goes_on_if_cairn_is_killed(self):
        run = self.start_busy()
        moments = random.Random(7)
        began = time.monotonic()
        inspect(run.pid)
        longest = time.monotonic() - began
        num_killed = 0
        for _ in range(20):
            cairn = subprocess.Popen([CAIRN, 'leaks', '--json', str(run.pid)], env=clean_environment(), stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0, longest))
            cairn.kill()
            num_killed += cairn.wait() == -signal.SIGKILL
            wait_until(lambda: not self.is_traced(run), 'the kernel to let it go', run)
            self.wait_for_rounds(run)
            self.assert_runs(run)
        self.assertGreater(num_killed, 3, 'too few were killed before they were done')
        # A call that was waiting in that moment may be interrupted then: nobody is left who could mend that.
        wrong, _ = self.finish_busy(run)
        self.assertEqual(0, wrong)

    def is_traced(self, run):
        with open(f'/proc/{run.pid}/status') as file:
            return not re.search(r'(?m)^TracerPid:\s+0$', file.read())


class Changing(CairnTest):
    def test_a_process_may_execute_and_fork_meanwhile(self):
        """Whatever it is in the middle of, there is an answer or a reason, and it ends as it does alone."""
        script = os.path.join(self.new_directory(), 'again')
        with open(script, 'w') as file:
            file.write('#!/bin/bash\nexport N=$((N + 1)); (exit 3); /bin/true; ((N < 150)) && exec "$0"; exit 7\n')
        os.chmod(script, 0o755)
        run = self.start_program('/bin/bash', script, cairn={'RATE': '1'})
        seen = collections.Counter()
        while run.process.poll() is None:
            result = subprocess.run([CAIRN, 'leaks', '--json', str(run.pid)], env=clean_environment(), stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, timeout=60)
            self.assertIn(result.returncode, (0, 1, 2), result)
            if result.stdout:
                seen[json.loads(result.stdout)['verdict']] += 1
            else:
                self.assertRegex(result.stderr.decode(), r'\Acairn: .*\b%d\b' % run.pid, result)
                seen['refused'] += 1
        run.finish()
        self.assertEqual((7, b'', b''), (run.process.returncode, run.stdout, run.stderr))
        self.assertGreater(seen['clean'], 0, seen)


if __name__ == '__main__':
    unittest.main()
