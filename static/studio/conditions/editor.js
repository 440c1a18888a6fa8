/**
 * The editor of a condition: draws the tree of the text area beside it as rows, and writes it back with every change.
 *
 *   <div data-condition-editor data-about="segment" data-slug="gold" data-look="…" …>
 *     <div data-condition-rows hidden></div> <div data-condition-json><textarea></textarea></div>
 *   </div>
 *   <aside data-condition-aside>…</aside>
 */

import { bindAside } from './aside.js';
import { lacks } from './complete.js';
import { h, keepFocus, useIcons } from './dom.js';
import { bindDrag } from './drag.js';
import { Facts } from './facts.js';
import { bindFigures } from './figures.js';
import { drawTree, isNotIn } from './groups.js';
import { History } from './history.js';
import { read } from './reading.js';
import { LIMITS, UNWRITTEN, copyOf, duplicate, find, idsOf, insert, makeId, move, parentOf, pathTo, remove, settle, step, unwrap, update, walk, wrap, write } from './tree.js';

function setUp(box) {
  const part = name => box.querySelector(`[data-condition-${name}]`);
  const rows = part('rows');
  const json = part('json');
  const area = json.querySelector('textarea');
  const isReadOnly = area.disabled || area.readOnly || box.hasAttribute('data-read-only');
  const facts = new Facts(box.dataset);
  useIcons(box.dataset.icons);

  const first = read(area.value);
  const history = new History(first.root ?? read('').root);
  const lackings = () => new Map(walk(history.state).map(node => [node.id, lacks(node)]));

  const ui = {
    facts,
    about: box.dataset.about,
    slug: box.dataset.slug,
    frames: new Set(), // groups that were made as groups, and stay drawn as such
    get root() { return history.state; },
    idOf: node => `${box.id}-${node.id.replace(/[^\w-]/g, sign => `_${sign.codePointAt(0)}`) || 'root'}`,
    partOf: node => ({ id: ui.idOf(node), data: node, edit: (change, typing) => commit(update(history.state, node.id, change), typing && `${node.id}:${typing}`) }),
    nameOfEvent: name => facts.known.events.find(each => each.value === name)?.label ?? name,
    offer: place => facts.valuesOf(place),
    focus: id => document.getElementById(id)?.focus(),
    add(groupId, made) {
      const node = copyOf(made, idsOf(history.state));
      commit(insert(history.state, groupId, find(history.state, groupId).children.length, node));
      focusInside(node.id, gettext('Added.'));
    },
    addGroup(group) {
      const kind = group.kind === 'and' ? 'or' : 'and';
      const node = { id: makeId(idsOf(history.state)), kind, children: [] };
      ui.frames.add(node.id);
      commit(insert(history.state, group.id, group.children.length, node));
      ui.focus(`${ui.idOf(node)}-add`);
    },
    turn(id, kind) {
      ui.frames.add(id);
      commit(update(history.state, id, group => ({ ...group, kind })));
      if (id === UNWRITTEN && history.state.id !== UNWRITTEN) ui.frames.add(history.state.id);
      ui.focus(`${ui.idOf(id === UNWRITTEN ? history.state : { id })}-switch`);
    },
    remove(id) {
      const parent = parentOf(history.state, id);
      const at = parent.children.findIndex(child => child.id === id);
      commit(remove(history.state, id));
      const next = find(history.state, parent.id)?.children[at] ?? find(history.state, parent.id)?.children[at - 1];
      ui.focus(next ? `${ui.idOf(next)}-remove` : `${ui.idOf(parent)}-add`);
      say(gettext('Removed. Ctrl-Z brings it back.'));
    },
    duplicate(id) {
      const before = idsOf(history.state);
      const next = duplicate(history.state, id);
      if (next === history.state) return say(gettext('There is no room for more.'));
      commit(next);
      focusInside(walk(next).find(node => !before.has(node.id)).id, gettext('Duplicated.'));
    },
    step: (id, by) => moved(id, step(history.state, id, by, node => isNotIn(ui, node))),
    negate(id) {
      if (pathTo(history.state, id).length >= LIMITS.depth) return draw() ?? say(gettext('There is no room for more.'));
      commit(wrap(history.state, id, 'not'));
      ui.focus(`${ui.idOf({ id })}-in`);
    },
    affirm(groupId) {
      const inside = find(history.state, groupId).children[0];
      commit(unwrap(history.state, groupId));
      ui.focus(`${ui.idOf(inside)}-in`);
    },
  };

  const figures = bindFigures(box, { lackings, onAnswer: answer => aside?.show(answer) });
  const aside = bindAside(box, { ask, figures, condition: () => write(history.state) });

  function say(what) {
    part('said').textContent = what;
  }

  function ask(pause) {
    if (!('mayCount' in box.dataset)) return;
    figures.ask({ condition: write(history.state), about: ui.about, slug: ui.slug, ...aside?.asks() }, pause);
  }

  function focusInside(id, what) {
    const item = rows.querySelector(`[data-node="${CSS.escape(id)}"]`);
    const fields = [...(item?.querySelectorAll('.condition-line :is(input, select):not(.condition-chip)') ?? [])];
    (fields.find(field => field.role === 'combobox' && !field.value) ?? fields[0] ?? item?.querySelector('button'))?.focus();
    say(what);
  }

  function moved(id, next) {
    if (next === history.state) return say(gettext('It cannot go there.'));
    const wasAt = document.activeElement?.id;
    commit(next);
    const siblings = parentOf(history.state, id).children;
    if (!document.getElementById(wasAt)) ui.focus(`${ui.idOf({ id })}-move`);
    say(interpolate(gettext('Moved to place %s of %s.'), [siblings.findIndex(child => child.id === id) + 1, siblings.length]));
  }

  /** Puts a new tree in place. With `key`, somebody types in a field of that name, which is left as it is. */
  function commit(next, key = null) {
    if (next === history.state) return;
    history.push(settle(next), key);
    changed(key);
  }

  function changed(key = null) {
    const document_ = write(history.state);
    area.value = document_ ? JSON.stringify(document_, null, 2) : '';
    area.dispatchEvent(new Event('input', { bubbles: true }));
    if (key === null) draw();
    else figures.paint();
    loadFacts();
    ask();
  }

  function draw() {
    const hadFocus = rows.contains(document.activeElement);
    keepFocus(() => rows.replaceChildren(h('fieldset', { disabled: isReadOnly, class: 'min-w-0' }, drawTree(ui, history.state))));
    if (hadFocus && !rows.contains(document.activeElement)) rows.focus({ preventScroll: true });
    part('undo').disabled = !history.canUndo;
    part('redo').disabled = !history.canRedo;
    figures.paint();
  }

  async function loadFacts() {
    const events = walk(history.state).flatMap(node => [node.event, ...(node.steps ?? []).map(each => each.event)]);
    if (await facts.load(events)) whenIdle(draw);
  }

  /** Not while a list is open, or a text is being typed. */
  function whenIdle(act) {
    if (rows.querySelector('[aria-expanded=true], [data-typing]')) setTimeout(() => whenIdle(act), 250);
    else act();
  }

  function travel(way) {
    const before = history.state;
    history[way]();
    if (history.state === before) return;
    changed();
    say(way === 'undo' ? gettext('Undone.') : gettext('Done again.'));
  }

  function showJson(is) {
    if (!is) {
      const found = read(area.value);
      part('problem').textContent = found.problem ?? '';
      if (found.problem) return area.focus();
    }
    json.hidden = !is;
    rows.hidden = is;
    part('toggle').setAttribute('aria-pressed', String(is));
    if (is) area.focus();
    else draw();
  }

  area.addEventListener('input', event => {
    if (json.hidden || event.target !== area || rows.contains(document.activeElement)) return;
    const found = read(area.value);
    part('problem').textContent = found.problem ?? '';
    if (!found.root || JSON.stringify(found.root) === JSON.stringify(history.state)) return;
    history.push(found.root, 'json');
    part('undo').disabled = !history.canUndo;
    ask();
  });
  part('undo').addEventListener('click', () => travel('undo'));
  part('redo').addEventListener('click', () => travel('redo'));
  part('toggle').addEventListener('click', () => showJson(json.hidden));
  rows.addEventListener('keydown', event => {
    const key = event.key.toLowerCase();
    const isCommand = event.ctrlKey || event.metaKey;
    const item = event.target.closest('[data-node]');
    if (isCommand && (key === 'z' || key === 'y')) {
      event.preventDefault();
      travel(key === 'y' || event.shiftKey ? 'redo' : 'undo');
    } else if (event.altKey && item && (key === 'arrowup' || key === 'arrowdown')) {
      event.preventDefault();
      ui.step(item.dataset.node, key === 'arrowup' ? -1 : 1);
    } else if (key === 'enter' && event.target.matches('input:not([role=combobox])')) {
      event.preventDefault(); // a field of a row does not send the form
    }
  });
  bindDrag(rows, (id, list, index) => moved(id, move(history.state, id, list, index)));

  // Rows that say only half of something are not saved: the first one is shown, with what it lacks.
  area.form?.addEventListener('submit', event => {
    if (isReadOnly || rows.hidden || !rows.getClientRects().length) return;
    const open = walk(history.state).find(node => node.id !== history.state.id && lacks(node));
    part('problem').textContent = open ? lacks(open) : '';
    if (!open) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    focusInside(open.id, lacks(open));
  }, { capture: true });

  box.toggleAttribute('data-running', true);
  part('tools').hidden = false;
  for (const each of box.querySelectorAll('.condition-writes')) each.hidden = isReadOnly;
  if (first.problem) {
    part('problem').textContent = first.problem;
    showJson(true);
  } else showJson(false);
  loadFacts();
  ask(0);
}

for (const box of document.querySelectorAll('[data-condition-editor]')) setUp(box);
document.addEventListener('htmx:load', event => {
  for (const box of event.target.querySelectorAll?.('[data-condition-editor]:not([data-running])') ?? []) setUp(box);
});
