/**
 * Events and refusals as they arrive: the newest on top, at most 200; each opens to show all of it.
 *
 *   <form data-live-filter>            source, name, person, events, refusals
 *   <ol data-live-rows data-person="/studio/people/0…0/">
 *   <button data-live-pause>           opening a row pauses too, so that it stays where it is
 */

import { onBeat, onFrame, onState, sayNumber, sayRate, send } from './pulse.js';

const MOST = 200;
const TYPING_MS = 250;
const NO_ID = '00000000-0000-0000-0000-000000000000';
const find = name => document.querySelector(`[data-live-${name}]`);
const list = find('rows');
const form = find('filter');
const known = new Set();
let isPaused = false;
let isOpen = false;
let typing = 0;

function make(tag, looks, text) {
  const element = document.createElement(tag);
  if (looks) element.className = looks;
  if (text !== undefined) element.textContent = text;
  return element;
}

const clock = new Intl.DateTimeFormat(document.documentElement.lang || 'en', {
  hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23',
});

function sayMoment(ms) {
  const element = make('time', 'quiet tabular-nums whitespace-nowrap', clock.format(ms));
  element.dateTime = new Date(ms).toISOString();
  element.title = element.dateTime;
  return element;
}

function addPair(box, name, value) {
  if (value === null || value === undefined || value === '') return;
  box.append(make('dt', 'quiet', name));
  const said = make('dd', 'min-w-0 break-all');
  said.append(value);
  box.append(said);
}

function addJson(box, title, value) {
  if (!Object.keys(value).length) return;
  box.append(make('h3', 'mt-3 text-sm', title));
  const text = make('pre', 'bg-base-200 rounded-lg p-3 mt-1 text-sm overflow-x-auto max-h-80', JSON.stringify(value, null, 2));
  text.tabIndex = 0;
  text.setAttribute('role', 'region');
  text.setAttribute('aria-label', title);
  box.append(text);
}

function linkTo(url, words) {
  const link = make('a', 'link', words);
  link.href = url;
  return link;
}

function describeEvent(row, box) {
  const facts = make('dl', 'grid grid-cols-[8.5rem_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-sm');
  addPair(facts, gettext('Message'), row.id);
  addPair(facts, gettext('Call'), row.type);
  addPair(facts, gettext('Happened'), new Date(row.at).toISOString());
  addPair(facts, gettext('Came in'), new Date(row.received).toISOString());
  if (row.committed) addPair(facts, gettext('Known after'), interpolate(gettext('%s ms'), [sayNumber(Math.max(0, row.committed - row.received))]));
  addPair(facts, gettext('User id'), row.userId);
  addPair(facts, gettext('Anonymous id'), row.anonymousId);
  if (row.profile && list.dataset.person) {
    addPair(facts, gettext('Person'), linkTo(list.dataset.person.replace(NO_ID, dash(row.profile)), gettext('Open the profile')));
  }
  addPair(facts, gettext('Catalogue'), linkTo(`${list.dataset.catalogue}?q=${encodeURIComponent(row.name)}`, row.name));
  addPair(facts, gettext('Entered'), row.entered.join(', '));
  addPair(facts, gettext('Left'), row.left.join(', '));
  addPair(facts, gettext('Noticed'), row.flags.join(', '));
  box.append(facts);
  addJson(box, gettext('Properties'), row.properties);
  addJson(box, gettext('Traits'), row.traits);
  addJson(box, gettext('Context'), row.context);
}

function describeRefusal(row, box) {
  const facts = make('dl', 'grid grid-cols-[8.5rem_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-sm');
  addPair(facts, gettext('Reason'), row.reason);
  addPair(facts, gettext('What is wrong'), row.message);
  addPair(facts, gettext('Message'), row.messageId);
  addPair(facts, gettext('Came in'), new Date(row.at).toISOString());
  box.append(facts);
  if (!row.sample) return;
  box.append(make('h3', 'mt-3 text-sm', gettext('What was sent, from its beginning')));
  box.append(make('pre', 'bg-base-200 rounded-lg p-3 mt-1 text-sm whitespace-pre-wrap break-all', row.sample));
}

