# SPDX-License-Identifier: Apache-2.0
"""`cairn run` writes the profile when the program is gone, however it ended, of each process or of all."""
import glob
import os
import re
import resource
import signal
import unittest

from cairn_test import CAIRN, GO_PPROF, CairnTest, Profile, Tally, ZERO, add, cairn, listed, peaks_of, pprof, testdata, \
    truth_of, wait_until

SHELL = '/bin/sh'
EXITS = Tally(3, 37035, 3, 37035)  # of exits_allocate, however it ends


def leaf_tallies(run):
    """Of each profile of a run, by the name of its file."""
    return {path: Profile(path).flat() for path in run.files()}


class EndTest(CairnTest):
    def check(self, *command, **options):
        bare = self.run_bare(*command, **options)
        run = self.run_cairn(*command, options=['--exact', '--quiet'], **options)
        self.assertEqual(bare.outcome, run.outcome)
        return run

    def test_a_program_may_end_in_every_way(self):
        for kind in ('return', 'exit', 'quick_exit', '_exit', '_Exit', 'exit_group', 'abort', 'segv', 'fpe', 'term', 'kill',
                     'handler', 'ignore'):
            with self.subTest(kind=kind):
                run = self.check('exits', kind)
                self.assert_truth(truth_of(run.stdout), run.profile())

    def test_threads_may_outlive_main(self):
        self.assertEqual(Tally(6, 74070, 6, 74070), self.check('exits', 'thread').profile().flat()['exits_allocate'])

    def test_a_program_may_execute_another(self):
        run = self.check('exits', 'exec')
        self.assertEqual(EXITS, run.profile().flat()['exits_allocate'])
        run = self.check(SHELL, '-c', f'exec {testdata("exits")} kill')
        self.assert_truth(truth_of(run.stdout), run.profile())

    def test_a_program_may_execute_what_is_out_of_reach(self):
        run = self.check(SHELL, '-c', f'exec {testdata("hello_static")}')
        self.assertEqual(b'hello\n', run.stdout)
        self.assertGreater(run.profile(symbolize=False).total().alloc_objects, 10, "the shell's own")

    def test_go_programs_may_end_in_every_way(self):
        for how, status in ('exit', 7), ('return', 0), ('panic', 2):
            with self.subTest(how=how):
                run = self.run_cairn('cgo', *([how] if how != 'exit' else []), options=['--exact', '-q'])
                self.assertEqual((status, b'kept\n'), run.outcome[:2])
                self.assertEqual(how == 'panic', b'panic: panic' in run.stderr)
                profile = run.profile()
                self.assertEqual(Tally(200, 150000, 100, 100000), profile.under('c_library'), profile.comments)

    def test_go_tool_pprof_reads_what_a_killed_program_leaves(self):
        path, = self.check('exits', 'kill').files()
        self.assertRegex(pprof('-top', '-unit=b', path, tool=GO_PPROF), r'37035B +100% .* exits_allocate')

    def test_libraries_closed_before_the_end_keep_their_names(self):
        run = self.check('closed', testdata('plugin_a.so'), testdata('plugin_b.so'))
        for name in 'plugin_a', 'plugin_b':
            self.assertEqual(Tally(10, 10000, 5, 5000), run.profile().flat()[name + '_allocate'])

    def test_the_peak_is_written_beside(self):
        run = self.run_cairn('peak', options=['--exact', '--peak'])
        plain, peak = sorted(run.files(), key=len)
        self.assertRegex(peak, r'\.peak\.pb\.gz$')
        peaks = peaks_of(run.stdout)
        self.assertTrue(peaks)
        flat = Profile(peak).flat()
        self.assertEqual(peaks, {function: flat[function][2:] for function in peaks})
        self.assert_truth(truth_of(run.stdout), Profile(plain))

    def test_the_last_line_tells_where_the_profile_is_and_how_to_look_at_it(self):
        run = self.run_cairn('exits', 'return')
        path, = run.files()
        message = f'cairn: wrote {path}: 36.2 KiB live in 3 blocks; look at it with: cairn report {path}'
        self.assertEqual([message], run.messages())
        run = self.run_cairn('zipf', options=['--seed', '1'], environment={'LC_ALL': 'C.UTF-8'})
        self.assertRegex(run.messages()[0], r': \d+ MiB ±\d\S* live in \d+k blocks; ')

    def test_a_program_that_records_nothing(self):
        run = self.run_cairn('exits', 'return', options=['--rate', '0'])
        self.assertEqual((3, []), (run.process.returncode, run.files()))
        self.assertEqual(['cairn: nothing was profiled: recording was off'], run.messages())


    def test_a_program_that_allocates_less_than_a_sample(self):
        run = self.run_cairn('exits', 'return', options=['--rate', '1G', '--seed', '1'])
        self.assertRegex(run.messages()[0], r'/heap\.\d+\.0001\.pb\.gz: no sample was taken')

    def test_what_does_not_fit_is_said(self):
        run = self.run_cairn('leak', options=['--exact', '--memory', '1M'])
        self.assertRegex(run.messages()[0], r'; INCOMPLETE, the ledger was full: [\d,]+ blocks \(\d+ MiB\) could not be followed')

    def test_numbers_go_on_from_those_written_within(self):
        directory = self.new_directory()
        self.run_bare(CAIRN, 'run', '-q', '--interval', '20ms', '--keep', '2', '-o', directory + '/heap.%n.pb.gz', '--',
                      '/bin/sleep', '0.5')
        files = sorted(os.listdir(directory))
        self.assertEqual(3, len(files), files)
        numbers = [int(name.split('.')[1]) for name in files]
        self.assertGreater(numbers[0], 1)
        self.assertEqual(list(range(numbers[0], numbers[0] + 3)), numbers)
        times = [os.stat(os.path.join(directory, name)).st_mtime_ns for name in files]  # two may be of one tick of the clock
        self.assertEqual(sorted(times), times)

    def test_the_time_of_the_end_is_kept(self):
        directory = self.new_directory() + '/made'
        self.run_bare(CAIRN, 'run', '-qx', '--ledger', directory, '-o', directory + '/heap.pb.gz', '--', SHELL, '-c',
                      'sleep 0.4; kill -9 $$')
        dash, = glob.glob(directory + '/run.*/*sh.*.cairn')
        title = cairn('top', '--once', dash).stdout.decode().splitlines()[0]
        self.assertRegex(title, r'ended by SIGKILL after [4-9]\d\dms')


