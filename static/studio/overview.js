/**
 * The overview's numbers, from the pulse; what is dearer is asked for anew (`news`) when something has changed.
 *
 *   <p data-beat="people"></p>  <span data-beat-if="refusalsToday">shown when it is not 0</span>
 *   <polyline data-spark>       events per second of the last minute, in a field of 120 × 30
 *   <span data-connection>      whether the numbers are live
 */

import { onBeat, onFrame, onState, sayNumber, sayRate } from './pulse.js';

const SECONDS = 60;
const [WIDTH, HEIGHT] = [120, 30];
const rates = [];
let news = null;

function set(name, text) {
  for (const each of document.querySelectorAll(`[data-beat="${name}"]`)) {
    if (each.textContent !== text) each.textContent = text;
  }
}

function sayTime(ms) {
  if (ms === null) return '–';
  return ms < 1000 ? interpolate(gettext('%s ms'), [sayNumber(ms)]) : interpolate(gettext('%s s'), [sayNumber(ms / 1000, 1)]);
}

function draw() {
  const line = document.querySelector('[data-spark]');
  const known = rates.slice(-SECONDS);
  const top = Math.max(1, ...known);
  const step = WIDTH / (SECONDS - 1);
  const start = WIDTH - step * (known.length - 1);
  const points = known.map((rate, at) => `${(start + at * step).toFixed(1)},${(HEIGHT - 1 - ((HEIGHT - 2) * rate) / top).toFixed(1)}`);
  line?.setAttribute('points', points.join(' '));
  const area = known.length ? `${start.toFixed(1)},${HEIGHT} ${points.join(' ')} ${WIDTH},${HEIGHT}` : '';
  document.querySelector('[data-spark-area]')?.setAttribute('points', area);
}

onFrame('history', frame => {
  rates.splice(0, rates.length, ...frame.beats.map(each => each.events ?? 0));
  draw();
});

onBeat(beat => {
  rates.push(beat.events ?? 0);
  if (rates.length > SECONDS) rates.shift();
  draw();
  set('events', sayRate(beat.smoothed));
  set('eventsToday', sayNumber(beat.eventsToday));
  set('refusalsToday', sayNumber(beat.refusalsToday));
  set('decisionsToday', sayNumber(beat.decisionsToday));
  set('decisions', beat.decisions === null ? '–' : sayRate(beat.decisions));
  set('freshness', sayTime(beat.freshness));
  if (beat.people !== null) set('people', beat.peopleCut ? `${sayNumber(beat.people)}+` : sayNumber(beat.people));
  for (const each of document.querySelectorAll('[data-beat-if]')) each.hidden = !beat[each.dataset.beatIf];
  if (beat.news && beat.news !== news) {
    if (news !== null) htmx.trigger(document.body, 'news');
    news = beat.news;
  }
});

const STATES = {
  open: () => [gettext('Live'), 'tag-success'],
  lost: () => [gettext('Connection lost; trying again'), 'tag-error'],
  'signed-out': () => [gettext('You are signed out'), 'tag-error'],
};

onState(state => {
  const [words, look] = STATES[state]?.() ?? ['', ''];
  for (const each of document.querySelectorAll('[data-connection]')) {
    each.hidden = !words;
    each.textContent = words;
    each.classList.remove('tag-success', 'tag-error');
    if (look) each.classList.add(look);
  }
});
