# SPDX-License-Identifier: Apache-2.0
"""Functions, inlined calls and lines from debug information, wherever that is, as other programs read it.

A small program is built in many ways.  What `lookup` finds for every byte of its functions must be what llvm-symbolizer
finds in a plain build by the same compiler, whose code is the same.  10,000 places of a large C++ program are compared
with llvm-symbolizer and with addr2line.

What is allowed to differ, and how it is told:
- The function that has the code of its own: both take its name from the symbol table first, cairn from the debug
  information.  So theirs may be another symbol of the same code (of constructors and destructors there are two) or have
  a suffix of the compiler's (".cold", ".part.0"): then it must be a symbol that the table has for that address.
- addr2line, where the debug information has a name but no mangled one for a function or an inlined call, gives the
  symbol at the address: cairn must then have what llvm-symbolizer has.
- Where there is no mangled name cairn tells the namespaces and classes around the function, too: "space::innermost".
- addr2line is asked of DWARF 4 only.  Of version 5 the one of binutils 2.40 leaves inlined calls out whose ranges are
  given by number (clang), and takes some lines of headers for those of the source file (gcc).
"""
import contextlib
import functools
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

LOOKUP = os.environ['E2E_LOOKUP']

PROGRAM = r'''
#include <stdio.h>
#include <string>
#include <vector>
#include "part.h"
namespace space {
static inline __attribute__((always_inline)) int innermost(int n)
{
	volatile int sink = n;
	return sink * 3;
}
struct thing {
	int value;
	inline __attribute__((always_inline)) thing(int n) : value(innermost(n)) { }
	__attribute__((noinline)) int method(int n);
	template <int N> __attribute__((noinline)) int repeat(int n) { int sum = 0; for (int i = 0; i < N + n; i++) sum += innermost(i); return sum; }
};
int thing::method(int n)
{
	auto add = [this](int m) __attribute__((noinline)) { return value + innermost(m); };
	return add(n) + innermost(n + 1);
}
}
static __attribute__((noinline)) int local(int n)
{
	struct inner { static __attribute__((noinline)) int in_local(int m) { return space::innermost(m) + 2; } };
	return inner::in_local(n) + 1;
}
int main(int argc, char **)
{
	space::thing thing(argc);
	std::vector<std::string> names;
	names.push_back(std::to_string(argc));
	int sum = thing.method(argc) + thing.repeat<3>(argc) + local(argc) + part_run(argc) + (int)names.size();
	printf("%d\n", sum);
	return sum == 12345;
}
'''
PART_HEADER = r'''
#ifdef __cplusplus
extern "C"
#endif
int part_run(int n);
void part_rare(int n);
static inline __attribute__((always_inline)) int part_shared(int n)
{
	volatile int sink = n;
	if (__builtin_expect(sink == 77, 0)) { // away from the rest of it, so it has two ranges
		part_rare(sink);
		sink++;
	}
	return sink + 5;
}
'''
PART = r'''
#include "part.h"
__attribute__((noinline, cold)) void part_rare(int n) { volatile int sink = n; sink++; }
// So large that at address 0, where linkers put what they have thrown away, it would reach into the program.
#ifndef SMALL
__attribute__((noinline)) void unused_large(void) { __asm__ volatile(".skip 30000"); }
#endif
static __attribute__((noinline)) int part_static(int n) { return part_shared(n) * 7; }
__attribute__((noinline, cold)) int part_run(int n)
{
	if (n > 3)
		return part_static(n);
	return part_shared(n) + 1;
}
'''
COMPILERS = {'gcc': ('gcc', 'g++'), 'clang': ('clang', 'clang++')}
VARIANTS = [(compiler, version) for compiler in COMPILERS for version in ('4', '5')]


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options).stdout


def symbols_of(path):
    """(name, start, size) of each function."""
    found = []
    for line in run('nm', '--defined-only', '-S', path).splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in 'tTwWi':
            found.append((words[3], int(words[0], 16), int(words[1], 16)))
    return found