class TreeTest(CairnTest):
    def test_names_that_do_not_tell_processes_apart_are_made_different(self):
        directory = self.new_directory()
        run = self.run_bare(CAIRN, 'run', '-x', '-o', directory + '/heap.pb.gz', '--', SHELL, '-c',
                            f'{testdata("exits")} return; {testdata("exits")} kill')
        names = sorted(os.listdir(directory), key=len)
        self.assertRegex(' '.join(names), r'\Aheap\.pb\.gz heap\.\d+\.pb\.gz heap\.\d+\.pb\.gz\Z')
        flats = [Profile(os.path.join(directory, name)).flat()['exits_allocate'] for name in names]
        self.assertEqual([ZERO, EXITS, EXITS], flats, run.stderr)

    TREE = f'{testdata("exits")} return; {testdata("exits")} kill; {testdata("deep")} 3; {testdata("zipf")} >&2; exit 5'

    def run_tree(self, *options, script=TREE, **more):
        run = self.run_cairn(SHELL, '-c', script, options=['--exact', *options], **more)
        self.assertEqual(5, run.process.returncode)
        return run

    def test_each_process_has_a_profile(self):
        run = self.run_tree()
        flats = leaf_tallies(run)
        self.assertEqual(5, len(flats))
        self.assertEqual([EXITS, EXITS], [flat['exits_allocate'] for flat in flats.values() if flat['exits_allocate'] != ZERO])
        self.assertEqual(1, sum(flat['deep_allocate'] != ZERO for flat in flats.values()))
        message, = run.messages()
        largest = re.search(r'wrote 5 profiles, the largest (\S+): 51[34] MiB live', message)[1]
        self.assertNotEqual(ZERO, flats[largest]['zipf_01'])

    def test_merged_is_the_sum_of_the_single_ones(self):
        single = self.run_tree()
        merged = self.run_tree('--merge')
        total, flat = ZERO, {}
        for path, tallies in leaf_tallies(single).items():
            total = add(total, Profile(path, symbolize=False).total())
            for function, tally in tallies.items():
                flat[function] = add(flat.get(function, ZERO), tally)
        profile = merged.profile()
        self.assertEqual(total, profile.total())
        self.assertEqual(flat, dict(profile.flat()))
        self.assertRegex(merged.messages()[0], r'^cairn: wrote \S+: 51[34] MiB live')

    def test_forks_are_their_own_from_where_they_began(self):
        for mode in 'fork', 'clone', 'grandchild':
            with self.subTest(mode=mode):
                run = self.run_cairn('fork', mode, options=['--exact', '-q'])
                profiles = [Profile(path) for path in run.files()]
                for process in ('parent', 'child') + (('grandchild',) if mode == 'grandchild' else ()):
                    truth = truth_of(run.stdout, process)
                    self.assertIn(truth, [{function: profile.flat()[function] for function in truth} for profile in profiles])

    def test_merged_forks_count_what_was_allocated_once(self):
        for mode, children in ('fork', 1), ('grandchild', 2):
            with self.subTest(mode=mode):
                run = self.run_cairn('fork', mode, options=['--exact', '--merge', '-q'])
                flat = run.profile().flat()
                truths = [truth_of(run.stdout, process) for process in ('parent', 'child', 'grandchild')[:children + 1]]
                self.assertEqual((100, 100000), flat['parent_before'][:2])
                self.assertEqual((10, 3330), flat['child_allocate'][:2])
                self.assertEqual((1, 44) if children == 2 else (0, 0), flat['grandchild_allocate'][:2])
                for function in 'parent_before', 'child_allocate', 'grandchild_allocate', 'parent_after':
                    held = [sum(numbers) for numbers in zip(*(truth[function][2:] for truth in truths))]
                    self.assertEqual(held, list(flat[function][2:]), f'each process holds its copy of {function}')

    def test_many_forks_beside_threads_are_merged(self):
        run = self.run_cairn('fork', 'threads', options=['--exact', '--merge', '-q'])
        self.assertEqual(0, run.process.returncode)
        flat = run.profile().flat()
        self.assertEqual(Tally(500, 166500, 500, 166500), flat['child_allocate'])
        self.assertEqual((100, 100000), flat['parent_before'][:2])

    def test_spawned_programs_are_profiled(self):
        for mode in 'spawn', 'system', 'vfork':
            with self.subTest(mode=mode):
                run = self.run_cairn('fork', mode, options=['--exact', '-q'])
                profiles = [Profile(path) for path in run.files()]
                truth = truth_of(run.stdout, 'parent')
                self.assertIn(truth, [{function: profile.flat()[function] for function in truth} for profile in profiles])
                self.assertEqual(1, sum(profile.flat()['parent_before'] != ZERO for profile in profiles))

    def test_only_the_first_if_so_wished(self):
        run = self.run_tree('--no-follow')
        self.assertEqual(ZERO, run.profile().flat()['exits_allocate'])
        run = self.run_cairn('fork', 'fork', options=['--exact', '--no-follow', '-q'])
        self.assert_truth(truth_of(run.stdout, 'parent'), run.profile())
        run = self.run_cairn(SHELL, '-c', f'exec {testdata("exits")} return', options=['--exact', '--no-follow', '-q'])
        self.assert_truth(truth_of(run.stdout), run.profile())

    def test_only_some_programs_if_so_wished(self):
        run = self.run_tree('--only', 'exits,deep')
        flats = leaf_tallies(run)
        self.assertEqual([ZERO, EXITS, EXITS], sorted(flat['exits_allocate'] for flat in flats.values()))
        programs = {os.path.basename(Profile(path, symbolize=False).mappings[0]['file']) for path in flats}
        self.assertEqual({'exits', 'deep'}, programs)
        run = self.run_tree('--only', 'exits', '--merge')
        self.assertEqual(add(EXITS, EXITS), run.profile().flat()['exits_allocate'])
        self.assertEqual(ZERO, run.profile().flat()['zipf_01'])


