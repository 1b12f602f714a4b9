#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`cairn report --svg`, `--pdf` and `--dot` draw the call graph that `go tool pprof` draws."""
import json
import os
import re
import subprocess
import unittest
import xml.etree.ElementTree

from cairn_test import CAIRN, GO_PPROF, SOURCE, CairnTest, cairn, clean_environment, pprof

PROFILES = os.path.join(SOURCE, 'testdata', 'profiles')
SVG = '{http://www.w3.org/2000/svg}'
TITLE = '{http://www.w3.org/1999/xlink}title'

# Of each profile a type, and what pprof calls its unit.
COMPARED = [('go-heap', 'inuse_space', 'B'), ('go-heap', 'alloc_space', 'B'), ('go-heap', 'alloc_objects', 'count'),
            ('go-cpu', 'cpu', 'ns'), ('go-cpu', 'samples', 'count'), ('go-block', 'delay', 'ns'), ('go-mutex', 'delay', 'ns'),
            ('pprof-difference', 'alloc_space', 'B'), ('pprof-difference', 'inuse_objects', 'count')]

HOSTILE = {
    '"]; evil [label="x': '"]; evil [label="x',
    'back\\slash\\': 'back\\slash\\',
    '\\N\\G\\E\\n\\l\\"': '\\ N\\ G\\ E\\n\\l\\"',
    'two\nlines\r': 'two\ufffdlines\ufffd',
    '<b>bold</b>': '<b>bold</b>',
    '<TABLE><TR>': '<TABLE><TR>',
    '[&str; 4] &amp; &nothing; &#0; &&': '[& str; 4] & amp; & nothing; & #0; &&',
    '</svg><script>alert(1)</script>': '</svg><script>alert(1)</script>',
    ']]>': ']]>',
    '\x1b[31m\x01': '\ufffd[31m\ufffd',
    'caf\u00e9 \U0001f600': 'caf\u00e9 \U0001f600',
    b'\xff\xc3(': '\ufffd\ufffd(',
    '\uffff': '\ufffd',
    'long' + 'a' * 10000: 'long' + 'a' * 2043 + '\u2026',
}


def varint(number):
    head = b''
    while number > 127:
        head, number = head + bytes([number & 127 | 128]), number >> 7
    return head + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def encode(stacks):
    """A profile.proto of stacks, (names from the root to the leaf, value)."""
    strings = ['', 'inuse_space', 'bytes']
    names = sorted({name for stack, _ in stacks for name in stack}, key=repr)
    ids = {name: number for number, name in enumerate(names, 1)}
    profile = field(1, field(1, 1) + field(2, 2))
    for stack, value in stacks:
        profile += field(2, b''.join(field(1, ids[name]) for name in reversed(stack)) + field(2, value))
    for name, number in ids.items():
        profile += field(4, field(1, number) + field(4, field(1, number)))
        profile += field(5, field(1, number) + field(2, len(strings) + number - 1))
    for string in strings + names:
        profile += field(6, string if isinstance(string, bytes) else string.encode())
    return profile


def parse(dot):
    """DOT as graphviz reads it."""
    text = dot if isinstance(dot, bytes) else dot.encode()
    return json.loads(subprocess.run(['dot', '-Tdot_json'], input=text, stdout=subprocess.PIPE, check=True, timeout=60).stdout)


def graph_of(graph, tell_node, tell_edge):
    """Nodes with (flat, cum) and edges with (weight, is it residual), by names."""
    nodes = {node['_gvid']: tell_node(node) for node in graph['objects'] if re.fullmatch(r'N\d+', node['name'])}
    edges = {(nodes[edge['tail']][0], nodes[edge['head']][0]): (tell_edge(edge), edge.get('style') == 'dotted')
             for edge in graph.get('edges', ()) if edge['tail'] in nodes and edge['head'] in nodes}
    return {name: values for name, *values in nodes.values()}, edges


def exact(line):
    return int(re.search(r'(-?[\d,]+)( [a-z]+)?$', line)[1].replace(',', ''))


def cairns_graph(*arguments):
    def tell_node(node):
        name, *_, flat, cum = node['tooltip'].split('\\n')
        return name, exact(flat), exact(cum)
    return graph_of(parse(cairn('report', '--dot', *arguments).stdout), tell_node, lambda edge: exact(edge['tooltip']))


