// SPDX-License-Identifier: Apache-2.0
// Puts the page together.
'use strict';

const state = new State();
const view = new View(state);
const controls = new Controls(state, view);
state.listeners.unshift(() => controls.applyTheme());
state.listeners.push(() => controls.update());
new Keyboard(view, controls);
view.resize();
state.tell();
