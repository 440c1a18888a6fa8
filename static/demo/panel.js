/* "What the engine sees": what was sent, what the engine made of it, and why the banner is the one it is.

   Reads pz:decision, pz:changed and pz:refused; every word about a rule or a segment is the engine's own. */
import { meanings } from './catalogue.js';
import { element, find, toast } from './element.js';
import { listen } from './send.js';

const KEY = 'demo:log';
const MOST = 40;
const HERO = 'home-hero';
const BY_SNIPPET = 'sent by the snippet';
const SIGNS = { event: '→', entered: '+', left: '−', banner: '★', refused: '!' };

const sent = new Map(); // messageId -> {at, entry}
let entries = []; // newest first: {kind, text, more, time, acked}
let decision = null;
let member = [];
let facts = null;

const segmentName = (slug) => (meanings.segments[slug] || {}).name || slug;
const segmentWords = (slug) => (meanings.segments[slug] || {}).words || '';
const ruleOf = (slug) => meanings.rules[slug] || { name: slug, slot: '', segments: [] };

// --- The log ------------------------------------------------------------------------------------------------------

function note(kind, text, more) {
  const entry = { kind, text, more, time: new Date().toLocaleTimeString('en-GB') };
  entries = [entry, ...entries].slice(0, MOST);
  const row = rowOf(entry);
  const list = find('[data-log]');
  list.prepend(row);
  while (list.children.length > MOST) list.lastChild.remove();
  if (more !== BY_SNIPPET) find('[data-brief]').textContent = more ? `${text} · ${more}` : text;
  keep();
  return { entry, row };
}

function rowOf({ kind, text, more, time, acked }) {
  return element('li', { 'data-kind': kind, 'data-acked': acked != null },
    element('span', { class: 'sign', 'aria-hidden': 'true' }, SIGNS[kind]),
    element('span', {}, text, more ? element('small', {}, more) : null),
    element('span', { class: 'time' }, acked != null ? `${acked} ms` : time));
}

function keep() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ entries, member, facts }));
  } catch { /* private mode: the log lives as long as the page */ }
}

/** Another visitor: nothing that is shown holds any more. */
export function forgetLog() {
  [entries, member, facts, decision] = [[], [], null, null];
  sent.clear();
  find('[data-log]').replaceChildren();
  find('[data-brief]').textContent = 'Nothing yet: open a product.';
  keep();
  drawSegments([]);
  drawFacts();
}

// --- What the engine says -------------------------------------------------------------------------------------------

function changed(frame) {
  connection('live', 'live');
  const { event, profile, entered = [], left = [], segments } = frame;
  const waiting = event && sent.get(event.messageId);
  if (waiting) {
    sent.delete(event.messageId);
    waiting.entry.acked = Math.max(1, Math.round(performance.now() - waiting.at));
    const row = rowOf(waiting.entry);
    waiting.row.replaceWith(row);
  } else if (event) {
    note('event', event.name, BY_SNIPPET);
  }
  for (const slug of entered) note('entered', `Entered ${segmentName(slug)}`, segmentWords(slug));
  for (const slug of left) note('left', `Left ${segmentName(slug)}`, event ? segmentWords(slug) : 'its time is over; no event was needed');
  if (segments) member = segments;
  else member = [...member.filter((slug) => !left.includes(slug)), ...entered];
  if (profile) {
    const before = facts;
    facts = profile;
    drawFacts(before);
  }
  drawSegments(entered);
  drawWhy(false);
  keep();
}

function decided(answer) {
  if (answer.slot !== HERO) return;
  const first = decision === null;
  const other = !first && (decision.rule !== answer.rule || decision.reason !== answer.reason);
  decision = answer;
  drawWhy(other);
  if (!other) return;
  const text = answer.rule ? `Banner: ${ruleOf(answer.rule).name}` : 'Banner: the page’s own';
  note('banner', text, answer.segments ? `because of ${answer.segments.map(segmentName).join(', ')}` : '');
  find('[data-announce]').textContent = `The banner changed. ${reasonWords(answer)}`;
  tellWhenOutOfSight();
}

function tellWhenOutOfSight() {
  const hero = find(`pz-slot[name="${HERO}"]`);
  const { bottom } = hero.getBoundingClientRect();
  if (bottom < 140) toast('The banner above has just changed.', 'Show me', () => scrollTo({ top: 0, behavior: 'smooth' }));
}

