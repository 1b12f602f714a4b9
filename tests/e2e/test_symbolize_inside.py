# SPDX-License-Identifier: Apache-2.0
"""CAIRN_SYMBOLIZE=names: profiles that a program writes itself can be read where its files are gone."""
import os
import resource
import shutil
import signal
import subprocess
import unittest

from cairn_test import CairnTest, Profile, Tally, cairn, plain_name, testdata, truth_of, wait_until

NAMES = {'SYMBOLIZE': 'names'}


class SymbolizeInside(CairnTest):
    def copy(self, *names):
        """Copies of files of testdata in a directory of their own, which is returned."""
        directory = self.new_directory()
        for name in names:
            shutil.copy(testdata(name), directory)
        return directory

    def run_and_remove(self, name, *arguments, libraries=(), cairn=None, strip=()):
        """Runs a program whose files are gone when its profile is read."""
        directory = self.copy(name, *libraries)
        for file in strip:
            subprocess.run(['strip', '--strip-all', f'{directory}/{file}'], check=True)
        run = self.run_program(f'{directory}/{name}', *arguments, cairn=NAMES | (cairn or {}),
                               environment={'LD_LIBRARY_PATH': directory})
        shutil.rmtree(directory)
        return run

    def test_names_of_c_and_cpp_are_right_where_the_program_is_gone(self):
        for program in 'exact_functions', 'exact_operators', 'deep_fixed', 'deep_holes':
            with self.subTest(program=program):
                run = self.run_and_remove(program, '3')
                self.assert_truth(truth_of(run.stdout), run.profile())

    def test_reports_show_them_as_people_write_them(self):
        run = self.run_and_remove('exact_operators')
        text = cairn('report', '--type=alloc_space', '--all-frames', *run.files()).stdout.decode()
        self.assertRegex(text, r' operator new(\n|\[)')
        self.assertNotIn(' _Z', text)

    def test_without_the_variable_there_are_none(self):
        for settings in {'SYMBOLIZE': None}, {'SYMBOLIZE': 'none'}:
            profile = self.run_and_remove('exact_functions', cairn=settings).profile(symbolize=False)
            self.assertEqual({'?'}, {name for sample in profile.samples for name in sample.functions})

    def test_a_stripped_library_has_the_names_that_it_exports(self):
        run = self.run_and_remove('linked', libraries=['libplugin_linked.so'], strip=['libplugin_linked.so'])
        profile = run.profile()
        self.assertEqual(Tally(1, 1234, 1, 1234), profile.under('main'))
        sample, = [sample for sample in profile.samples if 'main' in sample.functions]
        self.assertEqual(['plugin_linked_allocate', 'plugin_run', 'main'], sample.functions[:3])

    def test_what_has_no_symbol_keeps_its_address(self):
        run = self.run_and_remove('linked', libraries=['libplugin_linked.so'], strip=['linked'])
        sample, = [sample for sample in run.profile().samples if 'plugin_run' in sample.functions]
        self.assertEqual(['plugin_linked_allocate', 'plugin_run', '?'], sample.functions[:3])
        self.assertNotIn(0, sample.addresses)

    def outermost(self, program, run):
        """The function that has the code at each place of a program, by offset from its start."""
        profile = run.profile()
        starts = {mapping['id']: mapping['start'] for mapping in profile.mappings if os.path.basename(mapping['file']) == program}
        return {location['address'] - starts[location['mapping']]: plain_name(location['functions'][-1])
                for location in profile.locations if location['mapping'] in starts and location['functions']}

    def test_names_are_those_that_pprof_finds_in_the_files(self):
        settings = {'RATE': '4K', 'SEED': 1}
        named = self.outermost('leak', self.run_and_remove('leak', cairn=settings))
        found = self.outermost('leak', self.run_program('leak', cairn=settings))
        both = set(named) & set(found)
        self.assertGreater(len(both), 20)
        self.assertEqual({place: found[place] for place in both}, {place: named[place] for place in both})

    def test_names_and_system_names_are_as_linkers_know_them(self):
        profile = self.run_and_remove('exact_operators').profile(symbolize=False)
        locations = [location for location in profile.locations if location['functions']]
        self.assertEqual([location['functions'] for location in locations], [location['system_names'] for location in locations])
        self.assertTrue(any(location['functions'][0].startswith('_Z') for location in locations))
        for mapping in profile.mappings:
            self.assertEqual((False,) * 4, tuple(mapping['has_' + what] for what in
                                                 ('functions', 'filenames', 'line_numbers', 'inline_frames')))

    def test_each_function_is_there_once_and_a_second_dump_is_the_same(self):
        run = self.start_growth(**NAMES, SIGNAL='USR2')
        self.obey(run, '+ 3')
        for number in 1, 2:
            run.process.send_signal(signal.SIGUSR2)
            wait_until(lambda: len(run.files()) == number, 'a profile', run)
        run.finish(b'')
        first, second, last = (Profile(path, symbolize=False) for path in run.files())
        self.assertEqual(first.locations, second.locations)
        self.assertEqual(Tally(3, 3 << 20, 3, 3 << 20), first.under('growth_allocate'))
        self.assertEqual(first.under('growth_allocate'), last.under('growth_allocate'))

    def test_the_profile_of_the_peak_has_names_too(self):
        run = self.run_program('growth', input=b'+ 2\n- 2\n', cairn=NAMES | {'PEAK': 1})
        peak, = [path for path in run.files() if '.peak.' in path]
        self.assertEqual(2, Profile(peak, symbolize=False).under('growth_allocate').inuse_objects)

    def change_and_dump(self, change, cairn=NAMES):
        """The last profile of a program whose file was changed while it ran, and its own truth."""
        directory = self.copy('growth')
        path = f'{directory}/growth'
        run = self.start_program(path, cairn=cairn, stdin=subprocess.PIPE)
        self.obey(run, '+ 5')
        change(path)
        run.finish(b'')
        self.assertEqual((0, b''), (run.process.returncode, run.stderr))
        return run.profile(symbolize=False), truth_of(run.stdout)['growth_allocate']

    def test_nothing_is_lost_if_the_file_is_not_what_it_was(self):
        def put(contents):
            def change(path):
                with open(path + '.new', 'wb') as file:
                    file.write(contents)
                os.rename(path + '.new', path)
            return change

        with open(testdata('growth'), 'rb') as file:
            own = file.read()
        with open(testdata('deep'), 'rb') as file:
            other = file.read()
        changes = {'removed': os.unlink, 'replaced': put(other), 'empty': put(b''),
                   'a directory': lambda path: (os.unlink(path), os.mkdir(path)),
                   'a pipe': lambda path: (os.unlink(path), os.mkfifo(path))}
        changes |= {f'cut at {size}': put(own[:size]) for size in range(0, len(own) - 4096, len(own) // 9)}  # without section headers
        bare, _ = self.change_and_dump(lambda path: None, cairn={})
        for name, change in changes.items():
            with self.subTest(change=name):
                profile, _ = self.change_and_dump(change)
                self.assertEqual(sorted(sample.tally for sample in bare.samples), sorted(sample.tally for sample in profile.samples))
                names = {function for sample in profile.samples for function in sample.functions}
                self.assertNotIn('growth_allocate', names)
                self.assertTrue(names - {'?'}, 'libc is what it was')
        profile, truth = self.change_and_dump(put(own))
        self.assertEqual(truth, profile.under('growth_allocate'))

    def test_without_address_space_for_names_there_is_a_profile(self):
        for megabytes, has_names in (4, False), (40, True):
            run = self.start_growth(**NAMES)
            self.obey(run, '+ 5')
            with open(f'/proc/{run.pid}/status') as status:
                kilobytes, = (int(line.split()[1]) for line in status if line.startswith('VmSize:'))
            resource.prlimit(run.pid, resource.RLIMIT_AS, (kilobytes + megabytes * 1024 << 10,) * 2)
            run.finish(b'')
            profile = run.profile(symbolize=False)
            self.assertIn(Tally(5, 5 << 20, 5, 5 << 20), [sample.tally for sample in profile.samples])
            self.assertEqual(has_names, 'growth_allocate' in {name for sample in profile.samples for name in sample.functions})


if __name__ == '__main__':
    unittest.main()
