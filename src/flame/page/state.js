// SPDX-License-Identifier: Apache-2.0
// State: what the user has chosen.  It is in the address after the #, so that a view can be kept and sent, and the browser's
// Back goes back.
'use strict';

class State {
	constructor() {
		this.listeners = [];
		this.read();
		addEventListener('hashchange', () => {
			if (this.toHash() !== location.hash.slice(1)) {
				this.read();
				this.tell();
			}
		});
	}

	// Anybody can write an address: what makes no sense is left at what it is without.
	read() {
		const parameters = new URLSearchParams(location.hash.slice(1));
		const type = profile.types.findIndex(([name]) => name === parameters.get('type'));
		const zoom = Number(parameters.get('zoom'));
		this.type = type >= 0 ? type : profile.type;
		this.isInverted = parameters.get('view') === 'inverted';
		this.zoom = Number.isInteger(zoom) && zoom > 0 ? zoom : 0; // the view knows how many nodes there are
		this.pattern = parameters.get('search') ?? '';
		this.theme = THEMES.includes(parameters.get('theme')) ? parameters.get('theme') : 'system';
	}

	toHash() {
		const parameters = new URLSearchParams();
		if (this.type !== profile.type)
			parameters.set('type', profile.types[this.type][0]);
		if (this.isInverted)
			parameters.set('view', 'inverted');
		if (this.zoom)
			parameters.set('zoom', this.zoom);
		if (this.pattern)
			parameters.set('search', this.pattern);
		if (this.theme !== 'system')
			parameters.set('theme', this.theme);
		return parameters.toString();
	}

	// isStep: one that the browser's Back undoes.
	change(changes, isStep = true) {
		Object.assign(this, changes);
		const hash = `#${this.toHash()}`;
		if (isStep)
			location.hash = hash;
		else
			location.replace(hash);
		this.tell();
	}

	tell() {
		for (const listener of this.listeners)
			listener();
	}
}
