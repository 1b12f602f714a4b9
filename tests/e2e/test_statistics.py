# SPDX-License-Identifier: Apache-2.0
"""Sampled mode: estimates are unbiased, and spread as the theory says.

A block of size s sampled at rate r is seen with probability p = 1 - exp(-s/r), and then stands for 1/p
blocks.  The sum over a site is unbiased, with variance sum(s^2 (1-p)/p) for bytes, and the same without
s^2 for objects (Horvitz and Thompson; blocks are independent, because marks are a Poisson process).

Seeds are fixed, so on one machine a result repeats.  On another the program may allocate something
before main that shifts the stream, which is a new draw.  False alarms of such a draw:

- each site's mean over 30 seeds within 3 standard errors of the truth: 0.3 % for each of 40 numbers;
  objects and bytes of a site nearly move together, so in all 5 to 10 %.  Hence the means have a second
  test that cannot blame chance: the 40 together, chi-squared, at one in a million.  With a rate that
  changes it is 4 standard errors, a false alarm in a thousand.
- the share of cases, over 200 other seeds, in which the true value lies within 1.96 of the standard errors that are
  reported: 95 % in theory, somewhat less for what is seen in few samples.  Of what is live in five sites and in all,
  1200 cases that are worth some 1000 independent ones, it has a standard deviation of 0.7 %; 2 % off is a false alarm
  in 250, and once more for what was allocated.  Of the total alone, 200 cases and 1.5 %: 5 % off is one in a thousand.
- the spread pooled over 20 sites and 30 seeds: 600 deviations, in units of what theory says, have a
  root mean square within 3 % of 1 (1/sqrt(2*600)); 15 % off is five times that, one in a million.
"""
import concurrent.futures
import glob
import json
import math
import os
import unittest

from cairn_test import CairnTest, Profile, cairn, truth_of

SEEDS = range(1, 31)
COVERAGE_SEEDS = range(1001, 1201)
NUM_SITES = 20


class Truth:
    """A site's true tally and the variance of its estimate, from lines "blocks FUNCTION RATE SIZE COUNT"."""

    def __init__(self):
        self.objects = self.bytes = 0
        self.objects_variance = self.bytes_variance = 0.0

    def add(self, rate, size, count):
        odds = math.exp(-size / rate) / -math.expm1(-size / rate)
        self.objects += count
        self.bytes += count * size
        self.objects_variance += count * odds
        self.bytes_variance += count * size * size * odds


def truths_of(stdout, rate):
    truths = {}
    for line in stdout.decode().splitlines():
        words = line.split()
        if words[0] == 'blocks':
            truths.setdefault(words[1], Truth()).add(int(words[2]) or rate, int(words[3]), int(words[4]))
    return truths


def estimate_of(stdout):
    [words] = [line.split() for line in stdout.decode().splitlines() if line.startswith('estimate ')]
    return int(words[1]), int(words[2])