def pprofs_graph(*arguments):
    def tell_node(node):
        flat, cum = re.search(r'\\n(-?\d+)[A-Za-z]*(?: \([^)]*\))?(?:(?:\\n| )of (-?\d+).*)?$', node['label']).groups()
        return node['tooltip'].rpartition(' (')[0], int(flat), int(cum or flat)
    graph = parse(pprof('-dot', '-symbolize=none', *arguments, tool=GO_PPROF))
    return graph_of(graph, tell_node, lambda edge: int(re.match(r' *(-?\d+)', edge['label'])[1]))


def texts_in(svg):
    """The words of each node of a picture by its tooltip's first line."""
    root = xml.etree.ElementTree.fromstring(svg)
    nodes = [group for group in root.iter(SVG + 'g') if group.get('class') == 'node']
    return {next(link.get(TITLE) for link in node.iter(SVG + 'a')).split('\n')[0]: [text.text for text in node.iter(SVG + 'text')]
            for node in nodes}


class Graph(CairnTest):
    def profile(self, stacks):
        path = os.path.join(self.new_directory(), 'made.pb')
        with open(path, 'wb') as file:
            file.write(encode(stacks))
        return path

    def test_the_whole_graph_is_that_of_pprof(self):
        for name, kind, unit in COMPARED:
            path = f'{PROFILES}/{name}.pb.gz'
            with self.subTest(name=name, type=kind):
                expected = pprofs_graph('-nodecount=0', '-nodefraction=0', '-edgefraction=0', '-unit=' + unit,
                                        '-sample_index=' + kind, path)
                self.assertGreater(len(expected[0]), 1)
                self.assertEqual(expected, cairns_graph('--top=0', '--type=' + kind, path))

    def test_what_is_left_out_is_what_pprof_leaves_out(self):
        for name, kind, unit in COMPARED:
            for count in 3, 20, 40, 80:
                path = f'{PROFILES}/{name}.pb.gz'
                with self.subTest(name=name, type=kind, count=count):
                    # pprof draws labels as nodes, and counts them.
                    expected = pprofs_graph(f'-nodecount={count}', '-taghide=.', '-unit=' + unit, '-sample_index=' + kind, path)
                    self.assertEqual(expected, cairns_graph(f'--top={count}', '--type=' + kind, path))
        self.assertEqual(cairns_graph('--top=80', '--type=cpu', f'{PROFILES}/go-cpu.pb.gz'),
                         cairns_graph('--type=cpu', f'{PROFILES}/go-cpu.pb.gz'))

    def test_recursion_counts_once(self):
        path = self.profile([(['main', 'even', 'odd', 'even', 'odd', 'odd'], 1000), (['main', 'even'], 1)])
        expected = {'main': [0, 1001], 'even': [1, 1001], 'odd': [1000, 1000]}, \
            {('main', 'even'): (1001, False), ('even', 'odd'): (1000, False), ('odd', 'even'): (1000, False)}
        self.assertEqual(expected, cairns_graph(path))

    def test_a_picture_shows_functions_and_what_they_have(self):
        path = self.profile([(['main', 'parse'], 3 << 20), (['main', 'parse', 'copy(char*)'], 1 << 20)])
        nodes = texts_in(cairn('report', '--svg', path).stdout)
        self.assertEqual(['main', '0 of 4.00 MiB (100 %)'], nodes['main'])
        self.assertEqual(['parse', '3.00 MiB (75 %)', 'of 4.00 MiB (100 %)'], nodes['parse'])
        self.assertEqual(['copy', '1.00 MiB (25 %)'], nodes['copy(char*)'])
        self.assertEqual(['Type: inuse_space', 'Total: 4.00 MiB', 'Shown: 4.00 MiB (100 %)'], nodes['legend'])

    def test_focus_leaves_percentages_those_of_the_whole(self):
        path = self.profile([(['main', 'parse'], 3 << 20), (['main', 'draw'], 1 << 20)])
        nodes = texts_in(cairn('report', '--svg', '--focus=draw', path).stdout)
        self.assertEqual(['draw', '1.00 MiB (25 %)'], nodes['draw'])
        self.assertIn("Total: 1.00 MiB of the profile's 4.00 MiB", nodes['legend'])
        self.assertNotIn('parse', nodes)

    def test_the_error_of_a_sampled_profile_is_in_the_legend(self):
        nodes = texts_in(cairn('report', '--svg', f'{PROFILES}/go-heap.pb.gz').stdout)
        self.assertRegex('\n'.join(nodes['legend']), r'Program: work\n.*\n*Type: inuse_space\nTime: .* UTC\nTotal: 374 KiB \u00b1 \d')

    def test_the_same_profile_gives_the_same_bytes(self):
        for form in '--dot', '--svg':
            first, second = (cairn('report', form, f'{PROFILES}/go-cpu.pb.gz').stdout for _ in range(2))
            self.assertEqual(first, second)

    def test_pdf(self):
        path = os.path.join(self.new_directory(), 'out.pdf')
        cairn('report', '--pdf', '-o', path, f'{PROFILES}/go-heap.pb.gz')
        with open(path, 'rb') as file:
            self.assertEqual(b'%PDF', file.read()[:4])
        self.assertEqual(['out.pdf'], os.listdir(os.path.dirname(path)))

    def test_hostile_names_are_only_names(self):
        path = self.profile([(['main', name], 1000) for name in HOSTILE])
        nodes = texts_in(cairn('report', '--svg', path).stdout)
        self.assertEqual({'legend', 'main', *HOSTILE.values()}, set(nodes))
        for name in HOSTILE.values():
            label = ''.join(nodes[name][:-1])  # without the line of values
            self.assertTrue(label == name or label.endswith('\u2026') and name.startswith(label[:-1]), (label, name))
        self.assertEqual({'legend', 'N1', *(f'N{i + 2}' for i in range(len(HOSTILE)))},
                         {node['name'] for node in parse(cairn('report', '--dot', path).stdout)['objects']
                          if not node['name'].startswith('cluster')})
        self.assertEqual(b'%PDF', cairn('report', '--pdf', path).stdout[:4])

    def test_a_profile_of_nothing_has_a_legend(self):
        nodes = texts_in(cairn('report', '--svg', self.profile([])).stdout)
        self.assertEqual({'legend': ['Type: inuse_space', 'Total: 0 B', 'Shown: 0 B']}, nodes)

    def fails(self, path_variable):
        """What is said where dot is what it finds there; a file that was there before stays as it was."""
        directory = self.new_directory()
        out = os.path.join(directory, 'out.svg')
        with open(out, 'w', encoding='ascii') as file:
            file.write('before')
        result = cairn('report', '--svg', '-o', out, f'{PROFILES}/go-heap.pb.gz', check=False, environment={'PATH': path_variable})
        with open(out, encoding='ascii') as file:
            self.assertEqual('before', file.read())
        self.assertEqual(['out.svg'], os.listdir(directory))
        self.assertEqual(1, result.returncode)
        return result.stderr.decode()

    def dot_that(self, script):
        directory = self.new_directory()
        path = os.path.join(directory, 'dot')
        with open(path, 'w', encoding='ascii') as file:
            file.write('#!/bin/sh\n' + script)
        os.chmod(path, 0o755)
        return directory + ':/usr/bin:/bin'

    def test_without_graphviz_its_package_is_named(self):
        self.assertEqual('cairn: dot, which draws graphs, is not installed: it is in the package graphviz\n',
                         self.fails(self.new_directory()))
        dot = cairn('report', '--dot', f'{PROFILES}/go-heap.pb.gz', environment={'PATH': self.new_directory()}).stdout
        self.assertIn(b'digraph', dot)

    def test_what_dot_says_when_it_fails_is_passed_on(self):
        self.assertEqual('cairn: dot failed with status 3: out of ink\n',
                         self.fails(self.dot_that('echo out of ink >&2; echo really >&2; exit 3')))
        self.assertEqual('cairn: dot was ended by signal 9 (Killed)\n', self.fails(self.dot_that('kill -9 $$')))
        self.assertEqual('cairn: dot drew nothing\n', self.fails(self.dot_that('exit 0')))

    def test_a_dot_that_does_not_read_or_says_much_holds_nobody_up(self):
        out = cairn('report', '--svg', f'{PROFILES}/go-cpu.pb.gz', timeout=20, environment={
            'PATH': self.dot_that('head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero; exit 0')}).stdout
        self.assertEqual(3000000, len(out))

    def test_a_reader_that_goes_away_ends_it_quietly(self):
        process = subprocess.Popen([CAIRN, 'report', '--svg', f'{PROFILES}/go-cpu.pb.gz'], env=clean_environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        self.assertEqual(b'', process.stderr.read())
        process.stderr.close()
        self.assertNotEqual(0, process.wait(30))


if __name__ == '__main__':
    unittest.main()
