/** The leaves of a condition, by their kind: what each asks of the facts, and when time alone could turn it. */

import { compileDid, compileDidWhen, compileLifetime } from './events.js';
import { own } from './facts.js';
import { compileSequence } from './sequences.js';
import { compileTest, compileTurns } from './tests.js';

/** Each is (node, calendar, permit) => `{ holds(facts), flips(profile, now) }`. `permit(kind, name)` throws where the
 *  device must not be asked about a fact. */
export const LEAVES = {
  event(node, calendar, permit) {
    permitEvent(node, permit);
    if (node.measure === 'first' || node.measure === 'last') return compileDidWhen(node, calendar);
    return node.window ? compileDid(node, calendar) : compileLifetime(node);
  },
  sequence(node, calendar, permit) {
    node.steps.forEach(step => permitEvent(step, permit));
    return compileSequence(node, calendar);
  },
  trait(node, calendar, permit) {
    permit('trait', node.name);
    const turns = compileTurns(node, calendar);
    return {
      ...compileFact(node, calendar, ({ profile }) => own(profile.traits, node.name)),
      flips: (profile, now) => turns(own(profile.traits, node.name), now),
    };
  },
  context: (node, calendar) => compileFact(node, calendar, compileField(node.name, calendar)),
  segment({ name }, calendar, permit) {
    permit('segment', name);
    return { holds: ({ segments }) => own(segments, name) !== null, flips: () => Infinity };
  },
  cluster(node, calendar, permit) {
    permit('cluster', node.name);
    return compileFact(node, calendar, ({ profile }) => profile.cluster);
  },
  score(node, calendar, permit) {
    permit('score', node.name);
    return compileFact(node, calendar, ({ profile }) => own(profile.scores, node.name));
  },
};

function permitEvent({ event, where = [], of }, permit) {
  permit('event', event);
  where.forEach(test => permit('property', test.name));
  if (of) permit('property', of);
}

function compileFact(test, calendar, read) {
  const passes = compileTest(test, calendar);
  return { holds: facts => passes(read(facts), facts.now), flips: () => Infinity };
}

/** Reads a field of the context by its path, or works it out from the moment of the question. */
function compileField(field, calendar) {
  if (field === 'time.hour') return ({ now }) => calendar.hour(now);
  if (field === 'time.weekday') return ({ now }) => calendar.weekday(now);
  return ({ context }) => field.split('.').reduce(own, context);
}
