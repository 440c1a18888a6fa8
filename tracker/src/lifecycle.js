/** What the browser tells of the network, and of the page being left and coming back from the back/forward cache. */

import { hooks } from './hooks.js';
import { option, pz } from './script.js';
import { lose, resume, retryNow, socket, suspend } from './transport.js';

export function followLifecycle() {
  addEventListener('online', retryNow);
  addEventListener('offline', () => socket && lose());
  addEventListener('pagehide', suspend);
  addEventListener('pageshow', event => {
    if (!event.persisted) return;
    resume();
    if (option.page !== 'manual') pz.page();
    hooks.decideAgain();
  });
}
