/** The leaf of events that follow each other: found backwards, from what ends a sequence to what begins it. */

import { soonest } from './facts.js';
import {
  compileWhere, compileWhereTurns, compileWindow, findRemembered, historyOf, nextAhead, timeOf,
} from './histories.js';

/** Holds when a first step inside the window begins a chain of all steps, each strictly after the one before it and no
 *  later than its `within`. A last step that must not happen is waited for until its time is over. */
export function compileSequence({ steps, window, did = true }, calendar) {
  const [bounds, leaving] = compileWindow(window, calendar);
  const chain = steps.map(step => compileStep(step, calendar));
  const { within: waiting, did: lastDid = true } = steps[steps.length - 1];

  function findBeginnings(profile, now) {
    const times = chain.map(step => step.times(profile, now));
    let good = times.pop();
    for (let number = steps.length - 1; number > 0; number--) {
      const { within } = steps[number], isAwaited = number === steps.length - 1 && !lastDid;
      good = times.pop().filter(at => {
        const isFollowed = good.some(next => at < next && next <= at + within);
        return isAwaited ? at + within < now && !isFollowed : isFollowed;
      });
    }
    const [low, high] = bounds(now);
    return good.filter(at => low <= at && at <= high);
  }

  return {
    holds: ({ profile, now }) => findBeginnings(profile, now).length > 0 === did,
    flips(profile, now) {
      const found = findBeginnings(profile, now);
      const awaited = lastDid ? [] : chain[chain.length - 2].times(profile, now).map(at => at + waiting + 1);
      return soonest([
        ...found.slice(-1).map(at => leaving(at, now)),
        ...chain.map(step => step.flips(profile, now)),
        ...awaited.filter(at => at > now),
      ]);
    },
  };
}

function compileStep({ event, where = [] }, calendar) {
  const keep = compileWhere(where, calendar), turns = compileWhereTurns(where, calendar);
  const remembered = (profile, now) => findRemembered(historyOf(profile, event), now);
  return {
    times: (profile, now) => keep(remembered(profile, now), now).map(timeOf),
    flips: (profile, now) => soonest([
      nextAhead(historyOf(profile, event), now),
      turns ? turns(remembered(profile, now), now) : Infinity,
    ]),
  };
}
