#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a C file with a string of a file of rules.

usage: embed.py OUTPUT.c FILE
"""
import sys


def main(output, path):
    with open(path, encoding='ascii') as file:
        data = file.read().encode() + b'\0'
    lines = [','.join(map(str, data[i:i + 32])) for i in range(0, len(data), 32)]
    with open(output, 'w', encoding='ascii') as file:
        file.write('// Made by src/leaks/embed.py.\n#include "leaks/own.h"\n\n')
        file.write('const char rules_own[] = {\n' + ',\n'.join(lines) + '\n};\n')


main(*sys.argv[1:])
