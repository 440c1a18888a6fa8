/** The way to the server: the socket, else POST. A batch stays in the outbox until it is acknowledged. */

import { consent } from './consent.js';
import { encode } from './encoding.js';
import { emit } from './events.js';
import { hooks } from './hooks.js';
import { anonymousId, userId } from './identity.js';
import {
  MOST_EVENTS, adopt, forget, keysOf, markAsLeft, pick, setInFlight, settleBatch, takeAllBack, takeBack,
} from './outbox.js';
import { context } from './page-context.js';
import { post } from './post.js';
import { postRequest, requests, settleRequest } from './requests.js';
import { host, writeKey } from './script.js';

const BEACON_BYTES = 60000;

export let socket, helloId, ready, fallback;
let heard, posting, suspended, fatal, patience, pinger, retry;
let lastId = 0, attempts = 0, notBefore = 0, limits = { batch: 100, bytes: 512000 };

/** Of a frame; the server's answer carries it too. */
export const nextId = () => ++lastId;

const say = frame => socket.send(encode(frame));
const backoff = () => Math.min(30000, 500 * 2 ** attempts++) * (0.5 + Math.random() / 2);

export const sayRequest = ({ slots, posted }, id) => posted || say({
  type: 'decide', id, slots, context: context(), live: slots.filter(hooks.isLive),
});

export function connect() {
  if (socket || suspended || fatal || consent !== 'granted') return;
  clearTimeout(retry);
  try {
    socket = new WebSocket(host.replace(/^http/, 'ws') + '/ws/v1/');
  } catch (blocked) {
    return lose();
  }
  const opened = socket;
  helloId = anonymousId();
  patience = setTimeout(() => {
    fallback = true;
    flush();
    patience = setTimeout(lose, 9000);
  }, 1000);
  socket.onopen = () => {
    say({ type: 'hello', v: 1, writeKey, anonymousId: helloId, userId: userId(), consent, context: context() });
    requests.forEach(sayRequest); // before the welcome, which saves a round trip
  };
  socket.onmessage = event => opened === socket && receive(JSON.parse(event.data));
  socket.onclose = event => opened === socket && lose(event);
}

export function disconnect() {
  clearTimeout(patience);
  clearTimeout(retry);
  clearInterval(pinger);
  const closing = socket;
  socket = ready = undefined;
  takeAllBack();
  if (closing) closing.close();
}

export function reconnect() {
  disconnect();
  connect();
}

export function lose({ code } = {}) {
  disconnect();
  fallback = true;
  if (code === 4401 || code === 4403) stop(code); // unknown key, origin refused: asking again would not help
  requests.forEach(postRequest);
  flush();
  // 4400: a frame was not understood, nor would it be on another socket; POST refuses single events.
  if (code !== 4400 && !fatal && !suspended) retry = setTimeout(connect, backoff());
}

function stop(reason) {
  fatal = true;
  console.error('pz: the server refuses this page:', reason);
}

function pause(seconds) {
  const wait = seconds ? seconds * 1000 * (1 + Math.random() / 4) : backoff();
  notBefore = Date.now() + wait;
  setTimeout(flush, wait + 1);
}

function receive(frame) {
  heard = true;
  if (/ack|pong|decision/.test(frame.type)) attempts = 0;
  if (frame.type === 'welcome') {
    clearTimeout(patience);
    if (fallback) hooks.decideAgain(); // answers or changes may have been missed, and this socket keeps nothing live yet
    ready = true;
    fallback = false;
    notBefore = 0;
    Object.assign(limits, frame.limits);
    pinger = setInterval(() => {
      if (!heard) return lose();
      heard = false;
      say({ type: 'ping' });
    }, (frame.ping || 25) * 1000);
    adopt();
    flush();
  } else if (frame.type === 'ack') {
    const refused = frame.refused || [];
    refused.forEach(each => (console.warn('pz: event refused', each), emit(document, 'refused', each)));
    const done = new Set((frame.messageIds || []).concat(refused.map(each => each.messageId)));
    settleBatch(frame.id, done, refused.some(each => !each.messageId));
  } else if (frame.type === 'slow') {
    takeBack(keysOf(frame.id));
    pause(frame.retryAfter);
  } else if (frame.type === 'decision') {
    frame.id == null ? hooks.redecide(frame) : settleRequest(frame.id, frame);
  } else if (frame.type === 'changed') {
    emit(document, 'changed', frame);
    if ((frame.entered || []).length + (frame.left || []).length) {
      frame.live ? hooks.forgetDecisions() : hooks.decideAgain(); // live slots are told what they show
    }
  } else if (frame.type === 'error') {
    console.warn('pz:', frame.code, frame.message);
  }
}

export function flush() {
  if (fatal || suspended || consent !== 'granted' || Date.now() < notBefore) return;
  if (!(ready || fallback && !posting)) return;
  const { keys, json } = pick(limits.batch, limits.bytes);
  if (!keys.length) return;
  const id = nextId();
  setInFlight(keys, id);
  if (ready) {
    const carrier = socket;
    socket.send(`{"type":"batch","id":${id},${json}}`);
    setTimeout(() => carrier === socket && keysOf(id).length && lose(), 10000);
    return flush();
  }
  posting = true;
  post('/v1/b', `{"writeKey":${JSON.stringify(writeKey)},${json}}`).then(({ ok, status, headers }) => {
    if (ok || status === 400 || status === 413) keys.forEach(forget);
    else if (status === 401 || status === 403) stop(status);
    else pause(+headers.get('retry-after'));
  }, () => pause()).then(() => {
    takeBack(keys);
    posting = false;
    flush();
  });
}

export function retryNow() {
  attempts = notBefore = 0;
  connect();
}

/** The page is left: a beacon carries what it can, and what it carried waits marked for the next page. */
export function suspend() {
  const { keys, json } = pick(MOST_EVENTS, BEACON_BYTES, true);
  if (consent === 'granted' && !fatal && keys.length
    && navigator.sendBeacon(`${host}/beacon/v1/batch?writeKey=${encodeURIComponent(writeKey)}`, `{${json}}`)) {
    markAsLeft(keys);
  }
  suspended = true;
  disconnect(); // an open socket would keep the page out of the back/forward cache
}

export function resume() {
  suspended = false;
  connect();
}
