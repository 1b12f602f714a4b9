// SPDX-License-Identifier: Apache-2.0
// Keyboard and pointer: what moves among the boxes.
'use strict';

class Keyboard {
	constructor(view, controls) {
		this.view = view;
		this.controls = controls;
		const { graph } = view;
		document.addEventListener('keydown', (event) => this.pressAnywhere(event));
		graph.addEventListener('keydown', (event) => this.pressInGraph(event));
		// By a key: a click must not scroll to what was in focus before.
		graph.addEventListener('focus', () => (graph.matches(':focus-visible') ? view.focus(view.focused) : view.draw()));
		graph.addEventListener('blur', () => view.draw());
		graph.addEventListener('pointermove', (event) => view.hover(view.nodeAt(event.clientX, event.clientY)));
		graph.addEventListener('pointerleave', () => view.hover(-1));
		graph.addEventListener('click', (event) => this.click(event));
		controls.search.addEventListener('keydown', (event) => this.pressInSearch(event));
	}

	click(event) {
		const node = this.view.nodeAt(event.clientX, event.clientY);
		if (node >= 0)
			this.view.zoomTo(node);
	}

	// Calls what a key stands for, if it does for anything; with Ctrl, Alt and Meta keys are the browser's.
	press(event, actions) {
		const action = actions[event.key];
		if (!action || event.ctrlKey || event.altKey || event.metaKey || this.controls.help.open)
			return;
		event.preventDefault();
		event.stopPropagation();
		action();
	}

	pressInGraph(event) {
		const { view } = this, { layout, focused } = view;
		this.press(event, {
			ArrowLeft: () => view.focus(layout.beside(focused, -1)),
			ArrowRight: () => view.focus(layout.beside(focused, 1)),
			ArrowDown: () => view.focus(layout.below(focused)),
			ArrowUp: () => (focused === view.zoom ? view.focus(focused) : view.focus(view.measure.tree.parents[focused])),
			Home: () => view.focus(view.zoom),
			Enter: () => view.zoomTo(focused),
			Escape: () => view.zoomOut(),
			Backspace: () => view.zoomOut(),
			n: () => view.focusFound(1),
			p: () => view.focusFound(-1),
		});
	}

	pressInSearch(event) {
		const { controls, view } = this;
		this.press(event, {
			Escape: () => {
				view.state.change({ pattern: '' }, false);
				view.graph.focus();
			},
			Enter: () => {
				view.graph.focus();
				view.focusFound(1);
			},
		});
		if (event.target === controls.search)
			event.stopPropagation(); // letters are letters there
	}

	pressAnywhere(event) {
		const { controls, view } = this;
		this.press(event, {
			'/': () => controls.search.select(),
			'?': () => controls.help.showModal(),
			i: () => controls.invert(),
			r: () => controls.resetView(),
			Escape: () => view.zoomOut(),
		});
	}
}
