/** Reads the text of a condition for the editor: what it can draw, or why it cannot. Pure. */

import { VERSION, idsOf, isGroup, makeId, open, walk } from './tree.js';

const GROUPS = ['and', 'or', 'not'];
const LEAVES = ['event', 'sequence', 'trait', 'context', 'segment', 'cluster', 'score', 'lookalike'];
const MOST_DEEP = 20;

/** `{ root }`, or `{ problem }`. An empty text, or null, is a condition without rows. */
export function read(text) {
  if (!text.trim() || text.trim() === 'null') return { root: open(null) };
  let document;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return { problem: interpolate(gettext('This is not JSON: %s'), [error.message]) };
  }
  if (document?.v !== VERSION || !isObject(document.root)) {
    return { problem: gettext('A condition is {"v": 1, "root": {…}}.') };
  }
  const problem = findProblem(document.root, 1);
  if (problem) return { problem };
  return { root: open({ ...document, root: identify(document.root) }) };
}

const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value);

function findProblem(node, depth) {
  if (!isObject(node)) return gettext('Every part of a condition is an object.');
  if (depth > MOST_DEEP) return gettext('Its groups lie too deep inside each other.');
  if (GROUPS.includes(node.kind)) {
    if (!Array.isArray(node.children)) return gettext('A group needs a list “children”.');
    return node.children.map(child => findProblem(child, depth + 1)).find(Boolean);
  }
  if (!LEAVES.includes(node.kind) || 'children' in node) {
    return interpolate(gettext('No rows can be drawn of the kind “%s”.'), [String(node.kind)]);
  }
  const tests = [node, ...(node.steps ?? [])];
  const isOdd = !Array.isArray(node.steps ?? []) || (node.kind === 'sequence' && !node.steps)
    || tests.some(each => !isObject(each) || !Array.isArray(each.where ?? []) || !(each.where ?? []).every(isObject))
    || !isObject(node.window ?? {});
  return isOdd ? gettext('A list or an object is missing where the language has one.') : undefined;
}

/** Gives an id to nodes that have none, or that of another. */
function identify(root) {
  const all = walk(root).map(node => node.id);
  if (all.every(id => typeof id === 'string' && id) && new Set(all).size === all.length) return root;
  const taken = idsOf(root);
  const seen = new Set();
  return (function mend(node) {
    let id = node.id;
    if (typeof id !== 'string' || !id || seen.has(id)) id = makeId(taken);
    taken.add(id);
    seen.add(id);
    return isGroup(node) ? { ...node, id, children: node.children.map(mend) } : { ...node, id };
  })(root);
}
