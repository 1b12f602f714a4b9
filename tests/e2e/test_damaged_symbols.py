# SPDX-License-Identifier: Apache-2.0
"""Debug information that is damaged costs names and lines at most: no crash, and an end before the limit."""
import os
import pathlib
import random
import re
import struct
import subprocess
import time
import unittest

from test_symbols import LOOKUP, SymbolsTest, code_offset, is_symbol_at, lookup, run

NUM_DAMAGED = 60  # of each kind
LIMIT_S = 40      # of the processor 5 s, and the machine may be busy
CRASH = 'void *dwarf_begin_elf(void *elf, int command, void *group) { __builtin_trap(); }'


def debug_sections(path):
    """Name: (offset, size) of sections of debug information that are not empty."""
    found = {}
    for line in run('readelf', '-SW', path).splitlines():
        section = re.match(r'\s*\[\s*\d+\]\s+(\.debug\S+)\s+\S+\s+\S+\s+(\S+)\s+(\S+)', line)
        if section and int(section[3], 16):
            found[section[1]] = int(section[2], 16), int(section[3], 16)
    return found


def damage(contents, sections, chance):
    """Some bytes of some sections changed."""
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        offset, size = sections[chance.choice(sorted(sections))]
        at = offset + chance.randrange(min(size, 64) if chance.random() < 0.3 else size)
        kind = chance.random()
        if kind < 0.6:
            contents[at] = chance.randrange(256)
        else:
            number = chance.choice((b'\xff' * 4, bytes(4), b'\xff' * 8, b'\x80' * 9 + b'\1', b'\xff\xff\xff\x7f'))
            number = number[:offset + size - at]
            contents[at:at + len(number)] = number


class DamagedSymbols(SymbolsTest):
    def assert_survives(self, path, addresses, offset):
        start = time.monotonic()
        offsets = ''.join(f'{address + offset:x}\n' for address in addresses)
        result = subprocess.run([LOOKUP, path], input=offsets.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=2 * LIMIT_S)
        self.assertLess(time.monotonic() - start, LIMIT_S, path)
        self.assertEqual(0, result.returncode, (path, result.stderr))
        answered = re.findall(rb'^0x([0-9a-f]+)$', result.stdout, re.MULTILINE)
        self.assertEqual(offsets.encode().split(), answered)

    def test_damaged_at_random(self):
        for compiler, version, *flags in ('gcc', '4'), ('gcc', '5'), ('clang', '5'), ('gcc', '5', '-gsplit-dwarf'), ('clang', '4', '-gsplit-dwarf'):
            with self.subTest(compiler=compiler, version=version, flags=flags):
                plain, addresses, _ = self.truth(compiler, version)
                path = self.build(compiler, version, *flags)
                files = [path]
                if flags:
                    run('llvm-dwp', '-e', path, '-o', path + '.dwp')
                    files.append(path + '.dwp')
                sound = {file: pathlib.Path(file).read_bytes() for file in files}
                chance = random.Random(f'{compiler}{version}{flags}')
                for _ in range(NUM_DAMAGED):
                    file = chance.choice(files)
                    contents = bytearray(sound[file])
                    damage(contents, debug_sections(file), chance)
                    pathlib.Path(file).write_bytes(contents)
                    self.assert_survives(path, addresses[::4], code_offset(plain))
                    pathlib.Path(file).write_bytes(sound[file])

    def test_a_small_file_that_becomes_large(self):
        path, addresses, _ = self.truth('gcc', '5')
        directory = self.new_directory()
        large, table = directory + '/large', directory + '/table'
        run('objcopy', '--dump-section', f'.debug_line={table}', path)
        with open(table, 'rb') as file:
            sound = file.read()
        first = 4 + struct.unpack('<I', sound[:4])[0]
        with open(table, 'wb') as file:  # of the first unit, with a row for each byte
            rows = b'\x21' * (200 << 20)
            file.write(struct.pack('<I', first - 4 + len(rows)) + sound[4:first] + rows)
        run('objcopy', '--update-section', f'.debug_line={table}', path, large)
        run('objcopy', '--compress-debug-sections=zlib', large)
        os.unlink(table)
        self.assertLess(os.path.getsize(large), 1 << 20)
        self.assert_survives(large, addresses, code_offset(path))

    def test_a_lookup_that_crashes_costs_lines_only(self):
        path, addresses, _ = self.truth('gcc', '5')
        library = os.path.join(self.new_directory(), 'crash.so')
        with open(library + '.c', 'w') as file:
            file.write(CRASH)
        run('gcc', '-w', '-shared', '-fPIC', '-o', library, library + '.c')
        environment = {'LD_PRELOAD': library}
        result = lookup(path, addresses, offset=code_offset(path), environment=environment, check=False)
        self.assertEqual((0, 'its debug information cannot be read: the lookup was ended by SIGILL\n'), (result.returncode, result.stderr))
        for address, lines in zip(addresses, lookup(path, addresses, environment=environment), strict=True):
            self.assertEqual([':0:0'], [line[1] for line in lines])
            self.assertTrue(is_symbol_at(path, address, lines[0][0]))


if __name__ == '__main__':
    unittest.main()