def code_offset(path):
    """What to add to an address of code to have its offset in the file."""
    for line in run('readelf', '-lW', path).splitlines():
        words = line.split()
        if words[:1] == ['LOAD'] and 'E' in ''.join(words[6:-1]):
            return int(words[1], 16) - int(words[2], 16)
    raise AssertionError(f'{path} has no code')


def lookup(path, addresses, *options, offset=None, environment=None, check=True, timeout=60):
    """[(function, 'FILE:LINE:COLUMN', start line), ...] for each address of code."""
    offset = code_offset(path) if offset is None else offset
    result = subprocess.run([LOOKUP, *options, path], input=''.join(f'{address + offset:x}\n' for address in addresses),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                            env={name: value for name, value in os.environ.items() if not name.startswith('DEBUGINFOD')} | (environment or {}))
    if not check:
        return result
    if result.returncode:
        raise AssertionError(f'lookup {path}: {result.stderr}')
    found = []
    for line in result.stdout.splitlines():
        if line.startswith(' '):
            found[-1].append(tuple(line[1:].split('\t')))
        else:
            found.append([])
    return found


def llvm_lookup(path, addresses):
    """[(function, 'FILE:LINE:COLUMN'), ...] for each address."""
    text = run('llvm-symbolizer', '--obj=' + path, '--functions=linkage', '--no-demangle',
               input=''.join(f'{address:#x}\n' for address in addresses), timeout=300)
    blocks = [block.split('\n') for block in text.strip('\n').split('\n\n')]
    return [list(zip(lines[::2], lines[1::2])) for lines in blocks]


def addr2line_lookup(path, addresses):
    """[(function, 'FILE:LINE'), ...] for each address."""
    text = run('addr2line', '-a', '-i', '-f', '-e', path, input=''.join(f'{address:#x}\n' for address in addresses), timeout=300)
    found, lines = [], iter(text.splitlines())
    for line in lines:
        if line.startswith('0x'):
            found.append([])
        else:
            found[-1].append((line, next(lines).split(' (discriminator')[0]))
    return found


@functools.lru_cache(maxsize=None)
def names_of_bytes(path):
    """All symbols of the functions that each byte of code belongs to."""
    names, starts = {}, {}
    for line in run('nm', '--defined-only', path).splitlines():
        address, _, name = line.split(' ', 2)
        starts.setdefault(int(address, 16), set()).add(name)
    for _, start, size in symbols_of(path):
        for address in range(start, start + size):
            names.setdefault(address, set()).update(starts[start])
    return names


def without_scopes(name, theirs):
    """Their name, if it is ours but for the scopes around it."""
    return theirs if not name.startswith('_Z') and name.endswith('::' + theirs) else name


def is_symbol_at(path, address, name):
    return name in names_of_bytes(path).get(address, ())


class SymbolsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix='cairn-symbols-')
        cls.addClassCleanup(holder.cleanup)
        cls.directory = os.path.realpath(holder.name)
        cls.plain = {}

    def new_directory(self):
        return tempfile.mkdtemp(dir=self.directory)

    def build(self, compiler, version, *flags, directory=None, link=()):
        """The program, in a directory of its own; its path there."""
        directory = directory or self.new_directory()
        for name, text in ('program.cc', PROGRAM), ('part.h', PART_HEADER), ('part.c', PART):
            with open(os.path.join(directory, name), 'w') as file:
                file.write(text)
        c, cxx = COMPILERS[compiler]
        common = ['-O2', '-g', '-gdwarf-' + version, '-ffile-prefix-map=' + directory + '=/sources', *flags]
        if any('split' in flag for flag in flags):  # .dwo files are looked for where they are
            common.remove('-ffile-prefix-map=' + directory + '=/sources')
        run(c, *common, '-c', 'part.c', cwd=directory)
        run(cxx, *common, '-c', 'program.cc', cwd=directory)
        run(cxx, *common, '-Wl,--build-id', *link, '-o', 'program', 'program.o', 'part.o', cwd=directory)
        return os.path.join(directory, 'program')

    def truth(self, compiler, version, link=()):
        """A plain build, addresses of its functions, and what llvm-symbolizer finds there."""
        key = compiler, version, link
        if key not in self.plain:
            path = self.build(compiler, version, link=link)
            addresses = [address for name, start, size in symbols_of(path)
                         if re.search('main|thing|local|part_|vector|string', name) for address in range(start, start + size)]
            self.plain[key] = path, addresses, llvm_lookup(path, addresses)
        return self.plain[key]

    def assert_same(self, path, addresses, found, truth, sources=None):
        self.assertGreater(len(addresses), 300)
        num_inlined = 0
        for address, ours, theirs in zip(addresses, found, truth, strict=True):
            ours = [(function, place.replace(sources, '/sources') if sources else place) for function, place, _ in ours]
            theirs = [(function, place.replace('??:0:0', ':0:0')) for function, place in theirs]
            if sources:
                theirs = [(function, place.replace(os.path.dirname(path), '/sources')) for function, place in theirs]
            num_inlined += len(theirs) > 1
            where = f'{path} {address:#x}: {ours} {theirs}'
            self.assertEqual([place for _, place in ours], [place for _, place in theirs], where)
            self.assertEqual([without_scopes(function, other) for (function, _), (other, _) in zip(ours[:-1], theirs[:-1])],
                             [function for function, _ in theirs[:-1]], where)
            if ours[-1][0] != theirs[-1][0]:
                self.assertTrue(is_symbol_at(path, address, theirs[-1][0]), where)
                self.assertTrue(is_symbol_at(path, address, ours[-1][0]) or ours[-1][0] == re.sub(r'\..*', '', theirs[-1][0]), where)
        self.assertGreater(num_inlined, 50)

    def assert_like_plain(self, compiler, version, path, *options, sources=None, **arguments):
        plain, addresses, truth = self.truth(compiler, version)
        found = lookup(path, addresses, *options, offset=code_offset(plain), **arguments)
        self.assert_same(plain, addresses, found, truth, sources)

    def assert_only_names(self, compiler, version, path, *options, **arguments):
        plain, addresses, truth = self.truth(compiler, version)
        found = lookup(path, addresses, *options, offset=code_offset(plain), **arguments)
        self.assertTrue(all(len(lines) <= 1 and (not lines or lines[0][1] == ':0:0') for lines in found))


