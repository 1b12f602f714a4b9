// SPDX-License-Identifier: Apache-2.0
// Tree: calls as arrays in preorder, so that a subtree is the nodes from its root up to ends[root], and sums need no
// recursion.  Node 0 is the root; siblings are in the order of their frames' numbers, which is that of their names.
'use strict';

class Tree {
	// stacks: the node where each stack ends.
	constructor(depths, frames, stacks) {
		const numNodes = depths.length;
		this.depths = depths;
		this.frames = frames;
		this.stacks = stacks;
		this.numNodes = numNodes;
		this.parents = new Int32Array(numNodes).fill(-1);
		this.ends = new Int32Array(numNodes);
		const open = []; // by depth
		for (let node = 0; node < numNodes; node++) {
			if (node > 0)
				this.parents[node] = open[depths[node] - 1];
			open[depths[node]] = node;
		}
		for (let node = numNodes - 1; node >= 0; node--) {
			this.ends[node] ||= node + 1;
			if (node > 0)
				this.ends[this.parents[node]] = Math.max(this.ends[this.parents[node]], this.ends[node]);
		}
	}

	// From the root to the node.
	pathTo(node) {
		const path = [];
		for (; node >= 0; node = this.parents[node])
			path.unshift(node);
		return path;
	}

	*childrenOf(node) {
		for (let child = node + 1; child < this.ends[node]; child = this.ends[child])
			yield child;
	}

	// What a value of each stack comes to in each node.
	sum(values) {
		const sums = new Float64Array(this.numNodes);
		for (let i = 0; i < this.stacks.length; i++)
			sums[this.stacks[i]] += values[i];
		for (let node = this.numNodes - 1; node > 0; node--)
			sums[this.parents[node]] += sums[node];
		return sums;
	}

	// The same stacks, leaves first.  They are sorted, so that each shares its beginning with the one before.
	invert() {
		const frames = this.frames, parents = this.parents;
		const order = Int32Array.from(this.stacks.keys());
		const compare = (a, b) => {
			let left = this.stacks[a], right = this.stacks[b];
			while (left > 0 && right > 0 && frames[left] === frames[right]) {
				left = parents[left];
				right = parents[right];
			}
			return (left > 0 ? frames[left] : -1) - (right > 0 ? frames[right] : -1);
		};
		order.sort(compare);
		const newDepths = [0], newFrames = [-1], newStacks = new Int32Array(order.length);
		const open = [0]; // nodes of the stack before, by depth
		for (const stack of order) {
			let depth = 0, isShared = true;
			for (let node = this.stacks[stack]; node > 0; node = parents[node]) {
				depth++;
				isShared &&= depth < open.length && newFrames[open[depth]] === frames[node];
				if (isShared)
					continue;
				open[depth] = newFrames.length;
				newDepths.push(depth);
				newFrames.push(frames[node]);
			}
			open.length = depth + 1;
			newStacks[stack] = open[depth];
		}
		return new Tree(Int32Array.from(newDepths), Int32Array.from(newFrames), newStacks);
	}
}
