# SPDX-License-Identifier: Apache-2.0
"""Names and lines in profiles: that they are right, promised only where they are there, and always the same."""
import os
import re
import resource
import shutil
import signal
import subprocess
import unittest

from cairn_test import CAIRN, GO_PPROF, CairnTest, Profile, Tally, cairn, pprof, testdata
from made_profile import MadeProfile

HEAP_TYPES = ('alloc_objects', 'count'), ('alloc_space', 'bytes'), ('inuse_objects', 'count'), ('inuse_space', 'bytes')

SOURCE = '''
#include <cstdlib>
#include <string>
#include <vector>
namespace shop {
template <class T> struct shelf {
	std::vector<T> things;
	__attribute__((always_inline)) void put(T thing)
	{
		things.push_back(thing); // line 10
	}
};
__attribute__((noinline)) void fill(shelf<long> &shelf, int number)
{
	for (int i = 0; i < number; i++)
		shelf.put(i); // line 16
}
}
static void *volatile kept;
int main()
{
	shop::shelf<long> *shelf = new shop::shelf<long>;
	kept = shelf;
	shop::fill(*shelf, 1000); // line 24
	return 0;
}
'''


class SymbolizeTest(CairnTest):
    def build(self, *flags, compiler='g++', source=SOURCE, name='shop', directory=None):
        directory = directory or self.new_directory()
        path = os.path.join(directory, name + '.cc')
        with open(path, 'w') as file:
            file.write(source)
        program = os.path.join(directory, name)
        subprocess.run([compiler, '-g', '-O2', *flags, path, '-o', program], check=True)
        return program

    def profile_of(self, program):
        run = self.run_program(program)
        self.assertEqual(0, run.process.returncode, run.stderr)
        path, = run.files()
        return path

    def symbolize(self, path, *options, check=True, **keywords):
        out = os.path.join(self.new_directory(), 'named.pb.gz')
        result = cairn('symbolize', path, '-o', out, *options, check=check, **keywords)
        return out, result.stderr.decode()

    def assert_shop(self, profile):
        """The stack of the vector's growth has all its functions and lines."""
        sample = max((sample for sample in profile.samples if 'fill' in sample.functions),
                     key=lambda sample: sample.tally.alloc_bytes)
        calls = [(function, file, line) for index in self.indices(profile, sample)
                 for function, file, line in zip(profile.locations[index]['functions'], profile.locations[index]['files'],
                                                 profile.locations[index]['lines'])]
        lines = {function: (os.path.basename(file), line) for function, file, line in calls}
        self.assertEqual(('shop.cc', 10), lines['shop::shelf<long>::put'], calls)
        self.assertEqual(('shop.cc', 16), lines['shop::fill'], calls)
        self.assertEqual(('shop.cc', 24), lines['main'], calls)
        names = [function for function, _, _ in calls]
        self.assertEqual(sorted(names.index(name) for name in ('shop::shelf<long>::put', 'shop::fill', 'main')),
                         [names.index(name) for name in ('shop::shelf<long>::put', 'shop::fill', 'main')])
        program, = [m for m in profile.mappings if os.path.basename(m['file']) == 'shop']
        locations = [location for location in profile.locations if location['mapping'] == program['id']]
        self.assertEqual([True, all(all(location['files']) for location in locations),
                          all(all(location['lines']) for location in locations), True],
                         [program[flag] for flag in ('has_functions', 'has_filenames', 'has_line_numbers', 'has_inline_frames')])

    @staticmethod
    def indices(profile, sample):
        return next(raw['locations'] for raw in profile.contents['samples'] if raw['values'] == list(sample.tally)
                    and [profile.locations[i]['address'] for i in raw['locations']] == sample.addresses)


