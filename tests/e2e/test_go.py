# SPDX-License-Identifier: Apache-2.0
"""A Go program with a C library, built by Debian's Go as anybody would: cairn sees what C allocates."""
import signal
import subprocess
import unittest

from cairn_test import CairnTest, Tally, wait_until


class Go(CairnTest):
    def test_it_runs_as_without(self):
        bare = self.run_bare('cgo')
        for settings in {}, {'RATE': '512K'}, {'SIGNAL': 'USR2'}, {'SIGNAL': 'RTMIN'}, {'INTERVAL': '1h'}, {'FATAL': 1}:
            with self.subTest(settings=settings):
                run = self.run_program('cgo', cairn=settings)
                self.assertEqual((7, b'kept\n', b''), run.outcome)
                self.assert_same_outcome(bare, run)

    def test_what_c_keeps_is_seen_at_a_signal_that_go_handles_too(self):
        run = self.start_program('cgo', 'wait', cairn={'SIGNAL': 'USR2'}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(b'kept\n', run.process.stdout.readline())
        run.process.send_signal(signal.SIGUSR2)
        self.assertEqual(b'got user defined signal 2\n', run.process.stdout.readline())
        wait_until(lambda: run.files(), 'a profile', run)
        run.process.stdin.write(b'\n')
        run.process.stdin.flush()
        run.finish()
        self.assertEqual(7, run.process.returncode)
        profile = run.profile()
        self.assertEqual(Tally(200, 150000, 100, 100000), profile.under('c_library'), profile.comments)



if __name__ == '__main__':
    unittest.main()
