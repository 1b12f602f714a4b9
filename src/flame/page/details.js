// SPDX-License-Identifier: Apache-2.0
// Details: all that is known of one node, in the panel below the graph and in words for a screen reader.
'use strict';

const details = {
	element: document.getElementById('details'),
	live: document.getElementById('live'),

	make(name, text, children = []) {
		const element = document.createElement(name);
		element.textContent = text;
		element.append(...children);
		return element;
	},

	// Pairs of what it is and what is said of it.
	ofValues(measure, node) {
		if (!profile.isDiff) {
			const whole = measure.share(node);
			const facts = [[profile.types[measure.type][0], measure.format(node) + (whole ? `, ${whole}` : '')]];
			if (node && !measure.tree.isInverted)
				facts.push(['of which its own', units.format(measure.unit, measure.selfOf(node))]);
			return facts;
		}
		const value = (side) => [measure.format(node, side), measure.share(node, side)].filter(Boolean).join(', ');
		const old = Math.abs(measure.total(node, 0));
		const relative = old ? ` (${units.change('%', 100 * measure.change(node) / old)})` : '';
		const change = units.change(measure.unit, measure.change(node), measure.changeError(node));
		return [
			['old', value(0)],
			['new', value(1)],
			['change', change + relative + (measure.change(node) && measure.isNoise(node) ? ', may be chance' : '')],
		];
	},

	ofPlace(frame) {
		if (frame < 0)
			return [];
		const file = profile.fileOf(frame), line = profile.lines[frame], binary = profile.binaryOf(frame);
		const facts = [];
		if (file)
			facts.push(['source', line ? `${file}:${line}` : file]);
		if (binary)
			facts.push(['binary', binary]);
		return facts;
	},

	show(measure, node) {
		const frame = measure.tree.frames[node];
		const facts = [...this.ofValues(measure, node), ...this.ofPlace(frame)];
		this.element.replaceChildren(
			this.make('h2', frame < 0 ? 'all' : profile.names[frame]),
			this.make('dl', '', facts.map(([name, text]) => this.make('div', '', [this.make('dt', name), this.make('dd', text)]))));
	},

	announce(measure, node) {
		const frame = measure.tree.frames[node];
		const name = profile.labelOf(frame).slice(0, 300);
		const values = this.ofValues(measure, node).map((fact) => fact.join(' ')).join('; ');
		this.live.textContent = `${name}; ${values}; level ${measure.tree.depths[node]}`;
	},
};
