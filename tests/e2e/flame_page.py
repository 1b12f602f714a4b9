# SPDX-License-Identifier: Apache-2.0
"""Pages of `cairn flame` in a real browser: what tests of them share."""
import os

from browser import Browser
from cairn_test import CairnTest, cairn
from made_profile import MadeProfile

HEAP_TYPES = ('alloc_objects', 'count'), ('alloc_space', 'bytes'), ('inuse_objects', 'count'), ('inuse_space', 'bytes')
TIME_NS = 1_800_000_000_000_000_000  # 2027-01-15 08:00:00 UTC

MAIN = 'main', 'src/main.c', 30, '/usr/bin/server'
PARSE = 'parse', 'src/parse.c', 12, '/usr/bin/server'
READ = 'read_file', 'src/file.c', 44, '/usr/lib/libfile.so'
CACHE = 'cache_add', 'src/cache.c', 99, '/usr/bin/server'

# What runs in the page.  A box is told by the labels on the way to it, from the root on.
HELPERS = '''
function find(labels) {
	const { measure } = view, { tree } = measure;
	let node = 0;
	for (const label of labels)
		node = [...tree.childrenOf(node)].find((child) => profile.labelOf(tree.frames[child]) === label) ?? -1;
	return node;
}
function box(labels) {
	const node = find(labels), area = view.graph.getBoundingClientRect(), row = view.layout.rowOf(node);
	return { x: area.left + view.layout.left(node) + view.layout.widthOf(node) / 2,
		y: area.top + row * ROW_PIXELS - view.graph.scrollTop + ROW_PIXELS / 2, width: view.layout.widthOf(node),
		left: view.layout.left(node), right: view.layout.left(node) + view.layout.widthOf(node), row };
}
function pixelAt(x, y) { // of a copy: chromium complains of repeated reading
	const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
	copy.drawImage(view.drawing.canvas, Math.floor(x), Math.floor(y), 1, 1, 0, 0, 1, 1);
	return [...copy.getImageData(0, 0, 1, 1).data];
}
function pixel(labels) { // near the right edge, where there is no text
	const { right, row } = box(labels);
	return pixelAt(right - 5, row * ROW_PIXELS + 4);
}
function text(id) { return document.getElementById(id).textContent; }
function path() { return [...document.querySelectorAll('#path button')].map((button) => button.textContent); }
'''

DRAWN = 'return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))'


class Stacks(MadeProfile):
    """A heap profile whose stacks are told from the root on."""

    def __init__(self, period=1):
        super().__init__(HEAP_TYPES, period, time_ns=TIME_NS)

    def add(self, stack, values):
        return super().add(stack[::-1], values)


class FlameTest(CairnTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.directory = self.new_directory()
        self.browser.open('about:blank')
        self.browser.complaints()
        self.browser.requests()

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])

    def path_of(self, name):
        return os.path.join(self.directory, name)

    def make_page(self, *arguments, name='page.html'):
        page = self.path_of(name)
        cairn('flame', *arguments, '-o', page)
        return page

    def make_small(self, name='small.pb.gz', parse=600, read=300, cache=100, period=1):
        profile = Stacks(period)
        for stack, size in ([MAIN, PARSE], parse), ([MAIN, PARSE, READ], read), ([MAIN, CACHE], cache):
            profile.add(stack, [10 * size, 1000 * size, size // 10, 10 * size])
        return profile.write(self.path_of(name))

    def show(self, page, hash=''):
        self.browser.open('file://' + page + hash)

    def show_small(self, hash='', **options):
        self.show(self.make_page(self.make_small(**options)), hash)

    def run_in_page(self, script, *arguments):
        return self.browser.run(HELPERS + script, *arguments)

    def text(self, name):
        return self.run_in_page('return text(arguments[0])', name)

    def path(self):
        return self.run_in_page('return path()')

    def box(self, *labels):
        return self.run_in_page('return box(arguments[0])', labels)

    def pixel(self, *labels):
        return self.run_in_page('return pixel(arguments[0])', labels)

    def click(self, *labels):
        box = self.box(*labels)
        self.browser.click(box['x'], box['y'])

    def click_on(self, element):
        area = self.run_in_page('const area = document.querySelector(arguments[0]).getBoundingClientRect();'
                                'return [area.left + area.width / 2, area.top + area.height / 2]', element)
        self.browser.click(*area)

    def choose(self, type_name):
        self.run_in_page('controls.type.value = arguments[0]; controls.type.dispatchEvent(new Event("change"))', type_name)