class Names(SymbolizeTest):
    def test_functions_files_lines_and_inlined_calls(self):
        for compiler in 'g++', 'clang++':
            with self.subTest(compiler=compiler):
                out, said = self.symbolize(self.profile_of(self.build(compiler=compiler)))
                self.assert_shop(Profile(out, symbolize=False))
                self.assertRegex(said, r'cairn: wrote .*: \d+ of \d+ frames have a name, \d+ a line(; .*)?\n')

    def test_values_are_what_they_were(self):
        path = self.profile_of(testdata('leak'))
        out, _ = self.symbolize(path)
        before, after = Profile(path, symbolize=False), Profile(out, symbolize=False)
        self.assertEqual(sorted((s.tally, s.addresses) for s in before.samples), sorted((s.tally, s.addresses) for s in after.samples))
        for field in 'comments', 'period', 'period_type', 'time_nanos', 'duration_nanos', 'drop_frames', 'default_sample_type':
            self.assertEqual(before.contents[field], after.contents[field], field)

    def test_names_are_for_people_and_for_the_linker(self):
        out, _ = self.symbolize(self.profile_of(self.build()))
        pairs = {pair for location in Profile(out, symbolize=False).locations
                 for pair in zip(location['functions'], location['system_names'])}
        self.assertIn(('shop::fill', '_ZN4shop4fillERNS_5shelfIlEEi'), pairs)
        self.assertIn(('main', 'main'), pairs)

    def test_the_same_names_as_pprof_finds(self):
        path = self.profile_of(testdata('leak'))
        out, _ = self.symbolize(path)
        theirs, ours = Profile(path), Profile(out, symbolize=False)

        def lines(profile):
            # google/pprof finds the same places, in the same order of addresses.
            return {location['address']: [(os.path.basename(file), line) for file, line in zip(location['files'], location['lines'])]
                    for location in profile.locations if location['mapping'] == 1}
        self.assertTrue(lines(ours))
        self.assertEqual(lines(theirs), lines(ours))

    def test_go_tool_pprof_reads_it_without_the_program(self):
        program = self.build()
        out, _ = self.symbolize(self.profile_of(program))
        os.remove(program)
        text = pprof('-top', '-sample_index=alloc_space', out, tool=GO_PPROF)
        self.assertIn('shop::fill', text)
        self.assertIn('shop::shelf<long>::put', pprof('-top', '-sample_index=alloc_space', '-cum', out, tool=GO_PPROF))

    def test_it_can_be_done_again_and_gives_the_same_bytes(self):
        path = self.profile_of(testdata('leak'))
        first, _ = self.symbolize(path)
        second, _ = self.symbolize(path)
        again, _ = self.symbolize(first)
        contents = []
        for path in first, second, again:
            with open(path, 'rb') as file:
                contents.append(file.read())
        self.assertEqual(contents[0], contents[1])
        self.assertEqual(contents[0], contents[2])

    def test_go_and_c_in_one_program(self):
        out, _ = self.symbolize(self.run_cairn('cgo').files()[0])
        functions = {name for location in Profile(out, symbolize=False).locations for name in location['functions']}
        lines = {function: os.path.basename(file) for location in Profile(out, symbolize=False).locations
                 for function, file in zip(location['functions'], location['files'])}
        self.assertEqual('cgo.go', lines['c_keep'])
        self.assertRegex(lines['runtime.asmcgocall'], r'asm_amd64\.s')

    def test_the_default_name_is_beside_the_input(self):
        path = self.profile_of(self.build())
        cairn('symbolize', path)
        self.assertTrue(os.path.exists(path.replace('.pb.gz', '.named.pb.gz')))

    def test_it_goes_through_pipes(self):
        path = self.profile_of(self.build())
        with open(path, 'rb') as file:
            result = subprocess.run([CAIRN, 'symbolize', '-'], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    check=True)
        self.assertEqual(b'', result.stderr)
        out, _ = self.symbolize(path)
        with open(out, 'rb') as file:
            self.assertEqual(file.read(), result.stdout)


class CodeWithoutFiles(SymbolizeTest):
    def names_of(self, made):
        out, _ = self.symbolize(made.write(os.path.join(self.new_directory(), 'made.pb.gz')))
        return {location['address']: location['functions'] for location in Profile(out, symbolize=False).locations}

    def test_the_vdso(self):
        with open('/proc/self/maps') as maps:
            start, limit = next([int(word, 16) for word in line.split()[0].split('-')] for line in maps if '[vdso]' in line)
        with open('/proc/self/mem', 'rb') as memory:
            memory.seek(start)
            image = memory.read(limit - start)
        file = os.path.join(self.new_directory(), 'vdso')
        with open(file, 'wb') as written:
            written.write(image)
        described = subprocess.run(['readelf', '-nW', '--dyn-syms', file], stdout=subprocess.PIPE, check=True).stdout.decode()
        offset, = (int(line.split()[1], 16) for line in described.splitlines() if re.search(r'__vdso_gettimeofday@', line))
        build_id = re.search(r'Build ID: (\w+)', described)[1]
        for known, names in (build_id, True), ('ab' + build_id[2:], False):
            made = MadeProfile(HEAP_TYPES)
            made.add([made.code(0x7000000 + offset, 0x7000000, 0x7000000 + limit - start, '[vdso]', known)], [1, 1, 1, 1])
            found, = self.names_of(made).values()
            self.assertEqual(names, any('gettimeofday' in name for name in found), found)

    def test_code_made_at_run_time(self):
        ended = subprocess.Popen(['/bin/true'])
        ended.wait()
        path = f'/tmp/perf-{ended.pid}.map'
        with open(path, 'w') as file:
            file.write('7f0000001000 100 LazyCompile:~parse a.js:1\n7f0000002000 20 Builtin:Call\n')
        self.addCleanup(os.remove, path)
        now = int(os.stat(path).st_mtime)
        for since, is_known in (now - 10, True), (now + 10, False): # another process may have had the id before
            made = MadeProfile(HEAP_TYPES).comment(f'process: {ended.pid}, profiled since {since}.000')
            places = [made.code(0x7f0000001010), made.code(0x7f0000002020), made.code(0x7f0000002000, 0x7f0000002000, 0x7f0000003000, '//anon')]
            made.add(places, [1, 1, 1, 1])
            self.assertEqual({0x7f0000001010: ['LazyCompile:~parse a.js:1'] if is_known else [], 0x7f0000002020: [],
                              0x7f0000002000: ['Builtin:Call'] if is_known else []}, self.names_of(made))


