/** conditions.js: whether a condition holds, decided on the device. Manual: docs/reference/on-device-conditions.md. */

import { createCalendar } from './calendar.js';
import { demand, own, soonest } from './facts.js';
import { LEAVES } from './leaves.js';

const FORM = 1; // that segments/conditions/edge.py writes

const NOBODY = {};

const GROUPS = {
  and: (parts, facts) => parts.every(holds => holds(facts)),
  or: (parts, facts) => parts.some(holds => holds(facts)),
  not: (parts, facts) => !parts.some(holds => holds(facts)),
};

/** (condition, what the server sent with it) => (profile, segments, context, now) => whether the condition holds. The
 *  result's `nextFlip(profile, now)` is the moment at which time alone could turn the answer, null for never. Throws
 *  where it is given too little to answer by. */
export function compile({ v, root }, { transitions, may }) {
  if (v !== FORM) throw new Error(`conditions.js reads form ${FORM} of conditions, not ${v}: load the newest one`);
  if (!transitions) throw new Error('conditions.js needs the transitions of the time zone, as the server sends them');
  const calendar = createCalendar(transitions), leaves = [];

  function permit(kind, name) {
    const names = own(may, kind);
    if (!names || !names.includes(name)) throw new Error(`${kind} "${name}" is not for this device: ask the server`);
  }

  function join(node) {
    const group = own(GROUPS, node.kind);
    if (group) {
      const parts = node.children.map(join);
      return facts => group(parts, facts);
    }
    const leaf = demand(LEAVES, node.kind)(node, calendar, permit);
    leaves.push(leaf);
    return leaf.holds;
  }

  const holds = join(root);
  const answer = (person, segments, context, now = Date.now()) =>
    holds({ profile: person || NOBODY, segments, context, now });
  answer.nextFlip = (person, now = Date.now()) => {
    const at = soonest(leaves.map(leaf => leaf.flips(person || NOBODY, now)));
    return at < Infinity ? at : null;
  };
  return answer;
}
