#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`cairn flame`: the page as people use it, with pointer and keyboard."""
import unittest

from flame_page import FlameTest, Stacks


class PointerTest(FlameTest):
    def test_a_click_zooms_and_the_path_leads_back(self):
        self.show_small()
        whole = self.box()['width']
        self.click('main', 'parse')
        self.assertEqual(self.path(), ['all', 'main', 'parse'])
        self.assertEqual(self.box('main', 'parse')['width'], whole)
        self.assertAlmostEqual(self.box('main', 'parse', 'read_file')['width'], whole / 3, 3)
        self.assertRegex(self.run_in_page('return location.hash'), r'^#zoom=\d+$')
        self.click_on('#path li:nth-child(2) button')
        self.assertEqual(self.path(), ['all', 'main'])

    def test_the_browser_goes_back(self):
        self.show_small()
        self.click('main', 'parse')
        self.run_in_page('history.back();'
                         'return new Promise((done) => addEventListener("popstate", () => setTimeout(done, 50)))')
        self.assertEqual(self.path(), ['all'])

    def test_hovering_tells_the_details(self):
        self.show_small(period=524288)
        box = self.box('main', 'parse', 'read_file')
        self.browser.move(box['x'], box['y'])
        details = self.text('details')
        self.assertRegex(details, r'^read_fileinuse_space2\.93 KiB ±\S+, 30\.0 %of which its own2\.93 KiB')
        self.assertIn('sourcesrc/file.c', details)
        self.assertIn('binary/usr/lib/libfile.so', details)

    def test_what_a_function_holds_itself(self):
        self.show_small()
        box = self.box('main', 'parse')
        self.browser.move(box['x'], box['y'])
        self.assertIn('8.79 KiB, 90.0 %of which its own5.86 KiB', self.text('details'))

    def test_types_are_switched(self):
        self.show_small()
        for name, total in (('alloc_objects', '10.0k'), ('alloc_space', '977 KiB'), ('inuse_objects', '100'),
                            ('inuse_space', '9.77 KiB')):
            self.choose(name)
            self.assertIn(f' · {name} {total}', self.text('facts'))
        self.assertEqual(self.run_in_page('return controls.type.options.length'), 4)

    def test_the_type_to_begin_with_can_be_chosen(self):
        self.show(self.make_page(self.make_small(), '--type=alloc_space'))
        self.assertIn('alloc_space 977 KiB', self.text('facts'))

    def test_inverted_shows_callers(self):
        self.show_small()
        whole = self.box()['width']
        self.click_on('#inverted')
        for share, *labels in ((0.6, 'parse'), (0.6, 'parse', 'main'), (0.3, 'read_file', 'parse', 'main'),
                               (0.1, 'cache_add', 'main')):
            self.assertAlmostEqual(self.box(*labels)['width'], whole * share, 3)
        self.click('read_file')
        self.assertEqual(self.path(), ['all', 'read_file'])
        self.assertRegex(self.text('details'), r'^read_fileinuse_space2\.93 KiB, 30\.0 %source')

    def test_inverted_puts_calls_of_one_function_together(self):
        profile = Stacks()
        for size, stack in (100, 'a b c'), (300, 'd b c'), (200, 'a c'), (50, 'c'):
            profile.add(stack.split(), [0, 0, 0, size])
        self.show(self.make_page(profile.write(self.path_of('letters.pb.gz'))), '#view=inverted')
        whole = self.box()['width']
        for size, stack in (650, 'c'), (400, 'c b'), (100, 'c b a'), (300, 'c b d'), (200, 'c a'):
            self.assertAlmostEqual(self.box(*stack.split())['width'], whole * size / 650, 3)
        self.assertEqual(self.run_in_page('return view.tree.numNodes'), 6)

    def test_search_counts_what_it_finds(self):
        self.show_small()
        for pattern, found in {'parse|read': '2 boxes: 8.79 KiB (90.0 %)', 'PARSE': '0 boxes: 0 B (0.0 %)',
                               'e$': '2 boxes: 8.79 KiB (90.0 %)', 'cache': '1 box: 1000 B (10.0 %)', '': ''}.items():
            self.click_on('#search')
            self.browser.run('document.getElementById("search").select()')
            self.browser.press(*(pattern or ['Backspace']))
            self.assertEqual(self.text('found'), found, pattern)

    def test_what_is_not_found_is_dimmed(self):
        self.show_small()
        before = self.pixel('main', 'parse')
        self.run_in_page('state.change({ pattern: "cache" })')
        self.assertNotEqual(self.pixel('main', 'parse'), before)
        self.assertEqual(self.pixel('main', 'parse'), self.pixel('main', 'parse', 'read_file'))
        self.assertNotEqual(self.pixel('main', 'cache_add'), self.pixel('main', 'parse'))

    def test_a_wrong_pattern_says_why(self):
        self.show_small('#search=' + '%28')
        self.assertRegex(self.text('found'), r'Invalid regular expression.*[Uu]nterminated group')
        self.assertEqual(self.run_in_page('return controls.search.ariaInvalid'), 'true')

    def test_reset_shows_all_again(self):
        self.show_small('#type=alloc_space&view=inverted&zoom=1&search=parse')
        self.assertEqual(len(self.path()), 2)
        self.click_on('#reset')
        self.assertEqual((self.path(), self.text('found'), self.run_in_page('return location.hash')), (['all'], '', ''))

    def test_the_address_keeps_the_state(self):
        self.show_small()
        self.choose('alloc_space')
        self.click('main', 'parse')
        self.run_in_page('state.change({ pattern: "read" })')
        address = self.run_in_page('return location.href')
        self.browser.open('about:blank')
        self.browser.open(address)
        self.assertEqual(self.path(), ['all', 'main', 'parse'])
        self.assertEqual(self.text('found'), '1 box: 293 KiB (30.0 %)')

    def test_an_address_that_makes_no_sense_shows_all(self):
        self.show_small('#type=constructor&view=7&zoom=-1e99&theme=<b>')
        self.assertEqual(self.path(), ['all'])
        self.show_small('#zoom=99999999')
        self.assertEqual(self.path(), ['all'])


