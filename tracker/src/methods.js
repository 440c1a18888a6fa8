/** The public methods. Names and arguments are Segment's; `slot`, `consent` and `on` are ours. */

import { consent } from './consent.js';
import { askSoon, decisionFor } from './decisions.js';
import { hooks } from './hooks.js';
import { anonymousId, userId } from './identity.js';
import { enqueue } from './messages.js';
import { context, moveOn } from './page-context.js';
import { pz } from './script.js';
import { remember, reset, setConsent } from './visitor.js';

const isObject = value => value && typeof value === 'object';

export const methods = {
  identify(id, traits, options) {
    if (isObject(id)) [id, traits, options] = [undefined, id, traits];
    if (id != null && consent !== 'denied') remember(String(id));
    return enqueue('identify', { traits: traits || {} }, options);
  },
  track: (event, properties, options) => enqueue('track', { event, properties: properties || {} }, options),
  page(...args) {
    const [name, category] = args.filter(each => typeof each === 'string').reverse();
    const [properties, options] = args.filter(isObject);
    const moved = moveOn();
    enqueue('page', { name, category, properties: { ...context().page, name, category, ...properties } }, options);
    if (moved) hooks.decideAgain();
    askSoon();
    return pz;
  },
  group: (groupId, traits, options) => enqueue('group', { groupId, traits: traits || {} }, options),
  alias: (newId, previousId, options) => enqueue('alias', {
    userId: newId, previousId: previousId || userId() || consent === 'granted' && anonymousId() || undefined,
  }, options),
  reset() {
    reset();
    return pz;
  },
  consent(state) {
    if (!state) return consent;
    if (isObject(state)) { // purposes, as Segment's consent extension tells them
      const told = { context: { consent: { categoryPreferences: state } } };
      return enqueue('track', { event: 'Segment Consent Preference Updated', properties: {} }, told);
    }
    setConsent(state);
    return pz;
  },
  slot: (name, options) => Promise.race([
    decisionFor(name), new Promise(resolve => setTimeout(resolve, (options || {}).timeout || 600)),
  ]).then(decision => decision && decision.block ? { ...decision.block, decision } : null),
  on(name, listener) {
    if (name === 'ready') setTimeout(listener);
    else document.addEventListener('pz:' + name, event => listener(event.detail, event));
    return pz;
  },
  push([method, ...args]) {
    try {
      const result = pz[method](...args);
      if (method === 'slot') result.then(args.pop()); // the stub's promise
    } catch (mistake) {
      console.warn('pz:', method, mistake);
    }
  },
};
