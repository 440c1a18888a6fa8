/**
 * Copies the text of an element, and says so on the button for a moment.
 *
 *   <code id="key">wk_…</code> <button data-copy="#key">Copy</button>
 */

import { toast } from './dismiss.js';

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const box = document.createElement('textarea'); // of pages that came over plain HTTP
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand('copy');
  box.remove();
  if (!done) throw new Error('not copied');
}

document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const place = document.querySelector(button.dataset.copy);
  try {
    await copy(place.textContent.trim());
    toast(gettext('Copied.'), 'success');
  } catch {
    getSelection().selectAllChildren(place);
    toast(gettext('The browser does not let us copy. It is selected: press Ctrl-C.'), 'warning');
  }
  button.focus();
});
