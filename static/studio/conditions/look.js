/**
 * Asks the server while somebody types: once they pause, one question at a time, and only the newest answer counts.
 *
 *   const looks = new Looks(address, { onAnswer, onWait, onFail });
 *   looks.ask({ condition: …, slug: …, at: …, person: … });
 */

const PAUSE_MS = 300;
const AGAIN_MS = 1_000; // after the server said that it still works on an earlier question
const PATIENCE_MS = 20_000;

export class Looks {
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