class Statistics(CairnTest):
    def sample(self, rate, *arguments):
        """Deviations in standard deviations, for each site and kind one list over the seeds."""
        deviations = {}
        for seed in SEEDS:
            run = self.run_program('zipf', *arguments, cairn={'RATE': rate, 'SEED': seed})
            self.assertEqual((0, b''), (run.process.returncode, run.stderr))
            truths = truths_of(run.stdout, rate)
            self.assertEqual(NUM_SITES, len(truths))
            flat = run.profile().flat()
            for site, truth in truths.items():
                tally = flat[site]
                self.assertEqual(tally[:2], tally[2:], 'nothing was freed')
                deviations.setdefault((site, 'objects'), []).append(
                    (tally.alloc_objects - truth.objects) / math.sqrt(truth.objects_variance))
                deviations.setdefault((site, 'bytes'), []).append(
                    (tally.alloc_bytes - truth.bytes) / math.sqrt(truth.bytes_variance))
        return deviations

    def check(self, deviations, most_standard_errors):
        for key, values in deviations.items():
            with self.subTest(site=key):
                standard_errors = sum(values) / len(values) * math.sqrt(len(values))
                self.assertLess(abs(standard_errors), most_standard_errors)
        for kind in 'objects', 'bytes':
            lists = [values for (_, of_kind), values in deviations.items() if of_kind == kind]
            means = [sum(values) / len(values) for values in lists]
            # 20 squares of normal numbers: 69.4 is exceeded once in ten million, 2 kinds and 2 tests.
            self.assertLess(sum(mean * mean * len(SEEDS) for mean in means), 69.4, kind)
            everything = [value for values in lists for value in values]
            spread = math.sqrt(sum(value * value for value in everything) / len(everything))
            self.assertTrue(0.85 < spread < 1.15, f'{kind}: spread is {spread:.3f} of the theoretical one')

    def test_each_site_is_unbiased_and_spread_as_in_theory(self):
        self.check(self.sample(512 << 10), 3)

    def test_changing_the_rate_on_the_way_keeps_both(self):
        self.check(self.sample(512 << 10, 'change'), 4)

    def test_a_seed_repeats_a_run(self):
        flats = []
        for seed in 7, 7, 8:
            run = self.run_program('zipf', cairn={'RATE': '512K', 'SEED': seed})
            flats.append({site: tally for site, tally in run.profile().flat().items() if site.startswith('zipf_')})
        self.assertEqual(flats[0], flats[1])
        self.assertNotEqual(flats[0], flats[2])

    def test_the_standard_error_is_reported_as_it_is(self):
        rate = 512 << 10
        run = self.run_program('zipf', cairn={'RATE': rate, 'SEED': 1})
        truths = truths_of(run.stdout, rate).values()
        live, error = estimate_of(run.stdout)
        truth = sum(truth.bytes for truth in truths)
        theory = math.sqrt(sum(truth.bytes_variance for truth in truths))
        self.assertLess(abs(live - truth), 5 * theory)
        # The error is itself an estimate, from about a thousand samples: a few per cent.
        self.assertTrue(0.85 < error / theory < 1.15, f'{error} is not near {theory}')


class Coverage(CairnTest):
    """Standard errors as `cairn top` reports them, of a program of which every site has more than 90 samples."""

    def read(self, seed):
        """Deviations from the truth in standard errors, by (site or "total", "live" or "allocated")."""
        directory = os.path.join(self.directory, str(seed))
        os.mkdir(directory)
        run = self.run_program('mixture', cairn={'RATE': 4096, 'SEED': seed, 'LEDGER': directory}, directory=directory)
        ledger, = glob.glob(directory + '/*.cairn')
        cairn('dump', '-q', '-o', directory + '/heap.pb.gz', ledger)
        top = json.loads(cairn('top', '--json', '--limit', 0, ledger).stdout)
        # A rate is what was allocated, over a time that is not told.
        allocated = Profile(directory + '/heap.pb.gz', symbolize=False).total().alloc_bytes
        seconds = allocated / top['total']['rate_bytes_per_s']
        truth = truth_of(run.stdout)
        found = {site['function']: site for site in top['sites'] if site['function'] in truth}
        others = [site for site in top['sites'] if site['function'] not in truth]
        self.assertEqual((5, 0), (len(found), sum(site['live_objects'] for site in others)), 'only what is known is live')
        deviations = {}
        for name, values in [*found.items(), ('total', top['total'])]:
            tallies = [truth[name]] if name in truth else truth.values()
            for kind, field, time in ('live', 'live_bytes', 1), ('allocated', 'rate_bytes_per_s', seconds):
                true = sum(tally.inuse_bytes if kind == 'live' else tally.alloc_bytes for tally in tallies)
                estimate, error = (values[field + suffix] * time for suffix in ('', '_standard_error'))
                deviations[name, kind] = (estimate - true) / error
        return deviations

    def test_the_true_value_lies_within_two_standard_errors_as_often_as_it_should(self):
        self.directory = self.new_directory()
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as executor:
            runs = list(executor.map(self.read, COVERAGE_SEEDS))
        covered = {key: sum(abs(run[key]) <= 1.96 for run in runs) / len(runs) for key in runs[0]}
        self.assertEqual(12, len(covered))
        for kind in 'live', 'allocated':
            shares = [share for (_, of_kind), share in covered.items() if of_kind == kind]
            self.assertTrue(0.93 <= sum(shares) / len(shares) <= 0.97, covered)
            self.assertTrue(0.90 <= covered['total', kind] <= 0.995, covered)


if __name__ == '__main__':
    unittest.main()
