/** Beside the editor: how many match, who they are, who would come and go, why one person matches, and as of when. */

import { combobox } from './combobox.js';
import { h, percent, say } from './dom.js';
import { about, post } from './figures.js';

const SVG = 'http://www.w3.org/2000/svg';
const SEARCH_MS = 250;
const WHO_MS = 600; // after the figures: who they are is asked for when somebody stopped typing

export function bindAside(box, { ask, condition }) {
  const aside = document.querySelector('[data-condition-aside]');
  if (!aside) return null;
  const part = name => aside.querySelector(`[data-aside-${name}]`);
  let person = null;
  let sample = [];
  let isDrawn = false;
  let asked = '';
  let timer = null;

  const asks = () => ({ at: part('at')?.value || null, person: person?.id ?? null });

  part('at')?.addEventListener('change', () => {
    part('now').hidden = !part('at').value;
    ask(0);
  });
  part('now')?.addEventListener('click', () => {
    part('at').value = '';
    part('now').hidden = true;
    part('at').focus();
    ask(0);
  });

  async function findPeople(typed) {
    if (typed.trim().length < 2) return sample.map(offer);
    await new Promise(resolve => setTimeout(resolve, SEARCH_MS));
    const answer = await fetch(`${aside.dataset.people}?${new URLSearchParams({ q: typed })}`).catch(() => null);
    return answer?.ok ? (await answer.json()).people.map(offer) : [];
  }
  const offer = each => ({ value: each.id, label: each.name, hint: each.hint, person: each });

  function drawChooser() {
    if (!part('person')) return;
    part('person').replaceChildren(combobox({
      id: `${box.id}-person`, label: gettext('Person'), placeholder: gettext('User id, e-mail, trait…'), options: findPeople,
      onPick: (_, option) => {
        person = option.person;
        ask(0);
      },
    }));
  }

  function show(answer) {
    aside.toggleAttribute('data-waiting', !answer);
    if (!answer) return;
    if (!isDrawn) drawChooser();
    isDrawn = true;
    const failed = 'failed' in answer;
    part('failed').hidden = !failed && answer.counted !== false;
    part('failed').textContent = failed ? gettext('The figures are not available just now.') : gettext('Counting took too long. Saving and publishing work all the same.');
    const total = answer.total ?? null;
    part('total').textContent = total === null ? '–' : about(total, answer.margin);
    part('total').title = answer.margin ? interpolate(gettext('give or take %s'), [say(answer.margin)]) : '';
    const share = total / answer.people || 0;
    part('share').textContent = total === null ? '' : answer.share ?? interpolate(answer.visits?.length ? gettext('at most %s of %s people, by the visit') : gettext('%s of %s people'), [percent(share), say(answer.people)]);
    part('bar').value = Math.min(share, 1);
    part('partial').hidden = !answer.left_out;
    drawReasons(answer);
    clearTimeout(timer);
    if (total !== null) timer = setTimeout(askWho, isDrawn && asked ? WHO_MS : 0);
  }

  function drawReasons(answer) {
    const place = part('reasons');
    if (!place) return;
    const reasons = person && answer.reasons ? answer.reasons : [];
    place.replaceChildren(...reasons.map(each => h(
      'li',
      { class: `flex gap-2 ${each.depth ? 'condition-reason' : ''}`, 'data-depth': each.depth },
      h('span', { class: each.matched ? 'text-success' : 'quiet', 'aria-hidden': 'true' }, each.matched === null ? '–' : each.matched ? '✔' : '✘'),
      h('span', { class: 'min-w-0 break-words' }, h('span', { class: 'sr-only' }, each.matched === null ? '' : each.matched ? gettext('Yes: ') : gettext('No: ')), each.said, each.needs && h('span', { class: 'quiet' }, ` ${each.needs}`)),
    )));
    part('answer').textContent = !person ? '' : answer.unknown ? gettext('Nothing is known of that person.') : !answer.reasons ? '' : answer.withheld ?? (answer.matched === null ? gettext('It depends on the visit.') : answer.matched ? gettext('This person matches.') : gettext('This person does not match.'));
  }

  async function askWho() {
    const question = JSON.stringify({ condition: condition(), about: box.dataset.about, slug: box.dataset.slug, at: asks().at });
    if (question === asked) return;
    asked = question;
    const [status, answer] = await post(aside.dataset.who, question);
    if (question !== asked) return;
    if (status === 429) {
      asked = '';
      timer = setTimeout(askWho, WHO_MS);
      return;
    }
    drawWho(answer ?? {});
  }

  function drawWho(answer) {
    sample = answer.sample ?? [];
    const list = part('sample');
    if (list) {
      list.replaceChildren(...sample.map(each => h('li', { class: 'flex gap-2 justify-between items-baseline' }, h('a', { class: 'link link-hover min-w-0 truncate', href: each.url, title: each.name }, each.name), h('span', { class: 'quiet text-sm shrink-0 whitespace-nowrap' }, each.hint))));
      part('nobody').hidden = sample.length > 0;
      part('nobody').textContent = answer.nobody;
    }
    part('changes').hidden = !answer.changes;
    if (answer.changes) {
      part('enter').textContent = say(answer.changes.enter);
      part('leave').textContent = say(answer.changes.leave);
    }
    part('size').replaceChildren(...(answer.size ? [drawLine(answer.size)] : []));
  }

  function drawLine({ width, height, line, area, said }) {
    const svg = document.createElementNS(SVG, 'svg');
    const set = (element, attributes) => Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    set(svg, { viewBox: `0 0 ${width} ${height}`, class: 'condition-size', role: 'img', 'aria-label': said, preserveAspectRatio: 'none' });
    for (const [name, points] of [['polygon', area], ['polyline', line]]) {
      const shape = document.createElementNS(SVG, name);
      set(shape, { points });
      svg.append(shape);
    }
    return svg;
  }

  return { asks, show };
}
