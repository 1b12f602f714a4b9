// SPDX-License-Identifier: Apache-2.0
// Profile: what the page is of, as src/flame/data.h describes it.  All names in it are somebody else's: they reach the page
// as textContent or on the canvas, never as HTML.
'use strict';

const profile = JSON.parse(document.getElementById('profile').textContent);
Object.assign(profile, profile.about);

profile.isDiff = profile.sides.length === 2;
profile.lastSide = profile.sides.length - 1;

// The values of the stacks in a type, and their variances: NaN where not known, null if all are 0.
profile.valuesOf = (type, side) => profile.values[side * profile.types.length + type];
profile.variancesOf = (type, side) =>
	profile.variances[side * profile.types.length + type]?.map((variance) => variance ?? NaN);

// Binaries, those with most functions first: they get the colours that differ most.
profile.binaryOrder = (() => {
	const counts = new Map();
	for (const binary of profile.binaries)
		counts.set(binary, (counts.get(binary) ?? 0) + 1);
	return [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || a - b);
})();

profile.baseName = (path) => path.slice(path.lastIndexOf('/') + 1) || path;
profile.fileOf = (frame) => profile.strings[profile.files[frame]];
profile.binaryOf = (frame) => profile.strings[profile.binaries[frame]];

// What stands in a box; -1 is the root, which is no function.
profile.labelOf = (frame) => {
	if (frame < 0)
		return 'all';
	const line = profile.lines[frame];
	return line ? `${profile.names[frame]} ${profile.baseName(profile.fileOf(frame))}:${line}` : profile.names[frame];
};
