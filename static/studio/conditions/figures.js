/** Figures at the rows, what they lack, what was found of the chosen person, and the condition in words. */

import { h, icon, say } from './dom.js';

const PAUSE_MS = 300;
const AGAIN_MS = 1_000; // after the server said that it still works on an earlier question
const PATIENCE_MS = 20_000;

export function about(people, margin) {
  return margin ? interpolate(gettext('about %s'), [say(people)]) : say(people);
}

export function bindFigures(box, { lackings, onAnswer }) {
  const part = name => box.querySelector(`[data-condition-${name}]`);
  let answer = {};

  function paint() {
    const lacking = lackings();
    const marks = answer.marks ?? {};
    for (const place of box.querySelectorAll('[data-count]')) {
      const id = place.dataset.count;
      const [people, margin] = lacking.get(id) ? [] : answer.nodes?.[id] ?? [];
      const said = people === undefined ? (answer.visits?.includes(id) ? gettext('by visit') : '') : about(people, margin);
      const mark = marks[id];
      place.replaceChildren(...(mark ? [h('span', { class: mark.matched ? 'text-success' : 'quiet', title: mark.found }, mark.matched ? '✔' : '✘', h('span', { class: 'sr-only' }, mark.matched ? gettext('matches') : gettext('does not match')))] : []), said);
      place.title = said && margin ? interpolate(gettext('give or take %s'), [say(margin)]) : gettext('people of whom this row alone is true');
    }
    for (const place of box.querySelectorAll('[data-note]')) place.replaceChildren(...notes(place.dataset.note, lacking));
  }

  function notes(id, lacking) {
    const missing = lacking.get(id);
    if (missing) return [h('p', { class: 'condition-lacks' }, missing)];
    const problems = (answer.problems ?? []).filter(each => each.node === id);
    const warnings = (answer.warnings ?? []).filter(each => each.node === id);
    return [
      ...problems.map(each => h('p', { class: 'text-error' }, icon('circle-alert'), each.message)),
      ...warnings.map(each => h('p', {}, icon('triangle-alert'), each.message, each.url && h('a', { class: 'link', href: each.url }, gettext('Open the catalogue')))),
    ];
  }

  function sayWords() {
    const words = part('words');
    words.hidden = !answer.words?.length;
    words.replaceChildren(h('strong', { class: 'font-semibold' }, gettext('In words:')), ' ', ...(answer.words ?? []).map(([said, isJoint]) => (isJoint ? h('em', {}, said) : said)), '.');
    const general = (answer.problems ?? []).filter(each => !lackings().has(each.node));
    part('general').replaceChildren(...general.map(each => h('li', {}, each.message)));
  }

  const looks = new Looks(box.dataset.look, {
    onWait: () => {
      box.dataset.waiting = '';
      onAnswer(null);
    },
    onAnswer: found => {
      delete box.dataset.waiting;
      answer = found;
      paint();
      sayWords();
      onAnswer(found);
    },
    onFail: status => {
      delete box.dataset.waiting;
      answer = {};
      paint();
      onAnswer({ failed: status });
    },
  });
  return { paint, ask: (question, pause) => looks.ask(question, pause), get answer() { return answer; } };
}

/** Asks the server while somebody types: once they pause, one question at a time, and only the newest answer counts. */
class Looks {
  constructor(address, { onAnswer, onWait, onFail }) {
    Object.assign(this, { address, onAnswer, onWait, onFail });
    this.wanted = null;
    this.isBusy = false;
    this.timer = null;
  }

  ask(question, pause = PAUSE_MS) {
    this.wanted = JSON.stringify(question);
    this.onWait();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), pause);
  }

  async send() {
    if (this.isBusy) return;
    this.isBusy = true;
    const asked = this.wanted;
    const [status, answer] = await post(this.address, asked);
    this.isBusy = false;
    if (asked !== this.wanted) this.send();
    else if (status === 429) this.timer = setTimeout(() => this.send(), AGAIN_MS);
    else if (status === 200) this.onAnswer(answer);
    else this.onFail(status);
  }
}

export async function post(address, body) {
  const token = JSON.parse(document.body.getAttribute('hx-headers') ?? '{}')['X-CSRFToken'];
  try {
    const answer = await fetch(address, {
      method: 'POST', body, signal: AbortSignal.timeout(PATIENCE_MS),
      headers: { 'Content-Type': 'application/json', 'X-CSRFToken': token ?? '' },
    });
    return [answer.status, answer.status === 200 ? await answer.json() : null];
  } catch {
    return [0, null];
  }
}
