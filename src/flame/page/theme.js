// SPDX-License-Identifier: Apache-2.0
// Theme: dark or light, as the system is or as the user chose.  Set before anything is shown, so that nothing flashes.
'use strict';

const THEMES = ['system', 'light', 'dark'];

const theme = {
	system: matchMedia('(prefers-color-scheme: dark)'),

	apply(chosen) {
		const isDark = chosen === 'dark' || (chosen === 'system' && this.system.matches);
		document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
	},
};

theme.apply('system');
