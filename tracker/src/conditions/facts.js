/** Reading what came as JSON: only what an object holds itself, never what JavaScript gives to all of them. */

const hasOwn = {}.hasOwnProperty;

/** The value of a name in an object; null for what is missing, and for a name in anything else. */
export function own(object, name) {
  const isObject = object && typeof object === 'object' && !Array.isArray(object);
  return isObject && hasOwn.call(object, name) ? object[name] : null;
}

/** What a table of this file has under a name. A newer server may know more. */
export function demand(table, name) {
  const found = own(table, name);
  if (!found) throw new Error(`conditions.js does not know "${name}": load the newest one`);
  return found;
}

/** The list that a value is, or the list with only it; what is missing is left out. */
export function listValues(value) {
  return (Array.isArray(value) ? value : [value]).filter(item => item != null);
}

/** The first of some moments; of none, Infinity. */
export function soonest(moments) {
  return Math.min(...moments);
}
