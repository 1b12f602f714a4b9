# SPDX-License-Identifier: Apache-2.0
"""What the library shows to the linker and to the compiler."""
import os
import re
import shutil
import subprocess
import unittest

from cairn_test import LIBRARY, SOURCE, CairnTest

INTERPOSED = set('''
    malloc free calloc realloc reallocarray posix_memalign aligned_alloc memalign valloc pvalloc
    free_sized free_aligned_sized
    _Znwm _Znam _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t _ZnwmSt11align_val_t _ZnamSt11align_val_t
    _ZnwmSt11align_val_tRKSt9nothrow_t _ZnamSt11align_val_tRKSt9nothrow_t
    _ZdlPv _ZdaPv _ZdlPvm _ZdaPvm _ZdlPvRKSt9nothrow_t _ZdaPvRKSt9nothrow_t
    _ZdlPvSt11align_val_t _ZdaPvSt11align_val_t _ZdlPvmSt11align_val_t _ZdaPvmSt11align_val_t
    _ZdlPvSt11align_val_tRKSt9nothrow_t _ZdaPvSt11align_val_tRKSt9nothrow_t
'''.split())

# What is interposed for other reasons than allocation: to see the end of the process, of a thread and of
# a library, and to share a signal with the program.
CONTROL = {'_exit', '_Exit', 'pthread_exit', 'dlclose', 'sigaction', 'signal', 'bsd_signal', 'ssignal', 'sysv_signal', '__sysv_signal'}


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


class Library(unittest.TestCase):
    def exported(self):
        return {line.split()[-1].split('@')[0] for line in output_of('nm', '-D', '--defined-only', LIBRARY).splitlines()}

    def test_it_exports_the_interposed_names_and_its_own(self):
        exported = {name for name in self.exported() if not name.startswith('cairn_')}
        self.assertEqual(INTERPOSED | CONTROL, exported)

    def test_every_function_of_the_header_is_exported(self):
        with open(os.path.join(SOURCE, 'include/cairn.h')) as header:
            called = set(re.findall(r'"(cairn_\w+)"', header.read()))
        self.assertEqual(10, len(called))
        self.assertEqual(called, {name for name in self.exported() if name.startswith('cairn_')})

    def test_it_needs_no_library(self):
        dynamic = output_of('readelf', '-dW', LIBRARY)
        self.assertNotIn('(NEEDED)', dynamic)
        self.assertNotIn('TEXTREL', dynamic)
        self.assertNotRegex(dynamic, r'R(UN)?PATH')

    def test_its_stack_is_not_executable(self):
        [stack] = [line for line in output_of('readelf', '-lW', LIBRARY).splitlines() if 'GNU_STACK' in line]
        self.assertNotIn('E', stack.split()[6])

    def test_it_asks_for_no_version_of_a_libc(self):
        # A symbol of a newer libc would keep every program from starting.
        self.assertNotIn('.gnu.version_r', output_of('readelf', '-SW', LIBRARY))


class Header(CairnTest):
    PROGRAM = '#include <cairn.h>\nint main(void) { return cairn_get_rate() == CAIRN_NOT_LOADED ? 0 : 1; }\n'

    def build(self, compiler, language, *flags, program=PROGRAM):
        directory = self.new_directory()
        source = os.path.join(directory, 'main.' + language)
        with open(source, 'w') as file:
            file.write(program)
        binary = os.path.join(directory, 'main')
        subprocess.run([compiler, '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-I' + os.path.join(SOURCE, 'include'), *flags, source,
                        '-o', binary, '-ldl'], check=True)
        return binary

    def compilers(self):
        for compiler, language, standards in (('gcc', 'c', ['c99', 'c11', 'c17', 'gnu17']), ('g++', 'cc', ['c++11', 'c++17', 'c++20']),
                                              ('clang', 'c', ['c99', 'c17']), ('clang++', 'cc', ['c++11', 'c++20'])):
            if compiler.startswith('clang') and not shutil.which(compiler):
                continue
            for standard in standards:
                yield compiler, language, '-std=' + standard

    def test_it_compiles_alone_in_every_standard(self):
        for compiler, language, standard in self.compilers():
            with self.subTest(compiler=compiler, standard=standard):
                self.build(compiler, language, standard)

    def test_it_works_with_and_without_the_library_whatever_the_layout(self):
        for compiler, language in ('gcc', 'c'), ('g++', 'cc'):
            for flags in ['-fPIE', '-pie'], ['-fno-pie', '-no-pie'], ['-O2', '-static-pie']:
                with self.subTest(compiler=compiler, flags=flags):
                    binary = self.build(compiler, language, *flags)
                    self.assertEqual((0, b'', b''), self.run_bare(binary).outcome)
                    is_reached = '-static-pie' not in flags
                    self.assertEqual(1 if is_reached else 0, self.run_program(binary).process.returncode)


if __name__ == '__main__':
    unittest.main()
