/** Makes elements: `h('button', { class: 'btn', onclick: act }, icon('plus'), 'Add')`. */

let icons = '';

export function useIcons(address) {
  icons = address;
}

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false && child !== ''));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `${icons}#${name}`);
  svg.append(use);
  return svg;
}

export const button = (label, name, act, more = {}) =>
  h('button', { type: 'button', class: 'btn btn-ghost btn-xs btn-square', 'aria-label': label, title: label, onclick: act, ...more }, icon(name));

/** Draws anew and gives the focus, and the caret, back to the element of the same id. */
export function keepFocus(draw) {
  const before = document.activeElement;
  const id = before?.id;
  const caret = before && 'selectionStart' in before ? [before.selectionStart, before.selectionEnd] : null;
  draw();
  const after = id && document.getElementById(id);
  if (!after || after === document.activeElement) return;
  after.focus({ preventScroll: true });
  if (caret?.[0] !== null && caret?.[0] !== undefined && after.setSelectionRange) {
    try {
      after.setSelectionRange(...caret);
    } catch {
      // a field that has no caret
    }
  }
}

const language = () => document.documentElement.lang || 'en-GB';
export const say = number => (isNaN(number) ? number : new Intl.NumberFormat(language()).format(number));
export const percent = share => new Intl.NumberFormat(language(), { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share);
