/** pz.js: events, decisions and slots of a web page. Manual: docs/reference/snippet.md. */

import { askAll, askSoon } from './decisions.js';
import { emit } from './events.js';
import { followLifecycle } from './lifecycle.js';
import { methods } from './methods.js';
import { createPolicy } from './safe-html.js';
import { mayStart, option, pz } from './script.js';
import { mount } from './slots.js';
import { showVisitBar } from './visit-bar.js';
import { setConsent } from './visitor.js';

function start() {
  const calls = pz.splice(0);
  const [, chosen] = calls.filter(([name, state]) => name === 'consent' && typeof state === 'string').pop() || [];
  setConsent(chosen || option.consent || 'granted');
  if (option.page !== 'manual' && !calls.some(call => call[0] === 'page')) pz.page();
  calls.forEach(pz.push);
  let upgrading = true; // define() upgrades what the page holds already
  customElements.define('pz-slot', class extends HTMLElement {
    connectedCallback() {
      mount(this, !upgrading);
    }
  });
  upgrading = false;
  document.addEventListener('DOMContentLoaded', askAll);
  document.readyState === 'loading' ? document.addEventListener('DOMContentLoaded', showVisitBar) : showVisitBar();
  askSoon();
  emit(document, 'ready');
}

if (mayStart) {
  pz.initialized = true;
  createPolicy();
  followLifecycle();
  Object.assign(pz, methods);
  if (document.prerendering) document.addEventListener('prerenderingchange', start, { once: true });
  else start();
}
