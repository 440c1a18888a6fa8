/** What can be asked about: events, traits, audiences and the like, and the values they mostly have. Asked once each. */

import { among } from './combobox.js';

const EMPTY = { events: [], traits: [], segments: [], clusters: [], scores: [], lookalikes: [], properties: {} };

export class Facts {
  constructor({ facts, values }) {
    this.addresses = { facts, values };
    this.known = EMPTY;
    this.values = new Map();
    this.asked = new Set();
    this.coming = null;
  }

  /** Everything but properties, and those of `events`. */
  async load(events) {
    const fresh = events.filter(name => name && !this.asked.has(name));
    if (!fresh.length && this.known !== EMPTY) return false;
    fresh.forEach(name => this.asked.add(name));
    const query = new URLSearchParams(fresh.map(name => ['event', name]));
    if (this.known !== EMPTY) query.set('only', 'properties');
    this.coming = ask(`${this.addresses.facts}?${query}`);
    const found = await this.coming;
    if (!found) return false;
    this.known = { ...this.known, ...found, properties: { ...this.known.properties, ...found.properties } };
    return true;
  }

  /** Options for a combobox, out of what is known once it has come: one may type before that. */
  offer(listOf) {
    return async typed => {
      await this.coming;
      return among(listOf(this))(typed);
    };
  }

  propertiesOf(event) {
    return this.known.properties[event] ?? [];
  }

  typeOfProperty(event, path) {
    return this.propertiesOf(event).find(each => each.value === path)?.type;
  }

  typeOfTrait(name) {
    return this.known.traits.find(each => each.value === name)?.type;
  }

  nameOfSegment(slug) {
    return this.known.segments.find(each => each.value === slug)?.label ?? slug;
  }

  /** The values that people mostly have there, the most frequent first. */
  async valuesOf(place) {
    const key = JSON.stringify(place);
    if (!this.values.has(key)) this.values.set(key, ask(`${this.addresses.values}?${new URLSearchParams(place)}`));
    const found = await this.values.get(key);
    if (!found) this.values.delete(key);
    return found?.values ?? [];
  }
}

async function ask(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: 'application/json' } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // without them one types
  }
}
