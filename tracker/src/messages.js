/** Events in Segment's shape, on their way into the outbox. */

import { consent } from './consent.js';
import { anonymousId, userId } from './identity.js';
import { add } from './outbox.js';
import { context } from './page-context.js';
import { pz } from './script.js';
import { flush, helloId, reconnect, socket } from './transport.js';
import { uuid } from './uuid.js';

/** Returns `pz`, so that calls can be chained. */
export function enqueue(type, fields, options) {
  if (consent === 'denied') return pz;
  const message = {
    type, messageId: uuid(), timestamp: new Date().toISOString(), userId: userId(), ...fields, ...options,
    context: { ...context(), ...(options || {}).context },
  };
  if (consent === 'granted') {
    const id = anonymousId();
    message.anonymousId = message.anonymousId || id;
    if (socket && helloId !== id) reconnect(); // another tab called reset()
  }
  try {
    add(message);
  } catch (unserialisable) {
    console.warn('pz: event dropped', unserialisable);
  }
  setTimeout(flush);
  return pz;
}
