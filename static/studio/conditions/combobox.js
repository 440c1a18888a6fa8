/**
 * A text field that offers what one may mean (ARIA 1.2: an editable combobox with a list).
 *
 *   combobox({ id, label, value, options: async typed => [{ value, label, hint }], onPick: value => …, free: true })
 *
 * `free` takes what is not offered too; `live` hands over every letter, for values that one just types. `next` is the id
 * of the field that is gone on to when one is picked.
 */

import { h } from './dom.js';

const MARGIN = 8;
const LEAST = 260; // pixels that a list is wide

export function combobox({ id, label, value = '', shown = value, options, onPick, free = false, live = false, placeholder = '', size = '', keepOpen = false, className = '', next = '' }) {
  let found = [];
  let active = -1;
  let asked = 0;
  let kept = shown;
  const list = h('ul', { id: `${id}-list`, role: 'listbox', 'aria-label': label, class: 'condition-list', hidden: true });
  const input = h('input', {
    id, type: 'text', class: `input input-sm condition-input ${size}`, role: 'combobox', 'aria-label': label, 'aria-expanded': 'false',
    'aria-controls': list.id, 'aria-autocomplete': 'list', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', placeholder, value: shown, title: shown || null,
  });
  const box = h('span', { class: `condition-combobox ${className}` }, input, list);

  const isOpen = () => !list.hidden;

  function close() {
    asked += 1;
    input.removeAttribute('data-typing');
    list.hidden = true;
    active = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
    removeEventListener('scroll', place, true);
    removeEventListener('resize', place);
  }

  function place() {
    const at = input.getBoundingClientRect();
    const width = Math.min(Math.max(at.width, LEAST), innerWidth - 2 * MARGIN);
    const below = innerHeight - at.bottom - MARGIN;
    const above = below < 180 && at.top > below;
    Object.assign(list.style, {
      width: `${width}px`,
      left: `${Math.max(MARGIN, Math.min(at.left, innerWidth - width - MARGIN))}px`,
      top: above ? 'auto' : `${at.bottom + 4}px`,
      bottom: above ? `${innerHeight - at.top + 4}px` : 'auto',
      maxHeight: `${Math.max(120, Math.min(320, above ? at.top - MARGIN : below))}px`,
    });
  }

  async function open(typed) {
    const mine = (asked += 1);
    const offered = await options(typed);
    if (mine !== asked || !input.isConnected || document.activeElement !== input) return;
    found = offered;
    active = -1;
    input.removeAttribute('aria-activedescendant');
    list.replaceChildren(...found.map((each, number) => h(
      'li',
      { id: `${list.id}-${number}`, role: 'option', 'aria-selected': 'false', 'data-number': number },
      each.chip && h('span', { class: 'tag' }, each.chip),
      h('span', { class: 'grow min-w-0 break-words' }, each.label ?? String(each.value)),
      each.hint && h('span', { class: `quiet text-sm ${each.chip ? 'basis-full' : ''}` }, each.hint),
    )));
    if (!found.length && !free) list.replaceChildren(h('li', { role: 'option', 'aria-disabled': 'true', 'aria-selected': 'false', class: 'quiet' }, gettext('Nothing like that')));
    list.hidden = !found.length && free;
    input.setAttribute('aria-expanded', String(!list.hidden));
    if (list.hidden) return;
    place();
    addEventListener('scroll', place, true);
    addEventListener('resize', place);
  }

  function point(number) {
    list.children[active]?.setAttribute('aria-selected', 'false');
    active = (number + found.length) % found.length;
    const option = list.children[active];
    option.setAttribute('aria-selected', 'true');
    option.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', option.id);
  }

  function pick(option) {
    close();
    kept = keepOpen ? '' : option.label ?? String(option.value);
    input.value = kept;
    onPick(option.value, option);
  }

  function goOn(option) {
    pick(option);
    document.getElementById(next)?.focus();
  }

  /** What was typed: one of those that are offered, itself where that is taken, else what was there before. */
  function settle() {
    close();
    const typed = input.value.trim();
    if (input.value === kept) return;
    const same = found.find(each => (each.label ?? String(each.value)).toLowerCase() === typed.toLowerCase());
    if (same && !live) pick(same);
    else if (free && !live) {
      kept = typed;
      onPick(typed, null);
    } else if (!free) input.value = kept;
  }

  input.addEventListener('input', () => {
    if (live && input.value !== kept) {
      kept = input.value;
      onPick(input.value, null);
    }
    input.toggleAttribute('data-typing', input.value !== kept); // until it is settled, nobody draws this anew
    open(input.value);
  });
  input.addEventListener('click', () => isOpen() || open(''));
  input.addEventListener('focus', () => input.select());
  input.addEventListener('blur', settle);
  input.addEventListener('keydown', event => {
    if (event.altKey && event.key.startsWith('Arrow')) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const by = event.key === 'ArrowDown' ? 1 : -1;
      if (!isOpen()) open('');
      else if (found.length) point(active < 0 && by < 0 ? -1 : active + by);
    } else if (event.key === 'Enter') {
      event.preventDefault(); // the form is not sent from inside the editor
      if (active >= 0) goOn(found[active]);
      else if (isOpen() && found.length && !free) goOn(found[0]);
      else settle();
    } else if (event.key === 'Escape' && isOpen()) {
      event.preventDefault();
      event.stopPropagation();
      close();
      if (!live) input.value = kept;
    } else if (event.key === 'Tab' && active >= 0) {
      pick(found[active]);
    }
  });
  list.addEventListener('pointerdown', event => event.preventDefault()); // the field keeps the focus
  list.addEventListener('click', event => {
    const option = event.target.closest('[data-number]');
    if (option) goOn(found[option.dataset.number]);
  });
  return box;
}

/** Of what is known beforehand: those with the typed words, the ones that begin with them first. */
export function among(known, most = 50) {
  return typed => {
    const wanted = typed.trim().toLowerCase();
    const told = each => String(each.label ?? each.value).toLowerCase();
    const hits = known.filter(each => told(each).includes(wanted) || String(each.value).toLowerCase().includes(wanted));
    if (wanted) hits.sort((a, b) => told(b).startsWith(wanted) - told(a).startsWith(wanted));
    return hits.slice(0, most);
  };
}
