/** What was, to go back to. Pure. Changes with the same key, one after the other, are taken back at once. */

const MOST = 200;

export class History {
  constructor(state) {
    this.states = [state];
    this.at = 0;
    this.key = null;
  }

  get state() {
    return this.states[this.at];
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.states.length - 1;
  }

  push(state, key = null) {
    if (state === this.state) return;
    const goesOn = key !== null && key === this.key && this.canUndo && !this.canRedo;
    this.states.length = goesOn ? this.at : this.at + 1;
    this.states.push(state);
    if (this.states.length > MOST) this.states.shift();
    this.at = this.states.length - 1;
    this.key = key;
  }

  undo() {
    if (this.canUndo) this.at -= 1;
    this.key = null;
    return this.state;
  }

  redo() {
    if (this.canRedo) this.at += 1;
    this.key = null;
    return this.state;
  }
}
