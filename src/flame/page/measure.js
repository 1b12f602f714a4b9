// SPDX-License-Identifier: Apache-2.0
// Measure: what the nodes of a tree are worth in one type of value, and where they lie from left to right.
//
// Why this is not d3.hierarchy() and d3.partition(): for 50,000 stacks in 557,430 nodes these take 0.50 s and 0.42 s and
// 150 MB of objects (chromium 156, two cores), for each change of type or direction; the sums below take a twentieth.
'use strict';

class Measure {
	constructor(tree, type) {
		this.tree = tree;
		this.type = type;
		this.unit = profile.types[type][1];
		this.totals = []; // by side
		this.variances = [];
		for (let side = 0; side < profile.sides.length; side++) {
			this.totals.push(tree.sum(profile.valuesOf(type, side)));
			const variances = profile.variancesOf(type, side); // NaN spreads to whatever contains it
			this.variances.push(variances ? tree.sum(variances) : null);
		}
		this.weights = tree.sum(this.weighStacks());
		this.starts = this.place();
	}

	// What gives a stack its width: of two values the larger, so that what is gone can be seen too, and what is less
	// than 0 (in a difference) counts as much as what is more.
	weighStacks() {
		const values = profile.sides.map((_, side) => profile.valuesOf(this.type, side));
		return values[0].map((value, i) => Math.max(Math.abs(value), values[1] ? Math.abs(values[1][i]) : 0));
	}

	// Where each node begins, in units of weight; children stand at the left of their parent.
	place() {
		const { parents, numNodes } = this.tree;
		const starts = new Float64Array(numNodes), next = new Float64Array(numNodes);
		for (let node = 1; node < numNodes; node++) {
			starts[node] = next[node] = next[parents[node]];
			next[parents[node]] += this.weights[node];
		}
		return starts;
	}

	total(node, side = profile.lastSide) {
		return this.totals[side][node];
	}

	// 0: exact; NaN: not known.
	error(node, side = profile.lastSide) {
		return this.variances[side] ? Math.sqrt(Math.max(0, this.variances[side][node])) : 0;
	}

	change(node) {
		return this.totals[1][node] - this.totals[0][node];
	}

	changeError(node) {
		return Math.hypot(this.error(node, 0), this.error(node, 1));
	}

	// True if a change may as well come from sampling.
	isNoise(node) {
		return Math.abs(this.change(node)) < 1.96 * this.changeError(node);
	}

	// From -1: all is gone, to 1: all is new.
	relativeChange(node) {
		const larger = Math.max(Math.abs(this.totals[0][node]), Math.abs(this.totals[1][node]));
		return larger && !this.isNoise(node) ? Math.max(-1, Math.min(1, this.change(node) / larger)) : 0;
	}

	selfOf(node) {
		let self = this.totals[profile.lastSide][node];
		for (const child of this.tree.childrenOf(node))
			self -= this.totals[profile.lastSide][child];
		return self;
	}

	format(node, side = profile.lastSide) {
		return units.format(this.unit, this.total(node, side), this.error(node, side));
	}

	share(node, side = profile.lastSide) {
		return units.share(this.total(node, side), this.total(0, side));
	}
}
