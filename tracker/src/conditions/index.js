/** conditions.js: whether a condition holds, decided on the device. Manual: docs/reference/on-device-conditions.md. */

import { createCalendar } from './calendar.js';
import { demand, own, soonest } from './facts.js';
import { LEAVES } from './leaves.js';

const FORM = 1; // that segments/conditions/edge.py writes

const GROUPS = {
  and: (parts, facts) => parts.every(holds => holds(facts)),
  or: (parts, facts) => parts.some(holds => holds(facts)),
  not: (parts, facts) => !parts.some(holds => holds(facts)),
};

/** (condition, what the server sent with it) => (profile, segments, context, now) => whether it holds; `nextFlip` of the
 *  result says when time alone could turn it, null for never. Throws where it knows too little to answer. */
export function compile({ v, root }, { transitions, may }) {
  if (v !== FORM) throw new Error(`conditions.js reads form ${FORM} of conditions, not ${v}: load the newest one`);
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
  return Object.assign((profile, segments, context, now) => holds({ profile, segments, context, now }), {
    nextFlip(profile, now) {
      const at = soonest(leaves.map(leaf => leaf.flips(profile, now)));
      return at < Infinity ? at : null;
    },
  });
}
