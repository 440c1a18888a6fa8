/* Small help with elements: element('li', { class: 'tag' }, 'text', child). Text is always text, never HTML. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, '');
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export const find = (selector, within = document) => within.querySelector(selector);

/** Says something in passing; with `action`, a button does it. */
export function toast(text, label, action) {
  const made = element('div', { class: 'toast' }, element('span', {}, text));
  if (label) {
    const button = element('button', { type: 'button' }, label);
    button.addEventListener('click', () => { made.remove(); action(); });
    made.append(button);
  }
  find('[data-toasts]').replaceChildren(made);
  setTimeout(() => made.remove(), 6000);
}

/** Closes a dialog by its × button, by Escape, and returns the focus to where it came from. */
export function prepareDialog(dialog) {
  let opener = null;
  const close = () => dialog.open && dialog.close();
  find('[data-close]', dialog).addEventListener('click', close);
  dialog.addEventListener('keydown', (event) => { if (event.key === 'Escape') close(); });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) close(); });
  dialog.addEventListener('close', () => { if (opener && opener.isConnected) opener.focus({ preventScroll: true }); });
  return { remember: () => { opener = document.activeElement; }, close };
}
