/** What the page gives: the script tag with its options, and `pz`, which may hold calls made before this file came. */

export const pz = window.pz = Array.isArray(window.pz) ? window.pz : [];
const script = document.currentScript || document.querySelector('script[data-write-key]');

/** False where there are no options to be found, or where another copy of this file runs already. */
export const mayStart = !pz.initialized && !!script;
export const option = script ? script.dataset : {};
export const writeKey = option.writeKey;

/** The page is visited as somebody: kept while the tab is open, so that links can be followed. */
export const visit = findVisit();
export const host = script && (option.host || new URL(script.src || location).origin);

function findVisit() {
  const given = new URLSearchParams(location.search).get('pz_visit');
  try {
    if (given) sessionStorage.pz_visit = given;
    return given || sessionStorage.pz_visit;
  } catch (blocked) {
    return given;
  }
}