class Forms(SymbolsTest):
    def test_plain(self):
        for compiler, version in VARIANTS:
            with self.subTest(compiler=compiler, version=version):
                self.assert_like_plain(compiler, version, self.truth(compiler, version)[0])

    def test_start_lines(self):
        lines = PROGRAM.splitlines()
        starts = {name: next(number for number, line in enumerate(lines, 1) if text in line)
                  for name, text in (('main', 'int main('), ('_ZN5space5thing6methodEi', 'int thing::method('), ('_ZL5locali', 'int local('),
                                     ('innermost', 'int innermost('))}
        for compiler, version in VARIANTS:
            with self.subTest(compiler=compiler, version=version):
                path, addresses, _ = self.truth(compiler, version)
                found = {re.sub('.*(9|::)(innermost).*', r'\2', line[0]): int(line[2]) for lines in lookup(path, addresses) for line in lines}
                self.assertEqual(starts, {name: found[name] for name in starts})

    def test_scopes_are_told_where_there_is_no_mangled_name(self):
        hidden = """
template <class T> struct shelf { T thing; inline __attribute__((always_inline)) int use() { volatile int sink = (int)sizeof(thing); return sink + 1; } };
namespace {
struct item { char name[33]; struct part { inline __attribute__((always_inline)) int weigh() { volatile int sink = 7; return sink * 3; } }; };
inline namespace deep { inline __attribute__((always_inline)) int look(int n) { volatile int sink = n; return sink + 2; } }
}
int main(int argc, char **) { shelf<item> shelf; item::part part; return shelf.use() + part.weigh() + look(argc); }
"""
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                path = self.new_directory() + '/hidden'
                with open(path + '.cc', 'w') as file:
                    file.write(hidden)
                run(COMPILERS[compiler][1], '-O2', '-g', '-o', path, path + '.cc')
                addresses = [address for name, start, size in symbols_of(path) if name == 'main' for address in range(start, start + size)]
                names = {line[0] for lines in lookup(path, addresses) for line in lines}
                for function in 'shelf<(anonymous namespace)::item>::use', '(anonymous namespace)::item::part::weigh', \
                                '(anonymous namespace)::deep::look':
                    mangled = [name for name in names if name.startswith('_Z') and function.rsplit('::')[-1] in name]
                    self.assertTrue(function in names or mangled, names)
                if compiler == 'gcc':
                    self.assertIn('(anonymous namespace)::item::part::weigh', names)

    def test_old_versions(self):
        for compiler, version in ('gcc', '2'), ('gcc', '3'), ('clang', '3'):
            with self.subTest(compiler=compiler, version=version):
                self.assert_like_plain(compiler, version, self.truth(compiler, version)[0])

    def test_64_bit_dwarf(self):
        for version in '4', '5':
            path = self.build('gcc', version, '-gdwarf64')
            self.assert_like_plain('gcc', version, path)

    def test_compressed_sections(self):
        for compiler, version in VARIANTS:
            with self.subTest(compiler=compiler, version=version):
                path = self.build(compiler, version, '-gz', link=['-gz'])
                self.assertRegex(run('readelf', '-SW', path), r'\.debug_info .* MSC |\.debug_info .*\bC\b')
                self.assert_like_plain(compiler, version, path)

    def test_sections_compressed_the_old_way(self):
        path, _, _ = self.truth('gcc', '4')
        old = os.path.join(self.new_directory(), 'program')
        run('objcopy', '--compress-debug-sections=zlib-gnu', path, old)
        self.assertIn('.zdebug_info', run('readelf', '-SW', old))
        self.assert_like_plain('gcc', '4', old)

    def test_split_into_dwo(self):
        for compiler, version in VARIANTS:
            with self.subTest(compiler=compiler, version=version):
                path = self.build(compiler, version, '-gsplit-dwarf')
                directory = os.path.dirname(path)
                self.assertTrue(os.path.exists(directory + '/program.dwo'))
                self.assert_like_plain(compiler, version, path, sources=directory)
                for name in 'program.dwo', 'part.dwo':
                    os.rename(f'{directory}/{name}', f'{directory}/{name}.gone')
                found = lookup(path, self.truth(compiler, version)[1])
                self.assertTrue(any(line[1].endswith('.cc:9:2') or '.cc:' in line[1] for lines in found for line in lines))

    def test_split_and_packed(self):
        for compiler, version in VARIANTS:
            with self.subTest(compiler=compiler, version=version):
                for tool in ('dwp', 'llvm-dwp'):
                    if tool == 'dwp' and version == '5':
                        continue  # binutils' own knows only the older format
                    path = self.build(compiler, version, '-gsplit-dwarf')
                    directory = os.path.dirname(path)
                    run(tool, '-e', path, '-o', path + '.dwp', cwd=directory)
                    for name in 'program.dwo', 'part.dwo':
                        os.remove(f'{directory}/{name}')
                    self.assert_like_plain(compiler, version, path, sources=directory)

    def test_a_part_of_another_build_is_not_used(self):
        path, other = [self.build('gcc', '5', '-gsplit-dwarf', *flags) for flags in ((), ('-Dinnermost=replaced',))]
        addresses = self.truth('gcc', '5')[1]
        self.assertTrue(any('replaced' in line[0] for lines in lookup(other, addresses) for line in lines))
        shutil.copy(os.path.dirname(other) + '/program.dwo', os.path.dirname(path) + '/program.dwo')
        found = [line[0] for lines in lookup(path, addresses) for line in lines]
        self.assertFalse(any('replaced' in name or 'innermost' in name for name in found))
        self.assertIn('_ZN5space5thing6methodEi', found)

    def test_without_and_with_address_ranges(self):
        path = self.build('clang', '5', '-gdwarf-aranges')
        self.assertIn('.debug_aranges', run('readelf', '-SW', path))
        self.assertNotIn('.debug_aranges', run('readelf', '-SW', self.truth('clang', '5')[0]))
        self.assert_like_plain('clang', '5', path)

    def test_other_layouts(self):
        for link in (('-fuse-ld=lld',), ('-no-pie',), ('-Wl,-z,noseparate-code',), ('-fuse-ld=lld', '-Wl,--gc-sections', '-Wl,--icf=all')):
            path, addresses, truth = self.truth('clang', '5', link)
            self.assert_same(path, addresses, lookup(path, addresses), truth)

    def test_sections_thrown_away_by_the_linker(self):
        for compiler, version in VARIANTS:
            with self.subTest(compiler=compiler, version=version):
                # llvm-symbolizer is led astray by what was thrown away, so it is asked of a program that never had it.
                path, small = [self.build(compiler, version, '-ffunction-sections', *flags, link=['-Wl,--gc-sections'])
                               for flags in ((), ('-DSMALL',))]
                addresses = [address for name, start, size in symbols_of(path) if re.search('main|thing|local|part_|vector|string', name)
                             for address in range(start, start + size)]
                self.assertEqual(symbols_of(small), symbols_of(path))
                self.assert_same(path, addresses, lookup(path, addresses), llvm_lookup(small, addresses))

    def test_optimised_at_link_time(self):
        path = self.build('gcc', '5', '-flto', '-ffat-lto-objects', link=['-flto'])
        addresses = [address for name, start, size in symbols_of(path) if re.search('main|thing|local|part_', name)
                     for address in range(start, start + size)]
        # llvm-symbolizer takes symbols of places in debug information for code.
        truth = [lines[:-1] + [(min(names_of_bytes(path)[address]), lines[-1][1])]
                 for address, lines in zip(addresses, llvm_lookup(path, addresses), strict=True)]
        self.assert_same(path, addresses, lookup(path, addresses), truth)

    def test_shared_by_dwz(self):
        for version in '4', '5':
            directory = self.new_directory()
            paths = [os.path.join(directory, name) for name in ('a', 'b')]
            shutil.copy(self.truth('gcc', version)[0], paths[0])
            shutil.copy(self.truth('gcc', version)[0], paths[1])
            shared = os.path.join(directory, 'shared.debug')
            run('dwz', '-m', shared, '-M', shared, *paths)
            self.assertIn('.gnu_debugaltlink', run('readelf', '-SW', paths[0]))
            self.assert_like_plain('gcc', version, paths[0])
            # Under another root, where it says it is; and by its build id.
            root = self.new_directory()
            os.makedirs(root + directory)
            os.rename(shared, root + shared)
            os.rename(paths[0], root + paths[0])
            self.assert_like_plain('gcc', version, root + paths[0], '-r', root)
            build_id = build_id_of(root + shared)
            debug = self.new_directory()
            os.makedirs(f'{debug}/.build-id/{build_id[:2]}')
            os.rename(root + shared, f'{debug}/.build-id/{build_id[:2]}/{build_id[2:]}.debug')
            self.assert_like_plain('gcc', version, root + paths[0], '-r', root, '-d', debug)
            # Another file with that name is not it.
            others = [directory + '/c', directory + '/d']
            shutil.copy(self.build('gcc', version, '-Dinnermost=replaced'), others[0])
            shutil.copy(others[0], others[1])
            run('dwz', '-m', root + shared, '-M', shared, *others)
            _, addresses, truth = self.truth('gcc', version)
            known = {function for lines in truth for function, _ in lines} | {''}
            found = {line[0] for lines in lookup(root + paths[0], addresses, '-r', root) for line in lines}
            self.assertEqual(set(), {name for name in found if name not in known and not name.startswith('_Z')})
            self.assertIn('', found)


