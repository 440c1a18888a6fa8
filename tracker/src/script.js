/** What the page gives: the script tag with its options, and `pz`, which may hold calls made before this file came. */

export const pz = window.pz = Array.isArray(window.pz) ? window.pz : [];
const script = document.currentScript || document.querySelector('script[data-write-key]');

/** False where there are no options to be found, or where another copy of this file runs already. */
export const mayStart = !pz.initialized && !!script;
export const option = script ? script.dataset : {};
export const writeKey = option.writeKey;
export const host = script && (option.host || new URL(script.src || location).origin);
