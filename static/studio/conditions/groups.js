/** Draws the tree: groups as coloured frames with their switch on the border, rows inside them. */

import { combobox } from './combobox.js';
import { button, h, icon } from './dom.js';
import { listKinds, listNamed, search } from './kinds.js';
import { notInSegment, sentence } from './rows.js';
import { LIMITS, UNWRITTEN, countNodes, isGroup } from './tree.js';

const MOST_NAMED = 8; // names that are offered beside the kinds
const FEW_LEFT = 10; // conditions, before the limit is told

const switches = () => [
  ['and', gettext('All of these are true')], ['or', gettext('Any of these is true')], ['not', gettext('None of these is true')],
];
const joins = { and: () => gettext('and'), or: () => gettext('or'), not: () => gettext('nor') };

/** A group of none that holds one audience alone, and was not made as a group, is a row that says “not in”. */
export const isNotIn = (ui, node) =>
  node.kind === 'not' && node.children.length === 1 && node.children[0].kind === 'segment' && node.id !== UNWRITTEN && !ui.frames.has(node.id);

export function drawTree(ui, root) {
  return drawGroup(ui, root, 1, null);
}

function drawGroup(ui, group, depth, parent) {
  const id = ui.idOf(group);
  const isRoot = !parent;
  const choose = h(
    'select',
    { id: `${id}-switch`, class: 'select select-sm condition-switch', 'aria-label': gettext('how they belong together'), onchange: event => ui.turn(group.id, event.target.value) },
    switches().map(([value, said]) => h('option', { value, selected: value === group.kind }, said)),
  );
  const items = group.children.map((child, at) => h(
    'li',
    { 'data-node': child.id, class: 'condition-item' },
    at > 0 && h('p', { class: 'condition-join' }, joins[group.kind]()),
    isGroup(child) && !isNotIn(ui, child) ? drawGroup(ui, child, depth + 1, group) : drawRow(ui, child, group, at),
  ));
  return h(
    'div',
    { class: `condition-group condition-${group.kind}`, role: 'group', 'aria-label': switches().find(([value]) => value === group.kind)[1] },
    h('div', { class: 'condition-head' }, !isRoot && handle(ui, group, id), choose, h('span', { class: 'grow' }), count(group), !isRoot && tools(ui, group, id)),
    h('ol', { class: 'condition-children', 'data-list': group.id }, items),
    !items.length && isRoot && h('p', { class: 'quiet py-1' }, ui.about === 'rule' ? gettext('For everybody. Add a condition to show it to some people only.') : gettext('Say who these people are: add a first condition.')),
    !(isRoot && !items.length) && note(group),
    h('div', { class: 'condition-adds condition-edit' }, adds(ui, group, depth, id)),
  );
}

function adds(ui, group, depth, id) {
  const used = countNodes(ui.root);
  if (used >= LIMITS.nodes) return h('p', { class: 'quiet text-sm' }, interpolate(gettext('This condition has its %s parts. Make some of them an audience of its own.'), [LIMITS.nodes]));
  return [
    drawAdd(ui, group, `${id}-add`),
    depth + 2 <= LIMITS.depth && used + 2 <= LIMITS.nodes
      ? h('button', { type: 'button', id: `${id}-add-group`, class: 'btn btn-sm btn-ghost', onclick: () => ui.addGroup(group) }, icon('plus'), gettext('Group'))
      : h('span', { class: 'quiet text-sm' }, interpolate(gettext('Groups go %s deep: make the inner part an audience of its own.'), [LIMITS.depth])),
    depth === 1 && used > LIMITS.nodes - FEW_LEFT && h('span', { class: 'quiet text-sm' }, interpolate(gettext('%s of %s parts used'), [used, LIMITS.nodes])),
  ];
}

function drawRow(ui, node, group, at) {
  const id = ui.idOf(node);
  const lines = isGroup(node) ? notInSegment(ui, node) : sentence(ui, node);
  const label = interpolate(gettext('Condition %s of %s'), [at + 1, group.children.length]);
  return h(
    'div',
    { class: 'condition-row', role: 'group', 'aria-label': label },
    handle(ui, node, id),
    h('div', { class: 'condition-lines' }, lines, note(node), isGroup(node) && note(node.children[0])),
    h('div', { class: 'condition-side' }, count(node), tools(ui, node, id)),
  );
}

const count = node => h('span', { class: 'condition-count', 'data-count': node.id });
const note = node => h('div', { class: 'condition-note', 'data-note': node.id });

const handle = (ui, node, id) => h(
  'button',
  { type: 'button', id: `${id}-move`, class: 'condition-handle condition-edit', 'data-handle': node.id, 'aria-label': gettext('Move: drag, or press Alt and an arrow key'), title: gettext('Drag, or Alt + ↑ ↓') },
  icon('grip-vertical'),
);

const tools = (ui, node, id) => h(
  'span',
  { class: 'condition-tools condition-edit' },
  h(
    'span', { class: 'condition-steps' },
    button(gettext('Move up'), 'arrow-up', () => ui.step(node.id, -1), { id: `${id}-up` }),
    button(gettext('Move down'), 'arrow-down', () => ui.step(node.id, 1), { id: `${id}-down` }),
  ),
  button(gettext('Duplicate'), 'copy', () => ui.duplicate(node.id), { id: `${id}-copy` }),
  button(gettext('Remove'), 'trash-2', () => ui.remove(node.id), { id: `${id}-remove` }),
);

/** “+ Condition” turns into a field in which one types what one wants to say; a choice becomes a row. */
function drawAdd(ui, group, id) {
  const open = () => {
    const field = combobox({
      id: `${id}-search`, label: gettext('What do you want to say?'), placeholder: gettext('Type what you want to say…'), keepOpen: true, size: 'condition-say',
      options: async typed => {
        const kinds = search(listKinds(ui.about), typed);
        if (typed.trim()) await ui.facts.coming;
        const named = typed.trim() ? search(listNamed(ui.facts.known), typed, MOST_NAMED) : [];
        return [...kinds, ...named].map(each => ({ ...each, value: each.key }));
      },
      onPick: (_, kind) => ui.add(group.id, kind.make()),
    });
    const input = field.querySelector('input');
    input.addEventListener('keydown', event => {
      if (event.key !== 'Escape') return;
      field.replaceWith(button);
      button.focus();
    });
    input.addEventListener('blur', () => field.isConnected && setTimeout(() => field.isConnected && document.activeElement !== input && field.replaceWith(button)));
    button.replaceWith(field);
    input.focus();
    input.click();
  };
  const button = h('button', { type: 'button', id, class: 'btn btn-sm btn-soft btn-primary', onclick: open }, icon('plus'), gettext('Condition'));
  return button;
}
