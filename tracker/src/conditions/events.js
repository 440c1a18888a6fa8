/** Leaves about events: counts, sums and different values inside a window, first and last times. */

import { nextTurn } from './dates.js';
import { demand, listValues, own, soonest } from './facts.js';
import {
  compileWhere, compileWhereTurns, compileWindow, findAhead, findFirst, findInside, findLast, historyOf, nextAhead,
  timeOf,
} from './histories.js';
import { COMPARE, compileBounds } from './tests.js';

const PARTS = 1e4; // of one, that sums are kept in
const MAX_AMOUNT = 1e9;

// (moments, property) => what is measured of them
const MEASURES = {
  count: moments => moments.length,
  sum: (moments, name) => listAmounts(moments, name)
    .reduce((sum, amount) => sum + BigInt(toParts(amount)), BigInt(0)), // it may be beyond what a Number tells apart
  distinct: (moments, name) => new Set(listAll(moments, name)).size,
};

/** Without a window only lifetime totals can be asked for. */
export function compileLifetime({ event, did = true, measure, op, value }) {
  const compare = demand(COMPARE, op), find = demand(MEASURES, measure);
  return {
    holds({ profile, now }) {
      const history = historyOf(profile, event), [count, total] = history;
      const early = Number(find(findAhead(history, now), 'value'));
      return compare((measure === 'sum' ? total : count) - early, value) === did;
    },
    flips: (profile, now) => nextAhead(historyOf(profile, event), now),
  };
}

export function compileDid({ event, did = true, where = [], measure, of, op, value, window }, calendar) {
  const compare = demand(COMPARE, op), find = demand(MEASURES, measure);
  const [bounds, leaving] = compileWindow(window, calendar);
  const keep = compileWhere(where, calendar), turns = compileWhereTurns(where, calendar);
  const threshold = turns ? null : findThreshold(measure, op, value);
  const select = (profile, now) => findInside(historyOf(profile, event), ...bounds(now));
  return {
    holds: ({ profile, now }) => compare(find(keep(select(profile, now), now), of), value) === did,
    flips(profile, now) {
      const around = select(profile, now), inside = keep(around, now);
      const turning = inside[threshold === null ? 0 : inside.length - threshold];
      return soonest([
        nextAhead(historyOf(profile, event), now),
        turns ? turns(around, now) : Infinity,
        turning ? leaving(timeOf(turning), now) : Infinity,
      ]);
    },
  };
}

/** The first or last time as a date; who never did it does not pass the comparison. */
export function compileDidWhen({ event, did = true, measure, op, value }, calendar) {
  const bounds = compileBounds(op, value, calendar);
  const find = measure === 'first' ? findFirst : findLast;
  return {
    holds({ profile, now }) {
      const at = find(historyOf(profile, event), now), [low, high] = bounds(now);
      return (low <= at && at <= high) === did;
    },
    flips(profile, now) {
      const history = historyOf(profile, event);
      return soonest([nextAhead(history, now), nextTurn({ op, value }, find(history, now), now, calendar)]);
    },
  };
}

/** The number of events at which a count turns; null where any change of the window may turn the measure. */
function findThreshold(measure, op, value) {
  if (measure !== 'count' || op === 'exactly' || op === 'between' || value < 0) return null;
  return op === 'at_least' || op === 'less_than' ? Math.ceil(value) : Math.floor(value) + 1;
}

function listAmounts(moments, name) {
  if (name === 'value') return moments.map(([, worth]) => worth);
  return listAll(moments, name).filter(item => typeof item === 'number');
}

/** The values of a property of all the moments. */
function listAll(moments, name) {
  return [].concat(...moments.map(([, , properties]) => listValues(own(properties, name))));
}

function toParts(amount) {
  return Math.abs(amount) <= MAX_AMOUNT ? Math.floor(amount * PARTS + 0.5) : 0;
}
