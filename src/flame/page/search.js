// SPDX-License-Identifier: Apache-2.0
// Search: the frames whose labels match a regular expression, and how much of a measure they are.
'use strict';

class Search {
	// A pattern without capitals finds capitals too.  problem: why it is no pattern, else ''.
	constructor(pattern) {
		this.pattern = pattern;
		this.problem = '';
		this.isFound = new Uint8Array(profile.names.length); // by frame
		this.numFrames = 0;
		if (!pattern)
			return;
		try {
			this.expression = new RegExp(pattern, /[A-Z]/.test(pattern.replace(/\\./g, '')) ? '' : 'i');
		} catch (error) {
			this.problem = error.message;
			return;
		}
		for (let frame = 0; frame < this.isFound.length; frame++) {
			this.isFound[frame] = this.expression.test(profile.labelOf(frame));
			this.numFrames += this.isFound[frame];
		}
	}

	get isActive() {
		return Boolean(this.expression);
	}

	finds(frame) {
		return frame >= 0 && this.isFound[frame] === 1;
	}

	// What is in or under a frame that was found, each stack once, in each side; and in how many boxes.
	sum(measure) {
		const { tree } = measure, totals = profile.sides.map(() => 0);
		let numNodes = 0, coveredUpTo = 0;
		for (let node = 1; node < tree.numNodes; node++) {
			if (!this.finds(tree.frames[node]) || !measure.weights[node])
				continue;
			numNodes++;
			if (node < coveredUpTo)
				continue;
			coveredUpTo = tree.ends[node];
			totals.forEach((_, side) => totals[side] += measure.total(node, side));
		}
		return { totals, numNodes };
	}

	describe(measure) {
		if (this.problem || !this.isActive)
			return this.problem;
		const { totals, numNodes } = this.sum(measure);
		const values = totals.map((total, side) =>
			`${units.format(measure.unit, total)} (${units.share(total, measure.total(0, side)) || '0 %'})`);
		const boxes = numNodes === 1 ? '1 box' : `${numNodes} boxes`;
		return `${boxes}: ${values.join(' → ')}`;
	}
}
