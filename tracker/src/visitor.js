/** Acts that change who the visitor is, or what may be known of them: each reaches storage, transport and slots. */

import { changeConsent, consent } from './consent.js';
import { hooks } from './hooks.js';
import {
  anonymousId, forgetAnonymousId, forgetUserId, prolongAnonymousId, replaceAnonymousId, storeUserId, userId,
} from './identity.js';
import { adopt, keep, queuedIn } from './outbox.js';
import { pz } from './script.js';
import { box, openBox } from './storage.js';
import { connect, disconnect, reconnect } from './transport.js';

export function setConsent(state) {
  if (!changeConsent(state)) return;
  disconnect();
  const held = box, heldUser = userId();
  openBox(consent !== 'pending');
  if (consent === 'granted') {
    prolongAnonymousId();
    if (heldUser) remember(heldUser);
    for (const key of queuedIn(held)) keep(key, { ...JSON.parse(held[key]), anonymousId: anonymousId() });
    adopt();
    connect();
  }
  if (consent === 'denied') {
    forgetAnonymousId();
    for (const key of queuedIn(box)) delete box[key];
    forgetUserId();
    openBox(false);
  }
  hooks.decideAgain();
}

export function remember(id) {
  if (userId() && userId() !== id) pz.reset(); // another person on this device; a page may have wrapped the method
  storeUserId(id);
}

export function reset() {
  forgetUserId();
  if (consent !== 'granted') return;
  replaceAnonymousId();
  reconnect();
  hooks.decideAgain();
}
