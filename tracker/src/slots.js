/** Slots: `<pz-slot name timeout swap>` and `data-pz-slot`. */

import { decisionFor, forgetDecisions, noteDecisions } from './decisions.js';
import { emit } from './events.js';
import { hooks } from './hooks.js';
import { parse } from './safe-html.js';
import { pz } from './script.js';

const slots = new WeakMap(); // element -> {name, live, turn, shown, original, decision, timer}
const live = new Set();

const setting = (element, name) => element.getAttribute(name) || element.getAttribute('data-' + name);
const isVisible = element => getComputedStyle(element).visibility === 'visible';

hooks.mountAll = () => document.querySelectorAll('[data-pz-slot]').forEach(element => mount(element));

hooks.decideAgain = () => {
  forgetDecisions();
  living().forEach(fill);
};

const living = () => [...live].filter(element => element.isConnected || !live.delete(element));

hooks.forgetDecisions = forgetDecisions;

hooks.isLive = name => living().some(element => slots.get(element).name === name);

hooks.redecide = answer => {
  noteDecisions(answer);
  living().forEach(element => slots.get(element).name in answer.slots && fill(element));
};

/** `fresh`: the element has just been inserted, so nobody can have seen its default content. */
export function mount(element, fresh) {
  const name = element.dataset.pzSlot || element.getAttribute('name');
  if (!name || slots.has(element)) return;
  const slot = { name, live: setting(element, 'swap') === 'live', turn: 0 };
  slots.set(element, slot);
  element.addEventListener('click', event => {
    if (!slot.decision) return;
    const link = event.target.closest('a[href]');
    emit(element, 'click', slot.decision);
    report('Block Clicked', slot.decision, { href: link ? link.href : undefined });
  });
  if (slot.live) live.add(element);
  if (element.dataset.state) { // rendered by the server
    if (element.dataset.decision) watch(element, JSON.parse(element.dataset.decision));
    return;
  }
  const painted = !fresh && isVisible(element) && performance.getEntriesByType('paint').length;
  if (painted && !slot.live) return settle(element, 'timeout');
  if (!slot.live) element.style.visibility = 'hidden'; // for pages without the stylesheet
  setTimeout(() => element.dataset.state || settle(element, 'timeout'), +(setting(element, 'timeout') || 600));
  fill(element);
}

async function fill(element) {
  const slot = slots.get(element), turn = ++slot.turn;
  const decision = await decisionFor(slot.name);
  // The parser would append the rest of the default content to ours.
  if (document.readyState === 'loading' && !element.nextSibling) {
    await new Promise(resolve => document.addEventListener('DOMContentLoaded', resolve));
  }
  if (turn !== slot.turn) return;
  if (!slot.live) {
    if (element.dataset.state) return; // too late
    if (isVisible(element)) return settle(element, 'timeout'); // the stylesheet's failsafe was faster
  }
  if (!decision || !decision.reason) return settle(element, 'error');
  const { reason, block } = decision;
  let state = /^(timeout|holdout)$/.test(reason) ? reason : /unknown|failed/.test(reason) ? 'error' : 'default';
  if (reason === 'rule_matched') state = 'personalized';
  emit(element, 'decision', decision);
  const shown = state + JSON.stringify(block);
  if (shown === slot.shown) return; // a live slot whose answer stayed the same
  slot.shown = shown;
  try {
    render(element, slot, block && block.html);
  } catch (forbidden) {
    console.warn('pz: block not shown', forbidden);
    state = 'error';
  }
  settle(element, state);
  watch(element, state !== 'error' && (block || state === 'holdout') && decision);
  emit(element, 'rendered', { ...decision, state });
}

function settle(element, state) {
  element.dataset.state = state;
  element.style.visibility = '';
}

function render(element, slot, html) {
  if (html == null && !slot.original) return;
  slot.original = slot.original || [...element.childNodes];
  if (html == null) element.replaceChildren(...slot.original);
  else element.replaceChildren(parse(html));
}

// By the public method, which a page may have wrapped.
const report = (event, { decisionId, slot, rule, block }, more) => pz.track(event, {
  decisionId, slot, rule, block: block ? block.slug : undefined, ...more,
});

const impressions = new IntersectionObserver(entries => entries.forEach(({ target, intersectionRatio }) => {
  const slot = slots.get(target);
  clearTimeout(slot.timer);
  if (intersectionRatio < 0.5) return;
  slot.timer = setTimeout(() => {
    impressions.unobserve(target);
    if (document.hidden) impressions.observe(target);
    else report('Block Viewed', slot.decision);
  }, 1000);
}), { threshold: 0.5 });

function watch(element, decision) {
  slots.get(element).decision = decision;
  impressions.unobserve(element);
  if (decision) impressions.observe(element);
}
