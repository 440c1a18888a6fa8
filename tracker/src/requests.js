/** Requests for decisions that wait for their answer, from whichever door it comes. */

import { consent } from './consent.js';
import { encode } from './encoding.js';
import { anonymousId } from './identity.js';
import { context } from './page-context.js';
import { post } from './post.js';
import { visit, writeKey } from './script.js';

export const requests = new Map(); // id -> {slots, resolve, posted}, until answered

export function postRequest(request, id) {
  if (request.posted) return;
  request.posted = true;
  const known = consent === 'granted' && { anonymousId: anonymousId() };
  const identity = visit ? { visit } : { consent, ...known };
  post('/api/v1/decide', encode({ writeKey, ...identity, slots: request.slots, context: context() }))
    .then(answer => answer.ok && answer.json()).catch(() => null).then(answer => settleRequest(id, answer));
}

export function settleRequest(id, answer) {
  const request = requests.get(id);
  requests.delete(id);
  if (request) request.resolve(answer);
}
