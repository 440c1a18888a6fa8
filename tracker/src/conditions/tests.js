/** Tests of one value: every operator once, the rules of missing facts and of lists in one place. */

import { BOUNDS, isCelebrated, liesIn, nextTurn } from './dates.js';
import { demand, listValues, own, soonest } from './facts.js';

/** How two numbers are compared; the first may be a BigInt. */
export const COMPARE = {
  at_least: (a, b) => a >= b,
  at_most: (a, b) => a <= b,
  exactly: (a, b) => a == b,
  more_than: (a, b) => a > b,
  less_than: (a, b) => a < b,
  between: (a, [low, high]) => low <= a && a <= high,
};

const OPERATORS = {
  is: (value, wanted) => value === wanted,
  is_not: (value, wanted) => value !== wanted,
  in: (value, wanted) => wanted.includes(value),
  contains: (value, wanted) => typeof value === 'string' && value.includes(wanted),
  starts_with: (value, wanted) => typeof value === 'string' && value.startsWith(wanted),
  exists: () => true,
  anniversary: isCelebrated,
};

/** (value, now) => whether it passes: a missing one never, a list by any of its values, by all with `is_not`. */
export function compileTest({ op, value: wanted }, calendar) {
  const check = compileCheck(op, wanted, calendar);
  return (value, now) => {
    const items = listValues(value), passes = item => check(item, wanted, now, calendar);
    return op === 'is_not' ? items.length > 0 && items.every(passes) : items.some(passes);
  };
}

function compileCheck(op, wanted, calendar) {
  const compare = own(COMPARE, op);
  if (compare) return value => typeof value === 'number' && compare(value, wanted);
  if (!own(BOUNDS, op)) return demand(OPERATORS, op);
  const bounds = compileBounds(op, wanted, calendar);
  return (value, _, now) => liesIn(value, bounds(now));
}

/** now => what a date operator accepts, worked out once for all the values that are asked about at that moment. */
export function compileBounds(op, wanted, calendar) {
  const find = demand(BOUNDS, op);
  let at, known;
  return now => {
    if (now !== at) known = find(wanted, at = now, calendar);
    return known;
  };
}

/** (value, now) => when the test could turn by itself. */
export function compileTurns(test, calendar) {
  return (value, now) => soonest(
    listValues(value).filter(item => typeof item === 'string').map(item => nextTurn(test, item, now, calendar)),
  );
}
