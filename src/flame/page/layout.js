// SPDX-License-Identifier: Apache-2.0
// Layout: the boxes of a measure that can be seen when zoomed into a node, row by row, from left to right.
'use strict';

const MIN_WIDTH_PIXELS = 0.5;

class Layout {
	constructor(measure, zoom, width) {
		const { tree, weights, starts } = measure;
		this.measure = measure;
		this.zoom = zoom;
		this.width = width;
		this.scale = weights[zoom] ? width / weights[zoom] : 0;
		this.rows = []; // nodes
		this.crumbs = []; // where there are nodes that are too small, as pairs of left and right edges
		for (let node = zoom; node < tree.ends[zoom];) {
			const row = tree.depths[node] - tree.depths[zoom], left = this.left(node), right = left + this.widthOf(node);
			if (right - left >= MIN_WIDTH_PIXELS) {
				(this.rows[row] ??= []).push(node);
				node++;
			} else {
				this.addCrumb(row, left, right);
				node = tree.ends[node];
			}
		}
		this.rows[0] ??= [zoom];
		this.numRows = Math.max(this.rows.length, this.crumbs.length);
	}

	addCrumb(row, left, right) {
		const crumbs = this.crumbs[row] ??= [], last = crumbs.length - 1;
		if (last > 0 && left - crumbs[last] < MIN_WIDTH_PIXELS)
			crumbs[last] = right;
		else if (right > left)
			crumbs.push(left, right);
	}

	left(node) {
		return (this.measure.starts[node] - this.measure.starts[this.zoom]) * this.scale;
	}

	widthOf(node) {
		return node === this.zoom ? this.width : this.measure.weights[node] * this.scale;
	}

	rowOf(node) {
		return this.measure.tree.depths[node] - this.measure.tree.depths[this.zoom];
	}

	isVisible(node) {
		return this.rows[this.rowOf(node)]?.includes(node) ?? false;
	}

	// The node at a place, or -1.
	find(x, row) {
		const nodes = this.rows[row] ?? [];
		let low = 0, high = nodes.length;
		while (low < high) { // the last that begins at or before x
			const middle = (low + high) >> 1;
			if (this.left(nodes[middle]) <= x)
				low = middle + 1;
			else
				high = middle;
		}
		const node = low ? nodes[low - 1] : -1;
		return node >= 0 && x < this.left(node) + this.widthOf(node) ? node : -1;
	}

	// The node beside another in its row (step 1 or -1), or itself at the end.
	beside(node, step) {
		const nodes = this.rows[this.rowOf(node)];
		return nodes[nodes.indexOf(node) + step] ?? node;
	}

	// The widest visible child, or the node itself.
	below(node) {
		let widest = node, weight = 0;
		for (const child of this.measure.tree.childrenOf(node)) {
			if (this.widthOf(child) >= MIN_WIDTH_PIXELS && this.measure.weights[child] > weight) {
				widest = child;
				weight = this.measure.weights[child];
			}
		}
		return widest;
	}
}
