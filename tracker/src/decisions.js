/** Decisions: one request for all slots that ask at the same time. */

import { hooks } from './hooks.js';
import { postRequest, requests, settleRequest } from './requests.js';
import { fallback, nextId, ready, sayRequest, socket } from './transport.js';

const MOST_SLOTS = 50;

const decisions = new Map(); // slot name -> promise of its decision, until something changes
const wanted = [];

export const forgetDecisions = () => decisions.clear();

export function decisionFor(slot) {
  if (!decisions.has(slot)) {
    decisions.set(slot, new Promise(resolve => {
      if (!wanted.length) askSoon();
      wanted.push({ slot, resolve });
    }));
  }
  return decisions.get(slot);
}

// While the page is still arriving, more slots may follow.
export const askSoon = () => setTimeout(askAll, document.readyState === 'loading' ? 50 : 0);

const decisionOf = (answer, slot) => (
  { decisionId: answer.decisionId, book: answer.book, ...(answer.slots || {})[slot], slot }
);

/** The answers a server sends unasked. */
export const noteDecisions = answer => Object.keys(answer.slots).forEach(
  slot => decisions.set(slot, Promise.resolve(decisionOf(answer, slot))),
);

export async function askAll() {
  hooks.mountAll();
  const round = wanted.splice(0, MOST_SLOTS);
  if (!round.length) return;
  if (wanted.length) askSoon();
  const answer = await decide(round.map(each => each.slot));
  for (const { slot, resolve } of round) {
    if (!answer) decisions.delete(slot);
    resolve(answer && decisionOf(answer, slot));
  }
}

function decide(slots) {
  return new Promise(resolve => {
    const id = nextId(), request = { slots, resolve };
    requests.set(id, request);
    if (socket && socket.readyState === 1) sayRequest(request, id);
    else if (!socket || fallback) postRequest(request, id);
    setTimeout(() => ready || requests.has(id) && postRequest(request, id), 300); // the socket is slow or swallowed
    setTimeout(settleRequest, 5000, id);
  });
}
