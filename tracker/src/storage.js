/** What must survive the page, if it may. */

/** localStorage once consent is granted, else an object; same syntax for both. */
export let box = {};

export function openBox(lasting) {
  try {
    box = lasting && localStorage || {};
  } catch (refused) {
    box = {};
  }
}

export function store(key, text) {
  try {
    box[key] = text;
  } catch (full) {
    box = { ...box, [key]: text }; // go on in memory
  }
}
