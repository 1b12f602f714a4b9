# SPDX-License-Identifier: Apache-2.0
"""Everything at once for some seconds, E2E_TORTURE_SECONDS if that is set: no deadlock, no crash, and
tallies that add up."""
import os
import signal
import unittest

from cairn_test import ALLOCATORS, CairnTest, Profile, testdata, truth_of

SECONDS = int(os.environ.get('E2E_TORTURE_SECONDS', '8'))
PLUGINS = [testdata(name + '.so') for name in ('plugin_throw', 'plugin_a', 'plugin_b')]


class Torture(CairnTest):
    def torture(self, seconds, settings, libraries=()):
        has_signal = settings.get('SIGNAL') == 'USR2'
        run = self.run_program('torture', str(seconds), str(int(signal.SIGUSR2) if has_signal else 0), *PLUGINS,
                               preload=libraries, cairn=settings, timeout=seconds * 3 + 60)
        self.assertEqual((0, b''), (run.process.returncode, run.stderr), run.stdout)
        return run

    def check(self, seconds, settings, libraries=()):
        run = self.torture(seconds, {'KEEP': 20} | settings, libraries)
        profile = Profile(run.files()[-1])
        self.assert_truth(truth_of(run.stdout), profile)
        for plugin in 'plugin_a', 'plugin_b':
            self.assertEqual((0, 0), profile.flat()[plugin + '_allocate'][2:])
        self.assertLessEqual(len(run.files()), 20)
        for path in run.files()[:3] + run.child_files()[:3]:
            Profile(path, symbolize=False)

    def test_it_all_adds_up_at_rate_1_with_signals_and_an_interval(self):
        self.check(SECONDS, {'SIGNAL': 'USR2', 'INTERVAL': '1s', 'MEMORY': '1G'})

    def test_it_all_adds_up_over_every_allocator(self):
        for allocator in 'jemalloc', 'tcmalloc', 'mimalloc':
            with self.subTest(allocator=allocator):
                self.check(max(2, SECONDS // 4), {'SIGNAL': 'USR2'}, ALLOCATORS[allocator])

    def test_it_survives_at_the_default_rate(self):
        run = self.torture(max(2, SECONDS // 4), {'RATE': '512K', 'SIGNAL': 'USR2', 'INTERVAL': '1s', 'PEAK': 1})
        for path in run.files()[-3:]:
            Profile(path, symbolize=False)


if __name__ == '__main__':
    unittest.main()
