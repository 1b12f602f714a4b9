// SPDX-License-Identifier: Apache-2.0
// View: the graph as the state wants it: which tree, measured how, laid out where, with which box under the pointer and
// which one in focus.
'use strict';

class View {
	constructor(state) {
		this.state = state;
		this.graph = document.getElementById('graph');
		this.rows = document.getElementById('rows');
		this.drawing = new Drawing(document.getElementById('canvas'));
		this.trees = [new Tree(Int32Array.from(profile.depths), Int32Array.from(profile.frames), profile.stacks)];
		this.focused = 0;
		this.hovered = -1;
		this.search = new Search('');
		state.listeners.push(() => this.update());
		this.graph.addEventListener('scroll', () => this.draw());
		new ResizeObserver(() => this.resize()).observe(this.graph);
	}

	// Made when it is asked for first.
	get tree() {
		const index = this.state.isInverted ? 1 : 0;
		this.trees[index] ??= this.trees[0].invert();
		this.trees[index].isInverted = this.state.isInverted;
		return this.trees[index];
	}

	update() {
		const { tree, state } = this;
		if (this.measure?.tree !== tree || this.measure.type !== state.type) {
			this.hovered = -1;
			this.measure = new Measure(tree, state.type);
		}
		if (this.search.pattern !== state.pattern)
			this.search = new Search(state.pattern);
		this.zoom = state.zoom < tree.numNodes ? state.zoom : 0;
		this.layOut();
	}

	resize() {
		this.drawing.resize(this.graph.clientWidth, this.graph.clientHeight);
		if (this.measure)
			this.layOut();
	}

	layOut() {
		const isZoomed = this.layout?.zoom !== this.zoom || this.layout.measure.tree !== this.tree;
		this.layout = new Layout(this.measure, this.zoom, this.graph.clientWidth);
		this.rows.style.height = `${this.layout.numRows * ROW_PIXELS}px`;
		if (isZoomed)
			this.graph.scrollTop = 0;
		if (isZoomed || !this.layout.isVisible(this.focused))
			this.focused = this.zoom;
		if (this.hovered >= 0 && !this.layout.isVisible(this.hovered))
			this.hovered = -1;
		this.draw();
		this.showDetails();
	}

	draw() {
		this.drawing.draw(this.layout, this.search, {
			scrolled: this.graph.scrollTop,
			focused: document.activeElement === this.graph ? this.focused : -1,
			hovered: this.hovered,
		});
	}

	showDetails() {
		details.show(this.measure, this.hovered >= 0 ? this.hovered : this.focused);
	}

	// The node at a place in the window, or -1.
	nodeAt(x, y) {
		const area = this.graph.getBoundingClientRect();
		return this.layout.find(x - area.left, Math.floor((y - area.top + this.graph.scrollTop) / ROW_PIXELS));
	}

	hover(node) {
		if (node === this.hovered)
			return;
		this.hovered = node;
		this.graph.style.cursor = node >= 0 ? 'pointer' : '';
		this.draw();
		this.showDetails();
	}

	focus(node) {
		this.focused = node;
		this.hovered = -1;
		const top = this.layout.rowOf(node) * ROW_PIXELS;
		if (top < this.graph.scrollTop)
			this.graph.scrollTop = top;
		else if (top + ROW_PIXELS > this.graph.scrollTop + this.graph.clientHeight)
			this.graph.scrollTop = top + ROW_PIXELS - this.graph.clientHeight;
		this.draw();
		this.showDetails();
		details.announce(this.measure, node);
	}

	// Where zoom is already there is no step.
	zoomTo(node) {
		if (node !== this.zoom)
			this.state.change({ zoom: node });
		this.focus(this.zoom);
	}

	zoomOut() {
		const from = this.zoom;
		this.zoomTo(Math.max(0, this.measure.tree.parents[from]));
		if (this.layout.isVisible(from))
			this.focus(from);
	}

	// The next visible box that was found (step 1) or the previous one (-1), in rows from left to right.
	focusFound(step) {
		const found = this.layout.rows.flat().filter((node) => this.search.finds(this.measure.tree.frames[node]));
		const at = found.indexOf(this.focused);
		if (found.length)
			this.focus(found[at < 0 ? (step > 0 ? 0 : found.length - 1) : (at + step + found.length) % found.length]);
	}
}
