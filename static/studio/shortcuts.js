/**
 * Keys: `/` to the search, `?` for this list, `g` and a letter to a page, Ctrl-S saves the form that has one.
 *
 *   <form data-save>  <input data-search>  <a data-key="a">
 */

import { openPalette } from './palette.js';

const GO = { o: 'overview', a: 'audiences', c: 'content', p: 'publish', e: 'people', d: 'decisions', l: 'live', s: 'set-up' };
const BASE = '/studio/';
let isGoing = false;

function isTyping(target) {
  return target.closest?.('input, textarea, select, [contenteditable], .cm-editor');
}

document.addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
    const form = document.querySelector('form[data-save]');
    if (form) {
      event.preventDefault();
      form.requestSubmit();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector('dialog[open]')) return;
  if (isGoing && GO[event.key]) location.assign(event.key === 'o' ? BASE : `${BASE}${GO[event.key]}/`);
  isGoing = event.key === 'g';
  if (event.key === '/') {
    const search = document.querySelector('[data-search]');
    event.preventDefault();
    if (search) search.focus();
    else openPalette();
  }
});
