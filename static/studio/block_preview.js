/**
 * Shows a block while it is written: asks a little after one has stopped typing, marks what is wrong, and otherwise
 * shows what the chosen person would get.
 *
 *   <form id="block-form">  <section data-preview="/studio/content/preview/"> <form id="look-form"> <iframe sandbox>
 */

import { tell } from './code.js';

const WAIT_MS = 350;
const HEIGHT = 460;
const form = document.querySelector('#block-form');
const panel = document.querySelector('[data-preview]');
const looks = document.querySelector('#look-form');
const box = panel.querySelector('[data-preview-frame]');
const frame = box.querySelector('iframe');
const said = panel.querySelector('[data-preview-said]');
const seat = [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('');

let width = Number(panel.querySelector('[data-width][aria-pressed=true]')?.dataset.width ?? 600);
if (matchMedia('(max-width: 640px)').matches) width = 390; // whoever holds a phone looks at a phone
let ground = 'light';
let address = '';
let asked = null;
let timer = 0;

function part(name) {
  return panel.querySelector(`[data-preview-${name}]`);
}

function fit() {
  const scale = Math.min(1, box.clientWidth / width);
  frame.style.width = `${width}px`;
  frame.style.height = `${HEIGHT / scale}px`;
  frame.style.transform = scale < 1 ? `scale(${scale})` : '';
  frame.style.marginInline = scale < 1 ? '' : 'auto';
  box.style.height = `${HEIGHT + 2}px`;
}

function load() {
  if (address) frame.src = `${address}?ground=${ground}&at=${Date.now()}`;
}

function say(text, isBad = false) {
  if (said.textContent !== text) said.textContent = text;
  said.classList.toggle('text-error', isBad);
}

function show(answer) {
  tell(answer.problems);
  const wrong = answer.problems.length;
  if (answer.look) return say(answer.look.map(each => `${each.field}: ${each.message}`).join(' '), true);
  if (answer.failed) return say(answer.failed, true);
  if (wrong) {
    const told = ngettext('%s problem has to be mended before it can be saved.', '%s problems have to be mended before it can be saved.', wrong);
    return say(interpolate(told, [wrong]) + (address ? ` ${gettext('Below is what worked last.')}` : ''), true);
  }
  say(answer.fallbackFor ? gettext('Nothing is recommended yet: this stands in.') : '');
  address = answer.frame ?? '';
  box.hidden = !address;
  fit();
  load();
  fill('json', answer.json, each => each);
  fill('subject', answer.subject, each => each.querySelector('strong'));
  fill('text', answer.text, each => each.querySelector('pre'));
}

function fill(name, text, find) {
  const place = part(name);
  if (!place) return;
  place.hidden = text === undefined;
  find(place).textContent = text ?? '';
}

async function ask() {
  asked?.abort();
  const mine = new AbortController();
  asked = mine;
  const body = new FormData(form);
  for (const [name, value] of new FormData(looks)) body.set(name, value);
  body.set('seat', seat);
  try {
    const answer = await fetch(panel.dataset.preview, { method: 'POST', body, signal: mine.signal, headers: { 'X-CSRFToken': body.get('csrfmiddlewaretoken') } });
    if (!answer.ok) throw new Error(answer.status);
    show(await answer.json());
    panel.dataset.state = 'shown'; // what tests wait for
  } catch (error) {
    if (error.name !== 'AbortError') say(gettext('The preview does not answer. Try again in a moment.'), true);
  }
}

function soon() {
  panel.dataset.state = 'asking';
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT_MS);
}

form.addEventListener('input', soon);
form.addEventListener('change', soon);
looks.addEventListener('submit', event => event.preventDefault());
looks.addEventListener('input', event => event.target.name !== 'who' && soon());
panel.addEventListener('click', event => {
  const button = event.target.closest('[data-width]');
  if (button) {
    width = Number(button.dataset.width);
    for (const each of panel.querySelectorAll('[data-width]')) each.ariaPressed = String(each === button);
    fit();
  }
  const turn = event.target.closest('[data-ground]');
  if (turn) {
    ground = ground === 'light' ? 'dark' : 'light';
    turn.ariaPressed = String(ground === 'dark');
    load();
  }
});
for (const each of panel.querySelectorAll('[data-width]')) each.ariaPressed = String(Number(each.dataset.width) === width);
new ResizeObserver(fit).observe(box);
panel.dataset.state = 'asking';
ask();
