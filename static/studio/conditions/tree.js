/**
 * A condition as a tree of plain objects: every change makes a new tree, and ids stay. Pure: needs no page.
 *
 * What is edited always has a group at its root. A stored condition that is one row alone is put into a group without
 * an id, and written back without it, until it takes a second row.
 */

export const VERSION = 1;
export const LIMITS = { depth: 5, nodes: 50, steps: 5, tests: 50, list: 200 };
export const UNWRITTEN = ''; // the id of a group that is only there to be edited

export const isGroup = node => Array.isArray(node.children);

export function walk(node, found = []) {
  found.push(node);
  for (const child of node.children ?? []) walk(child, found);
  return found;
}

export const countNodes = root => walk(root).length - (root.id === UNWRITTEN ? 1 : 0);

export function heightOf(node) {
  return 1 + Math.max(0, ...(node.children ?? []).map(heightOf));
}

/** The nodes from the root down to the one of that id, or nothing. */
export function pathTo(root, id) {
  if (root.id === id) return [root];
  for (const child of root.children ?? []) {
    const path = pathTo(child, id);
    if (path.length) return [root, ...path];
  }
  return [];
}

export const find = (root, id) => pathTo(root, id).at(-1);
export const parentOf = (root, id) => pathTo(root, id).at(-2);

export function makeId(taken) {
  for (;;) {
    const id = `n${Math.random().toString(36).slice(2, 8)}`;
    if (!taken.has(id)) return id;
  }
}

export const idsOf = root => new Set(walk(root).map(node => node.id));

/** The same node, and all below it, with ids of their own. */
export function copyOf(node, taken) {
  const id = makeId(taken);
  taken.add(id);
  const copy = { ...structuredClone(node), id };
  if (isGroup(node)) copy.children = node.children.map(child => copyOf(child, taken));
  return copy;
}

export function update(root, id, change) {
  if (root.id === id) return change(root);
  if (!isGroup(root)) return root;
  let isChanged = false;
  const children = root.children.map(child => {
    const next = update(child, id, change);
    isChanged ||= next !== child;
    return next;
  });
  return isChanged ? { ...root, children } : root;
}

export const insert = (root, parentId, index, node) =>
  update(root, parentId, group => ({ ...group, children: group.children.toSpliced(index, 0, node) }));

export function remove(root, id) {
  const parent = parentOf(root, id);
  if (!parent) return root;
  return update(root, parent.id, group => ({ ...group, children: group.children.filter(child => child.id !== id) }));
}

export function duplicate(root, id) {
  const parent = parentOf(root, id);
  const node = find(root, id);
  if (!parent || !hasRoom(root, parent.id, node)) return root;
  return insert(root, parent.id, parent.children.indexOf(node) + 1, copyOf(node, idsOf(root)));
}

/** Whether a node of that height may stand in a group: how deep, and how many there may be. */
export function hasRoom(root, parentId, node, more = walk(node).length) {
  const depth = pathTo(root, parentId).length;
  return depth + heightOf(node) <= LIMITS.depth && countNodes(root) + more <= LIMITS.nodes;
}

/** Before the child that now has that index in the group; the tree itself where that cannot be. */
export function move(root, id, parentId, index) {
  const node = find(root, id);
  const from = parentOf(root, id);
  if (!from || pathTo(node, parentId).length || !hasRoom(root, parentId, node, 0)) return root;
  const at = from.children.indexOf(node);
  if (from.id === parentId && (index === at || index === at + 1)) return root;
  const to = from.id === parentId && index > at ? index - 1 : index;
  return insert(remove(root, id), parentId, to, node);
}

/** One place up (-1) or down (1) as one reads it: past a row, into a group (but for those that are drawn as one row),
 *  out of the end of one. */
export function step(root, id, by, isRow = () => false) {
  const path = pathTo(root, id);
  const parent = path.at(-2);
  if (!parent) return root;
  const index = parent.children.findIndex(child => child.id === id);
  const beside = parent.children[index + by];
  if (beside && isGroup(beside) && !isRow(beside)) {
    const into = move(root, id, beside.id, by > 0 ? 0 : beside.children.length);
    if (into !== root) return into;
  }
  if (beside) return move(root, id, parent.id, by > 0 ? index + 2 : index - 1);
  const above = path.at(-3);
  if (!above) return root;
  const place = above.children.findIndex(child => child.id === parent.id);
  return move(root, id, above.id, by > 0 ? place + 1 : place);
}

/** Puts a node into a group of its own, or takes it out of one that holds nothing else. */
export function wrap(root, id, kind) {
  const group = { id: makeId(idsOf(root)), kind, children: [] };
  return update(root, id, node => ({ ...group, children: [node] }));
}

export const unwrap = (root, id) => update(root, id, group => group.children[0]);

/** What is edited of a stored document: a group, whatever is stored. */
export function open(document) {
  const root = document?.root;
  if (root && isGroup(root)) return root;
  return { id: UNWRITTEN, kind: 'and', children: root ? [root] : [] };
}

/** The document of what is edited, null of nothing. */
export function write(root) {
  if (!root.children.length) return null;
  if (root.id !== UNWRITTEN) return { v: VERSION, root };
  return { v: VERSION, root: root.children[0] };
}

/** Gives the root an id once it says more than its only row. */
export function settle(root) {
  const needs = root.id === UNWRITTEN && (root.children.length > 1 || root.kind !== 'and');
  return needs && root.children.length ? { ...root, id: makeId(idsOf(root)) } : root;
}
