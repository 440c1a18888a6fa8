/**
 * Picks a merge tag with its fallback, and writes it in the form that fits where the cursor is.
 *
 *   <button data-merge-open>  <dialog id="merge-tags"> <button data-tag="profile.traits.firstName"> <form data-merge-form>
 */

import { insert, textBefore } from './code.js';

const dialog = document.querySelector('#merge-tags');
const FIELDS = ['source', 'subject', 'text'];
let field = 'source'; // the one that was typed in last
let chosen = null;

/** A text in quotes: Liquid knows no way to write a quote inside of them, so the other kind is taken, or a curly one. */
export function quote(text, around) {
  const inner = around === '"' ? "'" : '"';
  if (!text.includes(inner)) return `${inner}${text}${inner}`;
  if (!around && !text.includes("'")) return `'${text}'`;
  return inner + text.replaceAll(inner, inner === '"' ? '”' : '’') + inner;
}

/** The quote that is open left of the cursor, of an attribute or a string of JSON; empty for none. */
export function openQuote(before, isJson) {
  const plain = before.replace(/\{[{%][\s\S]*?[%}]\}/g, '');
  if (isJson) return (plain.replace(/\\./g, '').match(/"/g) ?? []).length % 2 ? '"' : '';
  const tag = plain.slice(plain.lastIndexOf('<'));
  if (!/^<[a-zA-Z]/.test(tag)) return '';
  let open = '';
  for (const letter of tag) {
    if (open) open = letter === open ? '' : open;
    else if (letter === '"' || letter === "'") open = letter;
    else if (letter === '>') return '';
  }
  return open;
}

function write() {
  if (!chosen) return '';
  const form = dialog.querySelector('[data-merge-form]');
  const isJson = document.querySelector('#block-form [name=kind]').value === 'json';
  const around = field === 'subject' ? '' : openQuote(textBefore(field), isJson);
  const filter = form.elements.filter.value;
  const date = filter === 'date' ? ` | date: ${quote('%-d %B %Y', around)}` : '';
  const spelt = filter && filter !== 'date' ? ` | ${filter}` : '';
  const needsFallback = chosen.dataset.tagSure === undefined || (date && chosen.dataset.tag !== 'now');
  const fallback = needsFallback ? ` | default: ${quote(form.elements.fallback.value, around)}` : '';
  return `{{ ${chosen.dataset.tag}${date}${fallback}${spelt} }}`;
}

function show() {
  dialog.querySelector('[data-merge-shown]').textContent = write();
  dialog.querySelector('[data-merge-insert]').disabled = !chosen;
  dialog.querySelector('[data-merge-fallback]').hidden = chosen?.dataset.tagSure !== undefined;
}

function choose(button) {
  chosen?.setAttribute('aria-pressed', 'false');
  chosen = button;
  chosen.ariaPressed = 'true';
  const form = dialog.querySelector('[data-merge-form]');
  form.elements.fallback.value = button.dataset.tagExample;
  form.elements.filter.value = button.dataset.tagDate === undefined ? '' : 'date';
  show();
}

if (dialog) {
  const search = dialog.querySelector('[data-merge-search]');
  for (const button of document.querySelectorAll('[data-merge-open]')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      dialog.returnValue = '';
      dialog.showModal();
      search.focus();
      htmx.trigger('#merge-list', 'merge-open');
      show();
    });
  }
  document.querySelector('#block-form').addEventListener('focusin', event => {
    const name = event.target.dataset?.editor ?? event.target.name;
    if (FIELDS.includes(name)) field = name;
  });
  dialog.addEventListener('click', event => {
    const button = event.target.closest('[data-tag]');
    if (button) choose(button);
  });
  dialog.addEventListener('dblclick', event => {
    if (event.target.closest('[data-tag]')) dialog.close('insert');
  });
  dialog.addEventListener('input', event => {
    if (event.target !== search) return show();
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const group of dialog.querySelectorAll('[data-tag-group]')) {
      let left = 0;
      for (const each of group.querySelectorAll('[data-tag]')) {
        each.hidden = !words.every(word => each.textContent.toLowerCase().includes(word));
        left += each.hidden ? 0 : 1;
      }
      group.hidden = !left;
    }
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'insert' && chosen) insert(field, write());
  });
}
