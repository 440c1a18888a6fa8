/** Dates as texts: when each operator accepts one, and when that turns by itself. */

import { DAY_MS, readDay, writeDay } from './calendar.js';
import { own, soonest } from './facts.js';

const DATE = /^([1-9]\d{3}-\d\d-\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):(\d\d)))?$/;
const ALWAYS = '0';

/** Unix milliseconds of an instant, a day as its text, null for everything else. */
export function readDate(value) {
  const found = typeof value === 'string' && DATE.exec(value);
  if (!found || writeDay(readDay(found[1])) !== found[1]) return null;
  const [, day, hour, minute, second = 0, fraction = '', sign = '+', east = 0, west = 0] = found;
  if (!hour) return day;
  if (hour > 23 || minute > 59 || second > 59 || east > 15 || west > 59) return null;
  const minutes = hour * 60 + +minute - (sign + 1) * (east * 60 + +west);
  return readDay(day) * DAY_MS + minutes * 6e4 + second * 1e3 + +`${fraction}000`.slice(0, 3);
}

/** Bounds are two moments and two days, all inclusive: `[low, high, first, last]`. */
export function liesIn(value, [low, high, first, last]) {
  const moment = readDate(value);
  if (typeof moment === 'string') return first <= moment && moment <= last;
  return moment !== null && low <= moment && moment <= high;
}

/** What an operator accepts at a moment. Those of fixed dates come with their bounds. */
export const BOUNDS = {
  lies_in: bounds => bounds,
  within_last: (ms, now, calendar) => [now - ms, now, writeDay(firstStarted(now - ms, calendar)), today(now, calendar)],
  longer_ago_than: (ms, now, calendar) =>
    [-Infinity, now - ms - 1, ALWAYS, writeDay(firstStarted(now - ms, calendar) - 1)],
  within_next: (ms, now, calendar) => [now, now + ms, today(now, calendar), today(now + ms, calendar)],
};

function today(now, calendar) {
  return writeDay(calendar.dayOf(now));
}

/** The first day that starts at a moment or later. */
function firstStarted(at, calendar) {
  const number = calendar.dayOf(at);
  return calendar.startOfDay(number) === at ? number : number + 1;
}

/** Whether the anniversary of a date, as it is written, is today or up to `ahead` days later. */
export function isCelebrated(value, ahead, now, calendar) {
  if (readDate(value) === null) return false;
  const first = calendar.dayOf(now);
  return listAnniversaries(value, now, calendar).some(number => first <= number && number <= first + ahead);
}

/** Of this year and the next; 29 February is kept on the 28th in a year without one. */
function listAnniversaries(value, now, calendar) {
  const year = +today(now, calendar).slice(0, 4);
  return [year, year + 1].map(each => {
    const number = readDay(each + value.slice(4, 10));
    return writeDay(number).slice(4) === value.slice(4, 10) ? number : number - 1;
  });
}

// When a test can turn that asks whether a date is some time ago, or near. It goes from `start` to before `end`.
const since = (ms, start) => [start, start + ms + 1];
const until = (ms, start, end) => [start - ms, end];
const TURNS = { within_last: since, longer_ago_than: since, within_next: until };

/** Whether what an operator accepts moves with the clock. */
export function isMoving(op) {
  return op === 'anniversary' || own(TURNS, op) !== null;
}

/** The next moment at which a date test could turn by itself. `value` is a text, or Unix milliseconds. */
export function nextTurn({ op, value: wanted }, value, now, calendar) {
  const moment = typeof value === 'number' ? value : readDate(value);
  if (moment === null || !isMoving(op)) return Infinity;
  return soonest(listTurns(op, wanted, value, moment, now, calendar).filter(at => at > now));
}

function listTurns(op, wanted, value, moment, now, calendar) {
  if (op === 'anniversary') {
    const days = listAnniversaries(value, now, calendar);
    return [].concat(...days.map(number => [number - wanted, number + 1])).map(calendar.startOfDay);
  }
  if (typeof moment === 'number') return TURNS[op](wanted, moment, moment + 1);
  const number = readDay(moment);
  return TURNS[op](wanted, calendar.startOfDay(number), calendar.startOfDay(number + 1));
}
