// SPDX-License-Identifier: Apache-2.0
// Colours: of boxes, for a light or a dark page, and of the text on them.
//
// Hues are of CIE L*C*h, so that all have the same lightness and text can be read on each.  Differences have
// ColorBrewer's RdBu, which the colour-blind can tell apart; on a dark page its lightness is turned around, so that what has
// not changed stays as quiet as it is on a light one.
'use strict';

const NUM_SHADES = 40; // of a ramp, on each side of its middle

const colours = {
	isDark: false,
	styles: {},
	byFrame: null,
	ramp: null,
	textOn: new Map(),

	// The theme may have changed.
	refresh() {
		const style = getComputedStyle(document.documentElement), isDark = document.documentElement.dataset.theme === 'dark';
		if (this.byFrame && isDark === this.isDark)
			return;
		this.isDark = isDark;
		for (const name of ['page', 'text', 'dim', 'dim-text', 'crumb', 'focus', 'match', 'line'])
			this.styles[name] = style.getPropertyValue(`--${name}`).trim();
		this.byFrame = profile.names.map((_, frame) => this.makeOfFrame(frame));
		this.ramp = Array.from({ length: 2 * NUM_SHADES + 1 }, (_, i) => this.makeOfChange(i / NUM_SHADES - 1));
		this.textOn.clear();
	},

	// Neighbours by the golden angle, the first one orange.
	hueOf(binary) {
		return (50 + profile.binaryOrder.indexOf(binary) * 137.508) % 360;
	},

	// shade: from -1 to 1.
	makeOfBinary(binary, shade = 0) {
		const isKnown = profile.strings[binary] !== '';
		return d3.hcl(this.hueOf(binary) + 18 * shade, isKnown ? 36 : 0,
			(this.isDark ? 40 : 81) + 5 * shade).hex();
	},

	// The shade follows from the name, so that it is the same wherever the function is.
	makeOfFrame(frame) {
		let hash = 0;
		for (const character of profile.names[frame].slice(0, 200))
			hash = (Math.imul(hash, 31) + character.codePointAt(0)) >>> 0;
		return this.makeOfBinary(profile.binaries[frame], (hash % 17) / 8 - 1);
	},

	makeOfChange(change) {
		const colour = d3.lab(d3.interpolateRdBu(0.5 - change * 0.42));
		if (this.isDark)
			colour.l = 122 - colour.l;
		return colour.hex();
	},

	ofChange(change) {
		return this.ramp[Math.round((change + 1) * NUM_SHADES)];
	},

	// Of a node of a measure.
	ofNode(measure, node) {
		if (profile.isDiff)
			return this.ofChange(measure.relativeChange(node));
		const frame = measure.tree.frames[node];
		return frame < 0 ? this.styles.dim : this.byFrame[frame];
	},

	text(fill) {
		if (!this.textOn.has(fill))
			this.textOn.set(fill, d3.lab(fill).l > 49.5 ? '#000000' : '#ffffff'); // a contrast of 4.5 at least
		return this.textOn.get(fill);
	},
};
