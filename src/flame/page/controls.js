// SPDX-License-Identifier: Apache-2.0
// Controls: what stands above and below the graph: title, type, search, theme, the way to the zoomed node, legend, help.
'use strict';

const MAX_STEPS = 200; // of the way to a node that are shown

class Controls {
	constructor(state, view) {
		this.state = state;
		this.view = view;
		for (const id of ['title', 'facts', 'type', 'inverted', 'reset', 'search', 'found', 'theme', 'path', 'legend', 'help'])
			this[id] = document.getElementById(id);
		this.fillType();
		this.fillHelp();
		this.title.textContent = document.title = profile.title;
		this.type.addEventListener('change', () => state.change({ type: this.type.selectedIndex }));
		this.inverted.addEventListener('click', () => this.invert());
		this.reset.addEventListener('click', () => this.resetView());
		this.search.addEventListener('input', () => state.change({ pattern: this.search.value }, false));
		this.theme.addEventListener('click', () =>
			state.change({ theme: THEMES[(THEMES.indexOf(state.theme) + 1) % THEMES.length] }, false));
		document.getElementById('help-button').addEventListener('click', () => this.help.showModal());
		theme.system.addEventListener('change', () => state.tell());
	}

	fillType() {
		for (const [name, unit] of profile.types)
			this.type.append(new Option(`${name} (${unit})`, name));
	}

	fillHelp() {
		document.getElementById(profile.isDiff ? 'help-single' : 'help-diff').hidden = true;
		document.getElementById('licences-text').textContent = document.getElementById('licences').textContent.trim();
	}

	invert() {
		this.state.change({ isInverted: !this.state.isInverted, zoom: 0 });
	}

	resetView() {
		this.state.change({ zoom: 0, pattern: '', isInverted: false, type: profile.type });
	}

	// Before the view is drawn.
	applyTheme() {
		theme.apply(this.state.theme);
		colours.refresh();
		this.theme.textContent = `Theme: ${this.state.theme}`;
	}

	// After it is drawn.
	update() {
		const { state, view } = this;
		this.type.selectedIndex = state.type;
		this.inverted.setAttribute('aria-pressed', String(state.isInverted));
		if (this.search.value !== state.pattern)
			this.search.value = state.pattern;
		this.search.setAttribute('aria-invalid', String(Boolean(view.search.problem)));
		this.found.textContent = view.search.describe(view.measure);
		this.facts.textContent = this.describe().join(' · ');
		this.showPath();
		this.showLegend();
	}

	describeSide(side) {
		const { name, time_ms: time, duration_ms: duration } = profile.sides[side];
		return [name, time ? new Date(time).toISOString().replace('T', ' ').replace(/\..*/, ' UTC') : '',
			duration ? `over ${units.format('nanoseconds', duration * 1e6)}` : ''].filter(Boolean).join(', ');
	}

	describeTotal() {
		const { measure } = this.view, name = profile.types[measure.type][0];
		const whole = profile.whole[profile.lastSide * profile.types.length + measure.type];
		const part = whole !== measure.total(0) ? ` (${units.share(measure.total(0), whole)} of the whole profile)` : '';
		const values = profile.sides.map((_, side) => measure.format(0, side)).join(' → ');
		const change = profile.isDiff ? ` (${units.change(measure.unit, measure.change(0), measure.changeError(0))})` : '';
		return `${name} ${values}${change}${part}`;
	}

	// "a.pb.gz, 2026-11-21 10:00:00 UTC", "one sample per 512 KiB", "inuse_space 1.21 GiB ±0.04".
	describe() {
		const [type, unit] = profile.period_type;
		const sampled = profile.period === 1 ? 'exact'
			: profile.period ? `one sample per ${units.format(unit, profile.period)}${unit === 'bytes' ? '' : ` of ${type}`}` : '';
		return [profile.sides.map((_, side) => this.describeSide(side)).join(' → '), sampled, this.describeTotal(),
			...profile.filters].filter(Boolean);
	}

	showPath() {
		const { measure, zoom } = this.view;
		const whole = measure.tree.pathTo(zoom);
		const path = whole.length > MAX_STEPS ? [whole[0], ...whole.slice(1 - MAX_STEPS)] : whole;
		this.path.replaceChildren(...path.map((node) => {
			const button = details.make('button', profile.labelOf(measure.tree.frames[node]).slice(0, 500));
			button.type = 'button';
			if (node === zoom)
				button.setAttribute('aria-current', 'location');
			button.addEventListener('click', () => {
				this.view.graph.focus();
				this.view.zoomTo(node);
			});
			return details.make('li', '', [button]);
		}));
		this.path.scrollTop = this.path.scrollHeight;
	}

	makeKey(background, text) {
		const sample = details.make('i', '');
		sample.style.background = background;
		const key = details.make('span', '', [sample, text]);
		key.title = text;
		key.setAttribute('role', 'listitem');
		return key;
	}

	showLegend() {
		if (profile.isDiff) {
			const ramp = this.makeKey(`linear-gradient(to right, ${colours.ramp.join(', ')})`, 'grown, or new');
			ramp.prepend('gone, or shrunk ');
			ramp.className = 'ramp';
			this.legend.replaceChildren(ramp, this.makeKey(colours.ofChange(0), 'unchanged, or within what sampling leaves unsure'));
			return;
		}
		const keys = profile.binaryOrder.filter((binary) => profile.strings[binary]).slice(0, 8);
		this.legend.replaceChildren(...keys.map((binary) =>
			this.makeKey(colours.makeOfBinary(binary), profile.baseName(profile.strings[binary]))));
	}
}