function reasonWords({ reason, segments = [] }) {
  const words = segments.map((slug) => segmentWords(slug) || `is in ${segmentName(slug)}`).join(' and ');
  if (reason === 'rule_matched' && words) return `Because ${/^(did|is|viewed|bought|added|removed|started) /.test(words) ? 'this visitor ' : ''}${words}`;
  if (reason === 'rule_matched') return 'A rule for everybody holds';
  if (reason === 'no_rule_matched') return 'No rule holds for this visitor, so the page keeps its own banner';
  if (reason === 'timeout') return 'The answer came too late, so the page keeps its own banner';
  return `The engine answered ${reason}`;
}

// --- Drawing ----------------------------------------------------------------------------------------------------------

function drawWhy(fresh) {
  if (!decision) return;
  const box = find('[data-why]');
  const rule = decision.rule ? ruleOf(decision.rule) : null;
  const also = Object.values(meanings.rules).filter((each) => each.slot === HERO && each !== rule
    && each.segments.length && each.segments.every((slug) => member.includes(slug)));
  box.replaceChildren(
    element('p', { class: 'why-title' }, rule ? rule.name : 'The page’s own banner'),
    element('p', {}, `${reasonWords(decision)}.`),
    decision.segments && decision.segments.length ? element('ul', { class: 'tags' }, ...decision.segments.map((slug) => element('li', { class: 'tag' }, segmentName(slug)))) : '',
    also.length ? element('p', { class: 'why-also' }, `Also true, but of lower priority: ${also.map((each) => each.name).join(', ')}.`) : '',
    element('p', { class: 'why-also' }, `Book ${decision.book} · ${decision.reason}`),
  );
  box.classList.remove('fresh');
  if (fresh) {
    void box.offsetWidth; // starts the animation again
    box.classList.add('fresh');
  }
}

function drawSegments(fresh) {
  const rows = member.map((slug) => element('li', { class: fresh.includes(slug) ? 'tag fresh' : 'tag', title: segmentWords(slug) }, segmentName(slug)));
  find('[data-segments]').replaceChildren(...(rows.length ? rows : [element('li', { class: 'muted' }, 'None yet')]));
}

function drawFacts(before) {
  const flat = flatten(facts);
  const known = flatten(before);
  find('[data-facts-empty]').hidden = flat.size > 0;
  find('[data-facts]').replaceChildren(...[...flat].flatMap(([name, value]) => [
    element('dt', {}, name),
    element('dd', before && known.get(name) !== value ? { class: 'fresh' } : {}, value),
  ]));
}

function flatten(profile) {
  const flat = new Map();
  if (!profile) return flat;
  if (profile.userId) flat.set('user id', profile.userId);
  for (const [name, value] of Object.entries(profile.traits || {})) flat.set(name, String(value));
  for (const [name, count] of Object.entries(profile.events || {})) flat.set(name, `${count} ×`);
  return flat;
}

function connection(state, text) {
  const line = find('[data-connection]');
  line.dataset.state = state;
  line.firstElementChild.textContent = text;
}

// --- Start --------------------------------------------------------------------------------------------------------------

function restore() {
  try {
    ({ entries = [], member = [], facts = null } = JSON.parse(sessionStorage.getItem(KEY)) || {});
  } catch { /* nothing kept, or nothing readable */ }
  find('[data-log]').replaceChildren(...entries.map(rowOf));
  drawSegments([]);
  drawFacts();
}

export function preparePanel() {
  restore();
  if (!find(`pz-slot[name="${HERO}"]`)) find('[data-why]').firstElementChild.textContent = 'This page has no banner.';
  listen(({ id, name, about, at }) => sent.set(id, { at, ...note('event', name, about) }));
  const hear = {
    decision: (answer) => { connection('live', 'live'); decided(answer); },
    changed,
    refused: ({ reason, message }) => note('refused', `Refused: ${reason}`, message),
  };
  for (const [name, detail] of window.demoEarly) hear[name](detail);
  window.demoEarly = null;
  for (const name of Object.keys(hear)) document.addEventListener(`pz:${name}`, ({ detail }) => hear[name](detail));
  addEventListener('offline', () => connection('lost', 'offline'));
  addEventListener('online', () => connection('waiting', 'connecting'));
  const toggle = find('[data-panel-toggle]');
  toggle.addEventListener('click', () => {
    const open = find('[data-panel]').classList.toggle('open');
    toggle.setAttribute('aria-expanded', String(open));
  });
}
