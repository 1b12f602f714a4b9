# SPDX-License-Identifier: Apache-2.0
"""What readers expect of a profile: google/pprof's package, and `go tool pprof` with its options."""
import os
import re
import signal
import socket
import subprocess
import time
import unittest
import urllib.request

from cairn_test import GO_PPROF, CairnTest, clean_environment, pprof, testdata, wait_until


class Contents(CairnTest):
    def test_it_has_the_types_of_a_go_heap_profile(self):
        before = time.time_ns()
        run = self.run_program('exact_functions', cairn={'RATE': '64K'})
        contents = run.profile(symbolize=False).contents
        self.assertEqual([{'type': 'alloc_objects', 'unit': 'count'}, {'type': 'alloc_space', 'unit': 'bytes'},
                          {'type': 'inuse_objects', 'unit': 'count'}, {'type': 'inuse_space', 'unit': 'bytes'}], contents['sample_types'])
        self.assertEqual('inuse_space', contents['default_sample_type'])
        self.assertEqual({'type': 'space', 'unit': 'bytes'}, contents['period_type'])
        self.assertEqual(65536, contents['period'])
        self.assertTrue(before <= contents['time_nanos'] <= time.time_ns())
        self.assertEqual(0, contents['duration_nanos'])

    def test_samples_are_distinct_and_never_negative(self):
        for program in ['exact_functions'], ['leak'], ['sites', '3000'], ['threads']:
            with self.subTest(program=program):
                profile = self.run_program(*program).profile(symbolize=False)
                self.assertGreater(len(profile.samples), 0)
                stacks = [tuple(sample.addresses) for sample in profile.samples]
                self.assertEqual(len(stacks), len(set(stacks)))
                for sample in profile.samples:
                    self.assertGreaterEqual(min(sample.tally), 0)
                    self.assertGreaterEqual(sample.tally.alloc_objects, sample.tally.inuse_objects)
                    self.assertGreaterEqual(sample.tally.alloc_bytes, sample.tally.inuse_bytes)

    def test_mappings_are_those_of_the_process(self):
        run = self.run_program('linked')
        profile = run.profile(symbolize=False)
        mappings = profile.mappings
        self.assertEqual(testdata('linked'), mappings[0]['file'])
        self.assertEqual(list(range(1, len(mappings) + 1)), sorted(mapping['id'] for mapping in mappings))
        for mapping in mappings:
            self.assertEqual(0, mapping['start'] % 4096)
            self.assertEqual(0, mapping['limit'] % 4096)
            self.assertFalse(mapping['has_functions'])
        [library] = [mapping for mapping in mappings if mapping['file'].endswith('/libplugin_linked.so')]
        for mapping, path in (mappings[0], testdata('linked')), (library, testdata('libplugin_linked.so')):
            notes = subprocess.run(['readelf', '-n', path], check=True, stdout=subprocess.PIPE).stdout.decode()
            self.assertEqual(re.search(r'Build ID: (\w+)', notes)[1], mapping['build_id'])
        by_id = {mapping['id']: mapping for mapping in mappings}
        for location in profile.locations:
            if location['functions']:  # one of cairn's own notes, such as [truncated]
                continue
            mapping = by_id[location['mapping']]
            self.assertTrue(mapping['start'] <= location['address'] < mapping['limit'])

    def test_comments_tell_how_it_was_made(self):
        profile = self.run_program('deep', '7', cairn={'RATE': '1'}).profile(symbolize=False)
        text = '\n'.join(profile.comments)
        self.assertIn(testdata('deep') + ' 7', text)
        for pattern in r'(?i)\brate\b.*\b1\b', r'(?i)sample', r'(?i)drop', r'(?i)cpu|overhead':
            self.assertRegex(text, pattern)

    def test_drop_frames_is_a_pattern_for_the_allocation_functions(self):
        pattern = self.run_program('deep', '3').profile(symbolize=False).contents['drop_frames']
        # pprof matches the whole of a name, up to its first parenthesis.
        for name in 'malloc', 'calloc', 'realloc', 'posix_memalign', 'operator new', 'operator new[]':
            self.assertRegex(name, f'^(?:{pattern})$')
        for name in 'main', 'descend', 'std::vector::push_back', 'malloc_something', 'my_malloc':
            self.assertNotRegex(name, f'^(?:{pattern})$')

    def test_cairns_own_frames_do_not_appear(self):
        for program in ['exact_functions'], ['exact_operators']:
            profile = self.run_program(*program).profile()
            self.assertEqual([], [mapping['file'] for mapping in profile.mappings if 'libcairn' in mapping['file']])