def build_id_of(path):
    return re.search(r'Build ID: (\w+)', run('readelf', '-n', path))[1]


def strip_into(path, stripped, debug):
    os.makedirs(os.path.dirname(debug), exist_ok=True)
    run('objcopy', '--only-keep-debug', path, debug)
    run('strip', '--strip-all', '-o', stripped, path)


class Files(SymbolsTest):
    """Where the debug information is."""

    def setUp(self):
        self.path = self.truth('gcc', '5')[0]
        self.build_id = build_id_of(self.path)
        self.place = self.new_directory()
        self.stripped = self.place + '/program'

    def by_build_id(self, directory):
        return f'{directory}/.build-id/{self.build_id[:2]}/{self.build_id[2:]}.debug'

    def test_beside_by_debug_link(self):
        for place in '/program.debug', '/.debug/program.debug':
            debug = self.place + place
            strip_into(self.path, self.stripped, debug)
            run('objcopy', '--add-gnu-debuglink=' + debug, self.stripped)
            self.assert_like_plain('gcc', '5', self.stripped)
            os.remove(debug)
            self.assert_only_names('gcc', '5', self.stripped)

    def test_in_a_debug_directory(self):
        debug = self.new_directory()
        strip_into(self.path, self.stripped, self.by_build_id(debug))
        self.assert_only_names('gcc', '5', self.stripped)
        self.assert_like_plain('gcc', '5', self.stripped, '-d', '/nonexistent', '-d', debug)
        strip_into(self.path, self.stripped, debug + self.place + '/link.debug')
        run('objcopy', f'--add-gnu-debuglink={debug}{self.place}/link.debug', self.stripped)
        os.remove(self.by_build_id(debug))
        self.assert_like_plain('gcc', '5', self.stripped, '-d', debug)

    def test_under_a_root(self):
        root = self.new_directory()
        strip_into(self.path, self.stripped, self.by_build_id(root + '/usr/lib/debug'))
        os.makedirs(root + self.place)
        os.rename(self.stripped, root + self.stripped)
        self.assert_only_names('gcc', '5', root + self.stripped)
        self.assert_like_plain('gcc', '5', root + self.stripped, '-r', root)

    def test_a_debug_file_of_another_build_is_not_used(self):
        other = self.build('gcc', '5', '-DOTHER', link=['-Wl,--build-id=md5'])
        strip_into(self.path, self.stripped, self.place + '/unused.debug')
        shutil.copy(other, self.place + '/program.debug')
        run('objcopy', f'--add-gnu-debuglink={self.place}/program.debug', self.stripped)
        self.assert_only_names('gcc', '5', self.stripped)

    def test_without_build_ids_the_checksum_tells(self):
        bare = self.new_directory() + '/bare'
        run('objcopy', '--remove-section=.note.gnu.build-id', self.path, bare)
        debug = self.place + '/program.debug'
        strip_into(bare, self.stripped, debug)
        run('objcopy', '--add-gnu-debuglink=' + debug, self.stripped)
        self.assert_like_plain('gcc', '5', self.stripped)
        with open(debug, 'ab') as file:
            file.write(b'more')
        self.assert_only_names('gcc', '5', self.stripped)

    def test_names_compressed_within(self):
        strip_into(self.path, self.stripped, self.place + '/unused.debug')
        names = self.place + '/names'
        run('objcopy', '--only-keep-debug', '--strip-debug', self.path, names)
        run('xz', '-k', names)
        run('objcopy', '--add-section', f'.gnu_debugdata={names}.xz', self.stripped)
        path, addresses, truth = self.truth('gcc', '5')
        found = lookup(self.stripped, addresses)
        for address, ours, theirs in zip(addresses, found, truth, strict=True):
            self.assertEqual(1, len(ours))
            self.assertTrue(is_symbol_at(path, address, ours[0][0]), (ours, theirs))

    def test_only_names(self):
        path, addresses, _ = self.truth('gcc', '5')
        for address, names in zip(addresses, lookup(path, addresses, '-n'), strict=True):
            self.assertTrue(is_symbol_at(path, address, names[0][0]))

    def test_a_binary_that_is_gone(self):
        for link in ((), ('-fuse-ld=lld',)):
            path, addresses, truth = self.truth('clang', '5', link)
            build_id, debug = build_id_of(path), self.new_directory()
            os.makedirs(f'{debug}/.build-id/{build_id[:2]}')
            run('objcopy', '--only-keep-debug', path, f'{debug}/.build-id/{build_id[:2]}/{build_id[2:]}.debug')
            found = lookup('/nonexistent/program', addresses, '-b', build_id, '-d', debug, offset=code_offset(path))
            self.assert_same(path, addresses, found, truth)

    def test_a_binary_that_is_gone_without_a_trace(self):
        result = lookup('/nonexistent/program', [], '-b', 'abcdef', offset=0, check=False)
        self.assertEqual((1, 'no such file\n'), (result.returncode, result.stderr))

    def test_a_replaced_binary_is_told_with_both_build_ids(self):
        result = lookup(self.path, [], '-b', 'abcdef0123', check=False)
        self.assertEqual(1, result.returncode)
        self.assertIn('abcdef0123', result.stderr)
        self.assertIn(self.build_id, result.stderr)

    def test_a_binary_that_was_moved_is_found_by_its_build_id(self):
        debug = self.new_directory()
        os.makedirs(f'{debug}/.build-id/{self.build_id[:2]}')
        shutil.copy(self.path, f'{debug}/.build-id/{self.build_id[:2]}/{self.build_id[2:]}')
        path, addresses, truth = self.truth('gcc', '5')
        found = lookup('/bin/true', addresses, '-b', self.build_id, '-d', debug, offset=code_offset(path))
        self.assert_same(path, addresses, found, truth)


