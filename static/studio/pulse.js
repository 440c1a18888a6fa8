/**
 * The Studio's socket: one for each page. It is taken up again whenever it was lost, and rests while nobody looks.
 *
 *   <div data-pulse></div>    says how many events come in
 *
 *   import { onBeat, onFrame, onState, send } from './pulse.js';
 *   onBeat(beat => …)    each second (personalization/pulse.py: Beat)
 */

const PATH = '/studio/live/';
const SIGNED_OUT = 4401;
const NOT_ALLOWED = 4403;
const [SHORTEST_MS, LONGEST_MS] = [500, 15_000];
const SILENT_MS = 8_000; // without a beat: the connection is dead, or the server has none to give
const HIDDEN_MS = 60_000;
const SMOOTHED = 5; // beats

const listeners = { beat: new Set(), state: new Set() };
const frames = {};
const rates = [];
let socket = null;
let state = 'connecting'; // or open, lost, signed-out, refused, resting
let pause = SHORTEST_MS;
let again = 0;
let silence = 0;
let rest = 0;

export function onBeat(listener) {
  listeners.beat.add(listener);
}

/** `listener` hears of the present state at once. */
export function onState(listener) {
  listeners.state.add(listener);
  listener(state);
}

/** Of the type of a frame: `history`, `events`, `earlier`, `sampled`. */
export function onFrame(type, listener) {
  frames[type] = listener;
}

/** Whether it could be sent; what is sent once is to be sent again when the state becomes `open`. */
export function send(frame) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(frame));
  return true;
}

/** The mean of the last beats, so that few events are not said to be none. */
export function smooth(beats) {
  const known = beats.filter(each => each !== null && each !== undefined);
  return known.length ? known.reduce((sum, each) => sum + each, 0) / known.length : null;
}

export function sayNumber(value, digits = 0) {
  const language = document.documentElement.lang || 'en';
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

export function sayRate(value) {
  return value === null ? '–' : sayNumber(value, value < 10 ? 1 : 0);
}

function tell(kind, what) {
  for (const listener of listeners[kind]) listener(what);
}

function setState(next) {
  if (state === next) return;
  state = next;
  tell('state', state);
}

function connect() {
  clearTimeout(again);
  if (socket !== null) return;
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const mine = new WebSocket(`${scheme}://${location.host}${PATH}`);
  socket = mine;
  mine.addEventListener('message', event => {
    if (socket === mine) hear(JSON.parse(event.data));
  });
  mine.addEventListener('close', event => {
    if (socket === mine) lose(event.code);
  });
  listen();
}

function hear(frame) {
  if (frame.type === 'history') {
    rates.splice(0, rates.length, ...frame.beats.slice(-SMOOTHED).map(each => each.events));
    setState('open');
  } else if (frame.type === 'pulse') {
    listen();
    pause = SHORTEST_MS;
    rates.push(frame.events);
    if (rates.length > SMOOTHED) rates.shift();
    tell('beat', { ...frame, smoothed: smooth(rates) });
  }
  frames[frame.type]?.(frame);
}

/** A laptop that slept hears of no close. */
function listen() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    const mute = socket;
    lose(0);
    close(mute);
  }, SILENT_MS);
}

function lose(code) {
  clearTimeout(silence);
  socket = null;
  if (code === SIGNED_OUT || code === NOT_ALLOWED) {
    setState(code === SIGNED_OUT ? 'signed-out' : 'refused');
    return;
  }
  setState('lost');
  again = setTimeout(connect, pause * (0.75 + Math.random() / 2));
  pause = Math.min(LONGEST_MS, pause * 1.8);
}

/** One that is being opened is closed once it is open: browsers take anything else for a failure. */
function close(mine) {
  if (mine?.readyState === WebSocket.CONNECTING) mine.addEventListener('open', () => mine.close());
  else mine?.close();
}

function letGo() {
  clearTimeout(silence);
  clearTimeout(again);
  const mine = socket;
  socket = null;
  close(mine);
  setState('resting');
}

function comeBack() {
  clearTimeout(rest);
  if (state !== 'resting' && state !== 'lost') return;
  pause = SHORTEST_MS;
  if (state === 'resting') setState('connecting');
  connect();
}

function showLine(line) {
  const dot = document.createElement('span');
  dot.className = 'inline-block flex-none size-2 rounded-full bg-base-300';
  const name = document.createElement('span');
  name.className = 'truncate min-w-0';
  const words = document.createElement('span');
  words.className = 'whitespace-nowrap';
  line.classList.add('flex', 'items-center', 'gap-1', 'min-w-0', 'text-xs');
  line.replaceChildren(dot, name, words);
  const paint = colour => {
    dot.classList.remove('bg-base-300', 'bg-success', 'bg-error');
    dot.classList.add(colour);
  };
  onState(now => {
    if (now !== 'open') name.textContent = '';
    if (now === 'lost') words.textContent = gettext('Connection lost');
    if (now === 'signed-out') words.textContent = gettext('You are signed out');
    if (now === 'refused') line.hidden = true;
    if (now !== 'open') paint(now === 'lost' || now === 'signed-out' ? 'bg-error' : 'bg-base-300');
  });
  onBeat(beat => {
    const many = ngettext('%s source', '%s sources', beat.sources);
    const who = beat.source || (beat.sources ? interpolate(many, [sayNumber(beat.sources)]) : '');
    if (beat.smoothed === null) {
      name.textContent = who;
      return;
    }
    const rate = interpolate(gettext('%s events/s'), [sayRate(beat.smoothed)]);
    name.textContent = who;
    words.textContent = who ? `· ${rate}` : rate;
    paint(beat.smoothed ? 'bg-success' : 'bg-base-300');
  });
}

const line = document.querySelector('[data-pulse]');
if (line) {
  showLine(line);
  document.addEventListener('visibilitychange', () => {
    clearTimeout(rest);
    if (document.hidden) rest = setTimeout(letGo, HIDDEN_MS);
    else comeBack();
  });
  addEventListener('pagehide', letGo);
  addEventListener('pageshow', event => event.persisted && comeBack());
  addEventListener('online', comeBack);
  connect();
}