class WhereFilesAre(SymbolizeTest):
    def test_a_replaced_program_is_told_with_both_build_ids(self):
        program = self.build()
        path = self.profile_of(program)
        id_before, = [m['build_id'] for m in Profile(path, symbolize=False).mappings if m['file'] == program]
        self.build('-DOTHER', '-O1', source=SOURCE.replace('1000', '1001'), directory=os.path.dirname(program))
        out, said = self.symbolize(path)
        self.assertRegex(said, re.escape(f'cairn: warning: {program}: ') + '.*' + id_before)
        id_after = re.search(r'Build ID: (\w+)', subprocess.run(['readelf', '-n', program], stdout=subprocess.PIPE).stdout.decode())[1]
        self.assertIn(id_after, said)
        profile = Profile(out, symbolize=False)
        number, = [m['id'] for m in profile.mappings if m['file'] == program]
        self.assertEqual([[]], [list(names) for names in {tuple(location['functions']) for location in profile.locations
                                                          if location['mapping'] == number}])
        self.assertFalse([m for m in profile.mappings if m['id'] == number][0]['has_functions'])

    def test_a_missing_program_keeps_its_addresses(self):
        program = self.build()
        path = self.profile_of(program)
        os.remove(program)
        out, said = self.symbolize(path)
        self.assertIn(f'cairn: warning: {program}: ', said)
        self.assertRegex(said, r'frames? stays? without names')
        self.assertEqual(Profile(path, symbolize=False).total(), Profile(out, symbolize=False).total())
        _, said = self.symbolize(path, '--quiet')
        self.assertEqual('', said)

    def test_separate_debug_files(self):
        program = self.build()
        path = self.profile_of(program)
        plain = self.new_directory()
        build_id = re.search(r'Build ID: (\w+)', subprocess.run(['readelf', '-n', program], stdout=subprocess.PIPE).stdout.decode())[1]
        os.makedirs(f'{plain}/.build-id/{build_id[:2]}')
        debug = f'{plain}/.build-id/{build_id[:2]}/{build_id[2:]}.debug'
        subprocess.run(['objcopy', '--only-keep-debug', program, debug], check=True)
        subprocess.run(['strip', program], check=True)
        without, said = self.symbolize(path)
        self.assertRegex(said, f'; [2-9] without are in {program}, whose symbols or debug file were not found')
        self.assertNotIn('shop::fill', {name for location in Profile(without, symbolize=False).locations
                                        for name in location['functions']})
        out, _ = self.symbolize(path, '--debug-dir', plain)
        self.assert_shop(Profile(out, symbolize=False))

    def test_a_sysroot(self):
        program = self.build()
        path = self.profile_of(program)
        root = self.new_directory()
        os.makedirs(root + os.path.dirname(program))
        shutil.move(program, root + program)
        out, _ = self.symbolize(path, '--sysroot', root)
        self.assert_shop(Profile(out, symbolize=False))

    def test_a_name_with_spaces_and_other_bytes(self):
        directory = os.path.join(self.new_directory(), 'a b\n"c" \xe4')
        os.mkdir(directory)
        out, _ = self.symbolize(self.profile_of(self.build(directory=directory)))
        self.assert_shop(Profile(out, symbolize=False))


