/**
 * Copies what stands in an element.
 *
 *   <pre id="snippet">…</pre> <button data-copies="snippet">
 */

import { toast } from './dismiss.js';

document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copies]');
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    toast(gettext('Copied.'));
  } catch {
    getSelection().selectAllChildren(source); // where the clipboard is not to be had: Ctrl-C is all that is left
  }
});