class LastingTest(CairnTest):
    """Ledgers that stay."""

    def ledgers_in(self, directory):
        return sorted(glob.glob(directory + '/run.*/*.cairn'))

    def test_ledgers_are_gone_unless_a_directory_was_named(self):
        run = self.run_cairn(SHELL, '-c', f'echo $CAIRN_LEDGER; {testdata("exits")} return')
        directory = run.stdout.decode().split()[0]
        self.assertRegex(directory, rf'/cairn-{os.geteuid()}/run\.\w+$')
        self.assertFalse(os.path.exists(directory))
        for options, environment in [(['--ledger'], {}), ([], {'CAIRN_LEDGER': None})]:
            kept = self.new_directory()
            run = self.run_cairn('exits', 'kill', options=['--exact', *options, *([kept] if options else [])],
                                 environment={name: kept for name in environment})
            ledger, = self.ledgers_in(kept)
            self.assertEqual(0o600, os.stat(ledger).st_mode & 0o7777)
            self.assert_truth(truth_of(run.stdout), run.profile())
            entry = listed(kept)[ledger]
            self.assertEqual((False, 'SIGKILL', 'exits', 37035),
                             tuple(entry[key] for key in ('running', 'state', 'program', 'live_bytes')))
            out = os.path.join(kept, 'again.pb.gz')
            cairn('dump', ledger, '-o', out)
            self.assertEqual(run.profile().flat(), Profile(out).flat())

    def test_a_profile_that_cannot_be_written_leaves_the_ledger(self):
        for out in '/no/such/directory/heap.pb.gz', '/proc/heap.pb.gz', '/dev/full':
            with self.subTest(out=out):
                run = self.run_bare(CAIRN, 'run', '-x', '-o', out, '--', testdata('exits'), 'segv')
                self.assertEqual(-signal.SIGSEGV, run.process.returncode)
                line, = run.stderr.decode().splitlines()
                ledger = re.search(rf'^cairn: {out}: .*; what was recorded stays, write it with: cairn dump -o FILE (\S+)$', line)[1]
                directory = os.path.dirname(ledger)
                path = os.path.join(self.new_directory(), 'heap.pb.gz')
                cairn('dump', '-o', path, ledger)
                self.assert_truth(truth_of(run.stdout), Profile(path))
                self.assertRegex(cairn('remove', ledger).stderr.decode(), 'cairn: deleted ')
                self.assertFalse(os.path.exists(directory))

    def test_a_directory_that_is_not_writable(self):
        directory = self.new_directory()
        for merged in [], ['--merge']:
            out = os.path.join(directory, 'below', 'heap.%p.pb.gz')
            run = self.run_bare(CAIRN, 'run', '-x', '--ledger', directory, *merged, '-o', out, '--', testdata('fork'), 'fork')
            self.assertEqual(0, run.process.returncode)
            self.assertRegex(run.stderr.decode(), r'\Acairn: \S+/below/heap\.\d+\.pb\.gz: .*; what was recorded stays, write it with: cairn dump -o FILE \S+\n\Z')
        self.assertEqual(4, len(self.ledgers_in(directory)))

    def test_a_limit_on_the_size_of_files_keeps_the_ledger_in_memory(self):
        limit = 200 << 10
        run = self.run_cairn('exits', 'return', preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assertEqual(3, run.process.returncode)
        self.assert_truth(truth_of(run.stdout), run.profile())

    def start_outliving(self, *options):
        """A run that has ended while a process of it still runs; and the pid of that."""
        ready = os.path.join(self.new_directory(), 'ready')
        with open(ready, 'w') as file:
            file.write('0')
        pid_file = ready + '.pid'
        script = (f'{testdata("hide")} {ready} threads >/dev/null 2>&1 & echo $! > {pid_file}; '
                  f'while read -r line <{ready}; [ "$line" = 0 ]; do :; done; exit 3')
        run = self.run_cairn(SHELL, '-c', script, options=['--exact', *options])
        with open(pid_file) as file:
            pid = int(file.read())
        self.addCleanup(lambda: os.path.exists(f'/proc/{pid}') and os.kill(pid, signal.SIGKILL))
        return run, pid

    def test_a_process_that_outlives_the_program_goes_on(self):
        run, pid = self.start_outliving()
        self.assertEqual(3, run.process.returncode)
        self.assertEqual("cairn: 1 process still runs; 'cairn list' shows it", run.messages()[0])
        self.assertEqual(1, len(run.files()), 'the profile of the shell')
        path = os.path.join(self.new_directory(), 'heap.pb.gz')
        cairn('dump', pid, '-o', path)
        self.assertEqual(Tally(10, 10000, 10, 10000), Profile(path).flat()['hide_allocate'])
        entry, = [entry for entry in listed().values() if entry['pid'] == pid]
        self.assertEqual((True, 'hide'), (entry['running'], entry['program']))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f'/proc/{pid}'), 'its end')
        cairn('dump', entry['ledger'], '-o', path)
        self.assertEqual(Tally(10, 10000, 10, 10000), Profile(path).flat()['hide_allocate'])
        cairn('remove', entry['ledger'])
        self.assertFalse(os.path.exists(os.path.dirname(entry['ledger'])))

    def test_a_process_that_outlives_a_merged_one_is_left_out(self):
        directory = self.new_directory()
        run, pid = self.start_outliving('--merge', '--ledger', directory)
        self.assertEqual(ZERO, run.profile().flat()['hide_allocate'])
        self.assertRegex(run.messages()[0], '1 process still runs')
        names = [os.path.basename(path) for path in self.ledgers_in(directory)]
        self.assertEqual([f'hide.{pid}.cairn'], [name for name in names if name.startswith('hide')])


if __name__ == '__main__':
    unittest.main()
