/**
 * Picks an image, asks what it shows, and puts it into the block: as a tag into HTML, as an address into JSON.
 *
 *   <button data-images-open>  <dialog id="images"> <button data-image="https://…" data-image-alt="…"> <form data-images-form>
 */

import { insert } from './code.js';

const dialog = document.querySelector('#images');
const isJson = document.querySelector('#block-form [name=kind]').value === 'json';
let chosen = null;

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('{{', '{ {').replaceAll('{%', '{ %');
}

function choose(button) {
  chosen?.setAttribute('aria-pressed', 'false');
  chosen = button;
  chosen.ariaPressed = 'true';
  dialog.querySelector('[name=alt]').value = button.dataset.imageAlt;
  dialog.querySelector('[data-images-insert]').disabled = false;
}

if (dialog) {
  for (const button of document.querySelectorAll('[data-images-open]')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      dialog.returnValue = '';
      dialog.showModal();
      htmx.trigger(dialog.querySelector('[name=q]'), 'images-open');
    });
  }
  dialog.addEventListener('click', event => {
    const button = event.target.closest('[data-image]');
    if (button) choose(button);
  });
  dialog.addEventListener('htmx:afterSettle', () => {
    const fresh = dialog.querySelector('[data-image-fresh]');
    chosen = null;
    dialog.querySelector('[data-images-insert]').disabled = true;
    if (fresh) {
      choose(fresh);
      dialog.querySelector('[name=alt]').focus();
      dialog.querySelector('#image-file').value = '';
    }
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'insert' || !chosen) return;
    const { image, imageWidth, imageHeight } = chosen.dataset;
    const alt = escape(dialog.querySelector('[name=alt]').value.trim());
    insert('source', isJson ? image : `<img src="${image}" alt="${alt}" width="${imageWidth}" height="${imageHeight}">`);
  });
}