class Names(CairnTest):
    def line_with(self, source, text):
        with open(os.path.join(os.path.dirname(__file__), '../../testdata', source)) as file:
            return next(number for number, line in enumerate(file, 1) if text in line)

    def test_functions_and_lines_whatever_the_layout(self):
        expected = {('deep.c', self.line_with('deep.c', 'malloc(4321)'))}
        for program in 'deep', 'deep_fixed', 'deep_holes', 'deep_holes_fixed':
            with self.subTest(program=program):
                profile = self.run_program(program, '3').profile()
                self.assertEqual(expected, profile.lines_of('deep_allocate'))
                stack, = (sample.functions for sample in profile.samples if 'deep_allocate' in sample.functions)
                self.assertEqual(['deep_allocate', 'descend', 'descend', 'descend', 'main'], stack[:5])

    def test_functions_and_lines_in_a_linked_library(self):
        profile = self.run_program('linked').profile()
        self.assertEqual({('plugin.c', self.line_with('plugin.c', 'malloc(size)'))}, profile.lines_of('plugin_linked_allocate'))

    def test_functions_and_lines_in_a_closed_library(self):
        profile = self.run_program('closed', testdata('plugin_a.so')).profile()
        self.assertEqual({('plugin.c', self.line_with('plugin.c', 'malloc(size)'))}, profile.lines_of('plugin_a_allocate'))

    def test_functions_and_lines_of_cpp(self):
        profile = self.run_program('exact_operators').profile()
        self.assertEqual({('exact_operators.cc', self.line_with('exact_operators.cc', '::operator new(size), size, 8'))},
                         profile.lines_of('new_plain'))

    def test_the_leak_of_the_demonstration_is_found(self):
        for rate in '1', '512K':
            with self.subTest(rate=rate):
                profile = self.run_program('leak', cairn={'RATE': rate}).profile()
                self.assertGreater(profile.under('find_or_render').inuse_bytes, 0.9 * profile.total().inuse_bytes)
                self.assertGreater(profile.under('find_or_render').inuse_bytes, 50 << 20)


class Tool(CairnTest):
    """`go tool pprof`, as users have it."""

    def pprof(self, *arguments):
        return pprof(*arguments, tool=GO_PPROF)

    def setUp(self):
        super().setUp()
        run = self.start_growth(SIGNAL='USR2')
        run.process.send_signal(signal.SIGUSR2)
        wait_until(run.files, 'a profile', run)
        run.finish(b'+ 5\n- 2\n')
        self.first, self.last = run.files()

    def test_top(self):
        top = self.pprof('-top', '-unit=MB', self.last)
        self.assertRegex(top, r'(?m)^Type: inuse_space$')
        self.assertRegex(top, r'(?m)^ +3MB .* growth_allocate')
        self.assertRegex(self.pprof('-top', '-unit=MB', '-sample_index=alloc_space', self.last), r'(?m)^ +5MB .* growth_allocate')
        self.assertRegex(self.pprof('-top', '-sample_index=alloc_objects', self.last), r'(?m)^ +5 .* growth_allocate')
        self.assertRegex(self.pprof('-top', '-sample_index=inuse_objects', self.last), r'(?m)^ +3 .* growth_allocate')

    def test_traces_and_raw(self):
        self.assertRegex(self.pprof('-traces', '-unit=MB', self.last), r'3MB +growth_allocate')
        raw = self.pprof('-raw', self.last)
        self.assertRegex(raw, r'(?m)^PeriodType: space bytes$')
        self.assertIn('inuse_space/bytes[dflt]', raw)

    def test_differences(self):
        for option in '-base', '-diff_base':
            with self.subTest(option=option):
                self.assertRegex(self.pprof('-top', '-unit=MB', option + '=' + self.first, self.last), r'(?m)^ +3MB .* growth_allocate')

    def test_profiles_can_be_added(self):
        self.assertRegex(self.pprof('-top', '-unit=MB', self.last, self.last), r'(?m)^ +6MB .* growth_allocate')

    def test_lists_source(self):
        self.assertRegex(self.pprof('-list=growth_allocate', self.last), r'3MB.*malloc\(size\)')

    def test_http(self):
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        environment = clean_environment() | {'PPROF_TMPDIR': self.new_directory()}
        server = subprocess.Popen([*GO_PPROF, f'-http=127.0.0.1:{port}', '-no_browser', self.last], env=environment,
                                  stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            def answers():
                try:
                    return b'growth_allocate' in urllib.request.urlopen(f'http://127.0.0.1:{port}/ui/top', timeout=5).read()
                except OSError:
                    return False
            wait_until(answers, 'the web interface')
            self.assertIn(b'growth_allocate', urllib.request.urlopen(f'http://127.0.0.1:{port}/ui/flamegraph', timeout=5).read())
        finally:
            os.killpg(server.pid, 15)
            server.wait()


if __name__ == '__main__':
    unittest.main()
