/** Events until they are acknowledged: one storage key per event, so that tabs never overwrite each other's. */

import { bytesOf, encode } from './encoding.js';
import { box, store } from './storage.js';

const QUEUED = 'pz:q:', MOST_CHARACTERS = 262144, MOST_EVENT_BYTES = 32768, DEDUP_MS = 23 * 3600000;
export const MOST_EVENTS = 200;

const mine = new Set(); // keys this tab delivers; every tab adopts what it finds at the start and when it connects
const inFlight = new Map(); // key -> id of the batch that carries it now
let order = 0;

export const queuedIn = storage => Object.keys(storage).filter(key => key.startsWith(QUEUED)).sort();
const messageIdOf = key => key.slice(QUEUED.length + 14); // after 8 characters of time and 6 of order

export const add = message =>
  keep(QUEUED + Date.now().toString(36) + (1e5 + order++ % 9e5) + message.messageId, message);

export function keep(key, message) {
  const text = encode(message);
  if (bytesOf(text) > MOST_EVENT_BYTES) return console.warn('pz: event above 32 KB dropped', message);
  store(key, text);
  mine.add(key);
  const keys = queuedIn(box);
  let characters = keys.reduce((sum, each) => sum + box[each].length, 0);
  for (let i = 0; keys.length - i > MOST_EVENTS || characters > MOST_CHARACTERS; i++) {
    characters -= box[keys[i]].length;
    forget(keys[i]);
  }
}

export function forget(key) {
  delete box[key];
  mine.delete(key);
  inFlight.delete(key);
}

export function adopt() {
  for (const key of queuedIn(box)) {
    // `~`: went out when a page closed, unacknowledged. After the server's dedup window it might count twice.
    const tooOld = box[key][0] === '~'
      && Date.now() - parseInt(key.slice(QUEUED.length, QUEUED.length + 8), 36) > DEDUP_MS;
    try {
      JSON.parse(tooOld ? '' : box[key].replace('~', ''));
      mine.add(key);
    } catch (broken) {
      forget(key);
    }
  }
}

export const markAsLeft = keys => keys.forEach(key => (box[key] = box[key].replace(/^~?/, '~')));

/** The oldest events as the inside of a batch; `again`: those that are in flight too. */
export function pick(most, mostBytes, again) {
  const keys = [], texts = [];
  let bytes = 200;
  for (const key of [...mine].sort()) {
    const text = (box[key] || '').replace(/^~/, '');
    if (!text) mine.delete(key); // another tab delivered it
    else if (again || !inFlight.has(key)) {
      bytes += bytesOf(text) + 1;
      if (keys.length === most || bytes > mostBytes) break;
      keys.push(key);
      texts.push(text);
    }
  }
  // Said, as the browser may ask for privacy everywhere where the page has asked the visitor itself.
  return { keys, json: `"batch":[${texts}],"consent":"granted","sentAt":"${new Date().toISOString()}"` };
}

export const setInFlight = (keys, batch) => keys.forEach(key => inFlight.set(key, batch));
export const takeBack = keys => keys.forEach(key => inFlight.delete(key));
export const takeAllBack = () => inFlight.clear();
export const keysOf = batch => [...inFlight.keys()].filter(key => inFlight.get(key) === batch);

/** `nameless`: an event of the batch was refused, so broken that the server could not read its id. */
export function settleBatch(batch, messageIds, nameless) {
  for (const key of mine) {
    if (messageIds.has(messageIdOf(key)) || nameless && inFlight.get(key) === batch) forget(key);
  }
}