function dash(id) {
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function makeRow(row) {
  const item = make('li', 'border-b border-base-300 last:border-b-0');
  const details = make('details', 'group');
  const summary = make('summary', 'cursor-pointer px-5 py-2 hover:bg-base-200 grid gap-x-3 gap-y-0.5 items-baseline grid-cols-[6.8rem_minmax(0,1fr)] md:grid-cols-[6.8rem_minmax(0,2fr)_minmax(0,1fr)_minmax(0,1fr)] list-none');
  summary.append(sayMoment(row.kind === 'refusal' ? row.at : row.committed || row.received)); // imported ones happened long ago
  const isRefusal = row.kind === 'refusal';
  const what = make('span', `min-w-0 truncate ${isRefusal ? 'md:col-span-2' : ''}`);
  if (isRefusal) what.append(make('span', 'tag tag-error mr-2', gettext('refused')));
  what.append(make('span', 'font-medium', isRefusal ? row.reason : row.name));
  const more = isRefusal ? row.message : row.context?.page?.path ?? row.properties?.product_id ?? row.properties?.name;
  if (typeof more === 'string') what.append(make('span', 'quiet ml-2', more));
  summary.append(what);
  summary.append(make('span', 'quiet truncate max-md:col-start-2', row.source === '-' ? gettext('unknown source') : row.source));
  if (!isRefusal) summary.append(make('span', `truncate max-md:col-start-2 ${row.isKnown ? '' : 'quiet'}`, row.person));
  const box = make('div', 'px-5 pb-4 pt-1');
  details.append(summary, box);
  details.addEventListener('toggle', () => {
    if (!details.open) return;
    if (!box.hasChildNodes()) (isRefusal ? describeRefusal : describeEvent)(row, box);
    setPaused(true);
  });
  item.append(details);
  item.dataset.key = `${row.kind}|${row.source}|${row.id}`;
  return item;
}

function add(rows, place) {
  const made = document.createDocumentFragment();
  for (const row of rows) {
    const item = makeRow(row);
    if (known.has(item.dataset.key)) continue;
    known.add(item.dataset.key);
    made.append(item);
  }
  place(made);
  while (list.children.length > MOST) {
    known.delete(list.lastElementChild.dataset.key);
    list.lastElementChild.remove();
  }
  showEmpty();
}

function showEmpty() {
  const isNarrowed = Boolean(form.elements.source.value || form.elements.name.value || form.elements.person.value);
  find('empty').hidden = list.hasChildNodes() || isNarrowed;
  find('none').hidden = list.hasChildNodes() || !isNarrowed;
}

function clear() {
  list.replaceChildren();
  known.clear();
  find('sampled').hidden = true;
}

function ask() {
  const wanted = form.elements;
  const narrowed = Object.fromEntries(['source', 'name', 'person'].map(name => [name, wanted[name].value.trim()]));
  const said = new URLSearchParams(Object.entries(narrowed).filter(([, value]) => value));
  history.replaceState(null, '', said.size ? `?${said}` : location.pathname);
  if (isPaused) return;
  send({ type: 'watch', ...narrowed, events: wanted.events.checked, refusals: wanted.refusals.checked });
}

function askAnew() {
  setPaused(false, false);
  clear();
  showEmpty();
  ask();
}

function setPaused(next, tell = true) {
  if (isPaused === next) return;
  isPaused = next;
  const button = find('pause');
  button.setAttribute('aria-pressed', String(isPaused));
  find('pause-words').textContent = isPaused ? gettext('Go on') : gettext('Pause');
  for (const each of document.querySelectorAll('[data-live-pause-icon]')) each.hidden = (each.dataset.livePauseIcon === 'play') !== isPaused;
  find('sampled').hidden = true;
  sayState();
  if (!tell) return;
  if (isPaused) send({ type: 'pause' });
  else ask();
}

function sayState(state) {
  if (state) isOpen = state === 'open';
  const box = find('state');
  const [words, look] = !isOpen
    ? [state === 'signed-out' ? gettext('You are signed out') : state === 'refused' ? gettext('You may not look at events any more') : gettext('Connecting…'), 'tag-error']
    : isPaused ? [gettext('Paused'), 'tag-warning'] : [gettext('Live'), 'tag-success'];
  box.textContent = words;
  box.className = `tag ${look}`;
}

onState(state => {
  sayState(state);
  if (state === 'open') ask();
});

onFrame('earlier', frame => add(frame.rows.reverse(), made => list.append(made)));
onFrame('events', frame => {
  if (!isPaused) add(frame.rows.reverse(), made => list.prepend(made));
});
onFrame('sampled', frame => {
  const box = find('sampled');
  const isNarrowed = Boolean(form.elements.source.value || form.elements.name.value || form.elements.person.value);
  const all = isNarrowed ? frame.matched : Math.max(frame.matched, Math.round(frame.of));
  box.hidden = isPaused || frame.shown >= frame.matched;
  if (box.hidden) return;
  const words = isNarrowed ? gettext('Showing %s of %s a second that match') : gettext('Showing %s of %s a second');
  box.textContent = interpolate(words, [sayNumber(frame.shown), sayNumber(all)]);
  if (isNarrowed && frame.isCut) box.textContent += ` ${gettext('(of those that could be looked through)')}`;
});
onBeat(beat => {
  find('rate').textContent = interpolate(gettext('%s events and %s refusals a second'), [sayRate(beat.smoothed), sayRate(beat.refusals)]);
});

form.addEventListener('submit', event => {
  event.preventDefault();
  askAnew();
});
form.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(askAnew, TYPING_MS);
});
find('pause').addEventListener('click', () => setPaused(!isPaused));
for (const each of document.querySelectorAll('[data-live-name]')) {
  each.addEventListener('click', () => {
    form.elements.name.value = each.dataset.liveName;
    askAnew();
  });
}
