// SPDX-License-Identifier: Apache-2.0
// Drawing: a layout on the canvas.  The canvas is as large as what can be seen, and only rows that are scrolled into it are
// drawn.
'use strict';

const ROW_PIXELS = 19;
const FONT = '12px ui-monospace, "DejaVu Sans Mono", monospace';

class Drawing {
	constructor(canvas) {
		this.canvas = canvas;
		this.context = canvas.getContext('2d');
	}

	resize(width, height) {
		const ratio = devicePixelRatio || 1;
		this.width = width;
		this.height = height;
		this.canvas.width = Math.round(width * ratio);
		this.canvas.height = Math.round(height * ratio);
		this.canvas.style.width = `${width}px`;
		this.canvas.style.height = `${height}px`;
		this.canvas.style.marginBottom = `${-height}px`; // it takes no room: the rows alone say how much there is to scroll
		this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
		this.context.font = FONT;
		this.context.textBaseline = 'middle';
		this.characterWidth = this.context.measureText('0').width;
	}

	draw(layout, search, { scrolled, focused, hovered }) {
		this.layout = layout;
		this.search = search;
		this.scrolled = scrolled;
		this.context.fillStyle = colours.styles.page;
		this.context.fillRect(0, 0, this.width, this.height);
		const first = Math.floor(scrolled / ROW_PIXELS), last = Math.floor((scrolled + this.height) / ROW_PIXELS);
		for (let row = first; row <= Math.min(last, layout.numRows - 1); row++) {
			this.drawCrumbs(layout.crumbs[row] ?? [], row);
			for (const node of layout.rows[row] ?? [])
				this.drawBox(node, row);
		}
		if (hovered >= 0 && layout.isVisible(hovered))
			this.outline(hovered, colours.styles.text, 1.5);
		if (focused >= 0 && layout.isVisible(focused))
			this.outline(focused, colours.styles.focus, 3);
	}

	top(row) {
		return row * ROW_PIXELS - this.scrolled;
	}

	drawCrumbs(crumbs, row) {
		this.context.fillStyle = colours.styles.crumb;
		for (let i = 0; i < crumbs.length; i += 2)
			this.context.fillRect(crumbs[i], this.top(row) + 1, Math.max(1, crumbs[i + 1] - crumbs[i]), ROW_PIXELS - 2);
	}

	drawBox(node, row) {
		const { measure } = this.layout, frame = measure.tree.frames[node];
		const left = this.layout.left(node), width = this.layout.widthOf(node), top = this.top(row);
		const isFound = this.search.finds(frame), isDimmed = this.search.isActive && !isFound;
		const fill = isDimmed ? colours.styles.dim : colours.ofNode(measure, node);
		const gap = width > 3 ? 1 : 0; // between neighbours
		this.context.fillStyle = fill;
		this.context.fillRect(left, top, width - gap, ROW_PIXELS - 1);
		if (isFound)
			this.markFound(left, top, width - gap);
		this.context.fillStyle = isDimmed ? colours.styles['dim-text'] : colours.text(fill);
		this.drawLabel(frame, left, top, width);
	}

	markFound(left, top, width) {
		this.context.fillStyle = colours.styles.match;
		this.context.fillRect(left, top + ROW_PIXELS - 4, Math.max(1, width), 3);
	}

	// As much of it as there is room for; what is wider than its characters should be is condensed.
	drawLabel(frame, left, top, width) {
		const room = width - 7, numCharacters = Math.floor(room / this.characterWidth);
		if (numCharacters < 2)
			return;
		const label = profile.labelOf(frame);
		const shown = label.length <= numCharacters ? label : `${label.slice(0, numCharacters - 1)}…`;
		this.context.fillText(shown, left + 3, top + ROW_PIXELS / 2, room);
	}

	outline(node, colour, thickness) {
		const left = this.layout.left(node), top = this.top(this.layout.rowOf(node)), half = thickness / 2;
		const width = Math.max(this.layout.widthOf(node), 2 * thickness);
		this.context.strokeStyle = colour;
		this.context.lineWidth = thickness;
		this.context.strokeRect(left + half, top + half, width - thickness, ROW_PIXELS - 1 - thickness);
	}
}
