/** Which remembered events of a person a part of a condition is about: inside a window, passing `where`. */

import { DAY_MS } from './calendar.js';
import { isMoving } from './dates.js';
import { own, soonest } from './facts.js';
import { compileTest, compileTurns } from './tests.js';

const RETENTION_MS = 180 * DAY_MS;
const NEVER_DONE = [0, 0, NaN, NaN, []]; // no comparison holds with a time that is none

/** What a person did of one name: how often, worth how much (in ten-thousandths), first and last when, and the newest
 *  moments by time: each when it was, what it was worth and its properties. */
export function historyOf(profile, name) {
  return own(profile.events, name) || NEVER_DONE;
}

export function timeOf([at]) {
  return at;
}

export function findInside([, , , , recent], low, high) {
  return recent.filter(([at]) => low <= at && at <= high);
}

/** Moments that are still to come: they count when their time has come. */
export function findAhead(history, now) {
  return findInside(history, now + 1, Infinity);
}

/** When the first of them comes. */
export function nextAhead(history, now) {
  return soonest(findAhead(history, now).map(timeOf));
}

/** Every moment up to now that retention leaves. */
export function findRemembered(history, now) {
  return findInside(history, now - RETENTION_MS, now);
}

/** When it was done for the first time, NaN if never or still to come. */
export function findFirst([, , first], now) {
  return first <= now ? first : NaN;
}

/** When it was done for the last time up to now. With one dated ahead, that is the newest of those still kept. */
export function findLast(history, now) {
  if (history[3] <= now) return history[3];
  const past = findInside(history, -Infinity, now);
  return past.length ? timeOf(past[past.length - 1]) : findFirst(history, now);
}

/** now => the first and the last millisecond of a window, and (moment, now) => when one inside it is in it no more. */
export function compileWindow({ last, this: unit, from, to }, calendar) {
  if (last) return [now => [now - last, now], at => at + last + 1];
  if (unit) return [now => [calendar.startOf(unit, now), now], (_, now) => calendar.nextStart(unit, now)];
  return [now => [Math.max(from, now - RETENTION_MS), Math.min(to, now)], at => at + RETENTION_MS + 1];
}

/** (moments, now) => those that pass every test. */
export function compileWhere(where, calendar) {
  const tests = where.map(test => [test.name, compileTest(test, calendar)]);
  return (moments, now) =>
    moments.filter(([, , properties]) => tests.every(([name, passes]) => passes(own(properties, name), now)));
}

/** (moments, now) => when a test of one of them could turn by itself; null where none can. */
export function compileWhereTurns(where, calendar) {
  const tests = where.filter(({ op }) => isMoving(op)).map(test => [test.name, compileTurns(test, calendar)]);
  const turnsOf = ([, , properties], now) => soonest(tests.map(([name, turns]) => turns(own(properties, name), now)));
  return tests.length ? (moments, now) => soonest(moments.map(moment => turnsOf(moment, now))) : null;
}
