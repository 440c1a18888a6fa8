/**
 * Keys: `/` to the search, `?` shows them all, `g` and a letter to a page, Ctrl-S saves the form that has one.
 *
 *   <form data-save>  <input data-search>  <a data-go="a">  <button data-shortcuts-open>
 */

import { openPalette } from './palette.js';

const dialog = document.querySelector('#shortcuts');
let isGoing = false;

function isTyping(target) {
  return target.closest?.('input, textarea, select, [contenteditable], .cm-editor');
}

function showKeys() {
  if (!dialog || dialog.open) return;
  document.querySelector('#palette[open]')?.close();
  dialog.showModal();
}

document.addEventListener('click', event => event.target.closest('[data-shortcuts-open]') && showKeys());
document.addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
    const form = document.querySelector('form[data-save]');
    if (form) {
      event.preventDefault();
      form.requestSubmit();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector('dialog[open]:not(#shortcuts)')) return;
  if (event.key === 'Shift') return; // on its way to `?`
  if (isGoing) {
    const to = dialog?.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (to) to.click();
  }
  isGoing = event.key === 'g';
  if (event.key === '?') {
    event.preventDefault();
    showKeys();
  } else if (event.key === '/' && !dialog?.open) {
    const search = document.querySelector('[data-search]');
    event.preventDefault();
    if (search) search.focus();
    else openPalette();
  }
});
