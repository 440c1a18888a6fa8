/** edge.js: what a slot shows, decided on the device by the bundle. Manual: docs/how-to/cache-personal-pages.md. */

import { compile } from '../conditions/index.js';

const FORM = 1; // that rules/bundle.py writes

/** The bundle ready to decide by. `decide(slot, profile, context, now)` is what the server would answer, `{ reason, rule,
 *  block }`, or null when it has to be asked. `profile` is that of conditions.js, nothing for somebody unknown. */
export function open(bundle) {
  if (bundle.v !== FORM) throw new Error(`edge.js reads form ${FORM} of bundles, not ${bundle.v}: load the newest one`);
  const segments = bundle.segments.map(({ name, condition }) => [name, compile(condition, bundle)]);
  const slots = new Map(Object.keys(bundle.slots).map(name => {
    const { rules, default: fallback } = bundle.slots[name];
    return [name, { fallback, rules: rules.map(rule => ({
      ...rule, holds: rule.condition ? compile(rule.condition, bundle) : () => true,
    })) }];
  }));

  function find(profile, now) {
    const member = {};
    if (profile) segments.forEach(([name, holds]) => holds(profile, member, {}, now) && (member[name] = now));
    return member;
  }

  // A block that is made for a person is not in the bundle.
  const show = (reason, block, rule) => block == null || bundle.blocks[block]
    ? { reason, rule, block: block == null ? null : bundle.blocks[block] }
    : null;

  function decide(slot, profile, context = {}, now = Date.now()) {
    const place = slots.get(slot);
    if (!place) return { reason: 'unknown_slot', block: null };
    const member = find(profile, now);
    for (const rule of place.rules) {
      if (rule.person && !profile) continue;
      if (rule.ask && !rule.condition) return null;
      if (!rule.holds(profile || {}, member, context, now)) continue;
      if (rule.starts > now || rule.ends <= now) continue;
      return rule.ask ? null : show('rule_matched', rule.block, rule.rule);
    }
    return show('no_rule_matched', place.fallback);
  }

  return { decide, book: bundle.book };
}