class KeyboardTest(FlameTest):
    def focus(self):
        self.run_in_page('view.graph.focus()')

    def focused(self):
        return self.run_in_page('return profile.labelOf(view.measure.tree.frames[view.focused])')

    def test_tab_reaches_the_graph(self):
        self.show_small()
        reached = set()
        for _ in range(12):
            self.browser.press('Tab')
            reached.add(self.browser.run('return document.activeElement.id'))
        self.assertLessEqual({'type', 'inverted', 'reset', 'search', 'theme', 'help-button', 'graph'}, reached)

    def test_arrows_move_and_enter_zooms(self):
        self.show_small()
        self.focus()
        for key, label in (('ArrowDown', 'main'), ('ArrowDown', 'parse'), ('ArrowLeft', 'cache_add'),
                           ('ArrowLeft', 'cache_add'), ('ArrowRight', 'parse'), ('ArrowDown', 'read_file'),
                           ('ArrowDown', 'read_file'), ('ArrowUp', 'parse')):
            self.browser.press(key)
            self.assertEqual(self.focused(), label, key)
        self.browser.press('Enter')
        self.assertEqual(self.path(), ['all', 'main', 'parse'])
        self.browser.press('ArrowUp')
        self.assertEqual(self.focused(), 'parse')
        self.browser.press('Escape')
        self.assertEqual((self.path(), self.focused()), (['all', 'main'], 'parse'))
        self.browser.press('Backspace')
        self.assertEqual((self.path(), self.focused()), (['all'], 'main'))
        self.browser.press('ArrowDown', 'Home')
        self.assertEqual(self.focused(), 'all')

    def test_the_focused_box_is_told_and_outlined(self):
        self.show_small()
        self.focus()
        edge = 'const { left, row } = box(["main"]); return pixelAt(left + 1, row * ROW_PIXELS + 8)'
        before = self.run_in_page(edge)
        self.browser.press('ArrowDown')
        self.assertNotEqual(self.run_in_page(edge), before)
        self.assertEqual(self.text('live'), 'main; inuse_space 9.77 KiB, 100 %; of which its own 0 B; level 1')

    def test_search_by_keys(self):
        self.show_small()
        self.focus()
        self.browser.press('/', 'r', 'e', 'a', 'd')
        self.assertEqual(self.text('found'), '1 box: 2.93 KiB (30.0 %)')
        self.browser.press('Enter')
        self.assertEqual(self.focused(), 'read_file')
        self.browser.press('/', 'Escape')
        self.assertEqual((self.text('found'), self.browser.run('return document.activeElement.id')), ('', 'graph'))

    def test_found_boxes_one_after_another(self):
        self.show_small('#search=parse%7Ccache')
        self.focus()
        for key, label in ('n', 'cache_add'), ('n', 'parse'), ('n', 'cache_add'), ('p', 'parse'):
            self.browser.press(key)
            self.assertEqual(self.focused(), label)

    def test_inverted_reset_and_help_by_keys(self):
        self.show_small()
        self.focus()
        self.browser.press('i')
        self.assertEqual(self.run_in_page('return controls.inverted.ariaPressed'), 'true')
        self.browser.press('r')
        self.assertEqual(self.run_in_page('return controls.inverted.ariaPressed'), 'false')
        self.browser.press('?')
        self.assertTrue(self.run_in_page('return controls.help.open'))
        self.browser.press('i', 'Escape')
        self.assertFalse(self.run_in_page('return controls.help.open'))
        self.assertEqual(self.run_in_page('return controls.inverted.ariaPressed'), 'false')


if __name__ == '__main__':
    unittest.main()