@contextlib.contextmanager
def server_of(directory, database):
    """Debian's debuginfod on a port of its own; yields its URL."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(['debuginfod', '-F', '-p', str(port), '-d', database, '-t', '0', '-g', '0', directory],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={name: value for name, value in os.environ.items() if not name.startswith('DEBUGINFOD')})
    try:
        yield f'http://127.0.0.1:{port}', process
    finally:
        process.terminate()
        process.wait()


class Downloads(SymbolsTest):
    def setUp(self):
        self.path = self.truth('gcc', '5')[0]
        self.build_id = build_id_of(self.path)
        self.place = self.new_directory()
        self.stripped = self.place + '/program'
        self.served = self.new_directory()
        strip_into(self.path, self.stripped, self.served + '/program.debug')

    def environment(self, urls):
        return {'DEBUGINFOD_URLS': urls, 'DEBUGINFOD_CACHE_PATH': self.new_directory(), 'HOME': self.place}

    def wait_for(self, url, process):
        """The server reads its files first."""
        deadline = time.monotonic() + 40
        while True:
            try:
                with urllib.request.urlopen(url, timeout=10):
                    return
            except (urllib.error.URLError, OSError):
                self.assertIsNone(process.poll())
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.1)

    def test_from_a_server(self):
        shutil.copy(self.stripped, self.served + '/program')
        with server_of(self.served, self.place + '/database') as (url, process):
            self.wait_for(f'{url}/buildid/{self.build_id}/debuginfo', process)
            self.wait_for(f'{url}/buildid/{self.build_id}/executable', process)
            self.assert_like_plain('gcc', '5', self.stripped, '-t', '10', environment=self.environment(url))
            # Not without a limit, not where only names are wanted, and not without the variable.
            self.assert_only_names('gcc', '5', self.stripped, environment=self.environment(url))
            result = lookup(self.stripped, [], '-n', '-t', '10', environment=self.environment(url), check=False)
            self.assertEqual('', result.stderr)
            self.assert_only_names('gcc', '5', self.stripped, '-t', '10')
            # The binary itself, if that is gone.
            path, addresses, truth = self.truth('gcc', '5')
            found = lookup('/nonexistent/program', addresses, '-t', '10', '-b', self.build_id, offset=code_offset(path),
                           environment=self.environment(url))
            self.assert_same(path, addresses, found, truth)

    def test_a_server_that_never_answers(self):
        with socket.socket() as server:
            server.bind(('127.0.0.1', 0))
            server.listen(5)
            environment = self.environment(f'http://127.0.0.1:{server.getsockname()[1]}')
            start = time.monotonic()
            result = lookup(self.stripped, [], '-t', '2', environment=environment, check=False, timeout=30)
            self.assertLess(time.monotonic() - start, 10)
            self.assertEqual(0, result.returncode)
            self.assertIn(f'progress: debug information with build id {self.build_id}', result.stderr)


LARGE = r'''
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>
template <int N> struct node {
	std::vector<std::string> names;
	std::map<std::string, std::vector<int>> table;
	std::unordered_map<int, std::unique_ptr<std::string>> owned;
	int weigh(const std::string &s) const { int r = N; for (char c : s) r = r * 31 + c; return r; }
	__attribute__((noinline)) int fill(int n)
	{
		for (int i = 0; i < n; i++) {
			names.push_back(std::to_string(i + N));
			table[names.back()].push_back(weigh(names.back()));
			owned[i] = std::make_unique<std::string>(names.back());
		}
		std::sort(names.begin(), names.end(), [this](const std::string &a, const std::string &b) { return weigh(a) < weigh(b) + N; });
		std::ostringstream out;
		for (auto &p : table)
			out << p.first << p.second.size();
		return (int)out.str().size() + weigh(out.str());
	}
};
template <int N> __attribute__((noinline)) int use(int n)
{
	node<N> a;
	node<N + 1000> b;
	std::function<int(int)> f = [&](int x) { return a.fill(x) + b.fill(x); };
	return f(n);
}
template <int... N> int all(int n, std::integer_sequence<int, N...>) { return (use<N>(n) + ...); }
int main(int argc, char **) { return all(argc, std::make_integer_sequence<int, 20>()); }
'''


class Large(SymbolsTest):
    def test_10000_places_agree_with_other_programs(self):
        for cxx, version in ('g++', '5'), ('g++', '4'), ('clang++', '4'), ('clang++', '5'):
            with self.subTest(compiler=cxx, version=version):
                directory = self.new_directory()
                path = directory + '/large'
                with open(path + '.cc', 'w') as file:
                    file.write(LARGE)
                run(cxx, '-std=c++17', '-O2', '-g', '-gdwarf-' + version, '-o', path, 'large.cc', cwd=directory)
                places = [address for _, start, size in symbols_of(path) for address in range(start, start + size)]
                addresses = sorted(random.Random(1).sample(sorted(set(places)), 10000))
                ours = lookup(path, addresses)
                self.compare_with_llvm(path, addresses, ours)
                if version == '4':
                    self.compare_with_addr2line(path, addresses, ours)

    def compare_with_llvm(self, path, addresses, ours):
        for address, own, theirs in zip(addresses, ours, llvm_lookup(path, addresses), strict=True):
            self.compare(path, address, [line[:2] for line in own], [(name, place.replace('??:0:0', ':0:0')) for name, place in theirs])

    def compare(self, path, address, own, theirs):
        where = f'{path} {address:#x}: {own} {theirs}'
        self.assertEqual([place for _, place in own], [place for _, place in theirs], where)
        self.assertEqual([without_scopes(name, other) for (name, _), (other, _) in zip(own[:-1], theirs[:-1])],
                         [name for name, _ in theirs[:-1]], where)
        if own[-1][0] != theirs[-1][0]:
            self.assertTrue(is_symbol_at(path, address, theirs[-1][0]), where)

    def compare_with_addr2line(self, path, addresses, ours):
        for address, own, theirs in zip(addresses, ours, addr2line_lookup(path, addresses), strict=True):
            own = [(name, place.rsplit(':', 1)[0]) for name, place, _ in own]
            where = f'{path} {address:#x}: {own} {theirs}'
            self.assertEqual([place.removesuffix(':0').rstrip(':') for _, place in own], [place.replace('?', '').removesuffix(':0').rstrip(':') for _, place in theirs], where)
            for (name, _), (their_name, _) in zip(own, theirs, strict=True):
                if without_scopes(name, their_name) != their_name:
                    self.assertFalse(name.startswith('_Z') and their_name != theirs[-1][0], where)
                    self.assertTrue(is_symbol_at(path, address, their_name), where)


if __name__ == '__main__':
    unittest.main()
