/** The `pz:` events that the page can listen to. */

export const emit = (target, name, detail) =>
  target.dispatchEvent(new CustomEvent('pz:' + name, { bubbles: true, composed: true, detail }));
