/** Local days, weeks and months by the server's table of offsets: the time zones of browsers are not all the same. */

export const DAY_MS = 864e5;
const HOUR_MS = 36e5;
const LONGEST = { day: 1, week: 7, month: 31 };

/** `transitions` are pairs: from which moment, which offset from UTC. Days are numbered from 1 January 1970. */
export function createCalendar(transitions) {
  /** The place in the table that holds at a moment; before the first, the first. */
  function placeOf(at) {
    let place = transitions.length - 1;
    while (place > 0 && transitions[place][0] > at) place--;
    return place;
  }

  function localOf(at) {
    return at + transitions[placeOf(at)][1];
  }

  /** The first moment whose local day is `number` or later. */
  function startOfDay(number) {
    const midnight = number * DAY_MS;
    let place = placeOf(midnight - DAY_MS);
    let at = midnight - transitions[place][1];
    while (++place < transitions.length && at >= transitions[place][0]) {
      at = Math.max(transitions[place][0], midnight - transitions[place][1]);
    }
    return at;
  }

  function dayOf(at) {
    const number = Math.floor(localOf(at) / DAY_MS);
    return at < startOfDay(number + 1) ? number : number + 1; // the clock went back over midnight: a begun day stays
  }

  function firstOf(unit, number) {
    if (unit === 'week') return number - weekdayOf(number) + 1;
    return unit === 'month' ? number - writeDay(number).slice(8) + 1 : number;
  }

  return {
    startOfDay,
    dayOf,
    hour: at => Math.floor(localOf(at) / HOUR_MS) - Math.floor(localOf(at) / DAY_MS) * 24,
    weekday: at => weekdayOf(dayOf(at)),
    startOf: (unit, at) => startOfDay(firstOf(unit, dayOf(at))),
    nextStart: (unit, at) => startOfDay(firstOf(unit, firstOf(unit, dayOf(at)) + LONGEST[unit])),
  };
}

/** Monday 1 to Sunday 7. */
function weekdayOf(number) {
  return ((number + 3) % 7 + 7) % 7 + 1; // 1 January 1970 was a Thursday
}

/** The number of `YYYY-MM-DD`; a day that the month does not have is counted on. */
export function readDay(day) {
  return Date.UTC(day.slice(0, 4), day.slice(5, 7) - 1, day.slice(8)) / DAY_MS;
}

export function writeDay(number) {
  return new Date(number * DAY_MS).toISOString().slice(0, 10);
}
