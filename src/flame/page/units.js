// SPDX-License-Identifier: Apache-2.0
// Units: numbers as people read them, with their standard errors: "1.21 GiB ±0.04", as src/report/units.c writes them.
'use strict';

const units = {
	scales: {
		bytes: { step: 1024, names: [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB', ' EiB'] },
		count: { step: 1000, names: ['', 'k', 'M', 'G', 'T', 'P', 'E'] },
		nanoseconds: { step: 1000, names: [' ns', ' µs', ' ms', ' s', ' ks', ' Ms', ' Gs'] },
	},

	scaleOf(unit, size) {
		const scale = Object.hasOwn(this.scales, unit) ? this.scales[unit]
			: { step: 1000, names: this.scales.count.names.map((name) => `${name} ${unit}`) };
		let number = 0;
		while (number + 1 < scale.names.length && size >= scale.step ** (number + 1) * (1 - 0.5 / 1000))
			number++;
		return { one: scale.step ** number, name: scale.names[number], isWhole: number === 0 };
	},

	// Decimals for three digits.
	decimalsOf(shown) {
		return shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0;
	},

	// error: NaN: not known; 0: exact; neither is shown.
	format(unit, value, error = 0) {
		const scale = this.scaleOf(unit, Math.max(Math.abs(value), error || 0));
		let decimals = scale.isWhole ? 0 : this.decimalsOf(Math.abs(value) / scale.one);
		if (!(error > 0))
			return (value / scale.one).toFixed(decimals) + scale.name;
		const shown = error / scale.one;
		decimals = Math.max(decimals, shown < 0.095 ? 2 : shown < 9.95 ? 1 : 0);
		return `${(value / scale.one).toFixed(decimals)}${scale.name} ±${shown.toFixed(decimals)}`;
	},

	// A change, with its sign.
	change(unit, value, error = 0) {
		return (value > 0 ? '+' : '') + this.format(unit, value, error);
	},

	share(part, whole) {
		return whole ? `${(100 * part / whole).toFixed(Math.abs(part) >= Math.abs(whole) ? 0 : 1)} %` : '';
	},
};