class Elsewhere(SymbolizeTest):
    def test_run_and_dump_give_names_at_once(self):
        program = self.build()
        run = self.run_cairn(program, options=('--exact', '--symbolize'))
        self.assertEqual(0, run.process.returncode, run.stderr)
        path, = run.files()
        os.rename(program, program + '.away')
        self.assert_shop(Profile(path, symbolize=False))
        os.rename(program + '.away', program)
        ledger = self.ledger_of(program)
        out = os.path.join(self.new_directory(), 'x.pb.gz')
        cairn('dump', '--symbolize', ledger, '-o', out)
        self.assert_shop(Profile(out, symbolize=False))
        cairn('symbolize', ledger, '-o', out)
        self.assert_shop(Profile(out, symbolize=False))

    def test_the_variable_that_is_for_programs_holds_for_run(self):
        program = self.build()
        run = self.run_cairn(program, environment={'CAIRN_SYMBOLIZE': 'names'})
        path, = run.files()
        self.assert_shop(Profile(path, symbolize=False))

    def test_standard_output_is_the_programs(self):
        run = self.run_bare(CAIRN, 'run', '-o', '-', '--', '/bin/echo', 'was run')
        self.assertEqual((125, b''), run.outcome[:2])
        self.assertIn(b"--out: -: standard output is the program's", run.stderr)

    def test_a_merged_run(self):
        program = self.build()
        run = self.run_cairn('/bin/sh', '-c', '"$0"; "$0"; true', program, options=('--exact', '--symbolize', '--merge'))
        path, = run.files()
        self.assert_shop(Profile(path, symbolize=False))

    def test_the_difference_to_a_profile_with_names_and_to_one_without(self):
        run = self.start_growth()
        for option in [], ['--symbolize']:
            base, out = (os.path.join(self.new_directory(), 'x.pb.gz') for _ in range(2))
            cairn('dump', run.pid, *option, '-o', base)
            self.obey(run, '+ 5')
            cairn('dump', run.pid, '--since', base, '--symbolize', '-o', out)
            profile = Profile(out, symbolize=False)
            self.assertEqual(Tally(5, 5 << 20, 5, 5 << 20), profile.flat()['growth_allocate'])
            self.assertTrue(all(location['functions'] for location in profile.locations if location['mapping'] == 1))
        run.finish(b'')


class Trouble(SymbolizeTest):
    def test_what_is_no_profile_is_refused_by_name(self):
        bad = os.path.join(self.new_directory(), 'bad.pb.gz')
        for contents, message in (b'', 'empty, not a profile'), (b'\x1f\x8bxx', 'gzip: '), (b'hello', 'not a profile'):
            with open(bad, 'wb') as file:
                file.write(contents)
            result = cairn('symbolize', bad, '-o', bad + '.out', check=False)
            self.assertEqual(1, result.returncode)
            self.assertRegex(result.stderr.decode(), f'^cairn: {re.escape(bad)}: .*{message}')
            self.assertFalse(os.path.exists(bad + '.out'))

    def test_nothing_is_left_when_a_signal_ends_it(self):
        path = self.profile_of(testdata('leak'))
        out = os.path.join(self.new_directory(), 'out.pb.gz')
        result = cairn('symbolize', path, '-o', out, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
        self.assertEqual(-signal.SIGXFSZ, result.returncode, result.stderr)
        self.assertEqual([], os.listdir(os.path.dirname(out)))

    def test_a_name_that_is_too_long_for_a_profile_is_left_out(self):
        program = self.build(source='int main() { return 0; }')
        source = os.path.join(self.new_directory(), 'long.c')
        with open(source, 'w') as file:
            file.write('#include <stdlib.h>\nvoid *f(int n) __asm__("%s");\n__attribute__((noinline)) void *f(int n) '
                       '{ void *volatile p = malloc(n); return p; }\nint main(void) { f(100); return 0; }\n' % ('x' * 70000))
        subprocess.run(['gcc', '-O2', source, '-o', program], check=True)
        out, _ = self.symbolize(self.profile_of(program))
        names = {name for location in Profile(out, symbolize=False).locations for name in location['functions']}
        self.assertIn('main', names)
        self.assertNotIn('x' * 70000, names)
        cairn('report', out)

    def test_options_that_are_wrong(self):
        for options, message in (([], 'what?'), (['a', 'b'], 'one profile at a time'), (['--sysroot', '/nowhere', 'a'], 'no such directory'),
                                 (['--download-timeout', 'x', 'a'], 'expected a time'), (['--debug-dir', '/etc/passwd', 'a'], 'no such')):
            result = cairn('symbolize', *options, check=False)
            self.assertEqual(2, result.returncode, options)
            self.assertIn(message, result.stderr.decode())
        result = cairn('symbolize', '/nowhere/x.pb.gz', check=False)
        self.assertEqual((1, 'cairn: /nowhere/x.pb.gz: No such file or directory\n'), (result.returncode, result.stderr.decode()))


if __name__ == '__main__':
    unittest.main()
