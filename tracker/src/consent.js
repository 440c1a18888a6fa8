/** The state of consent. Only `granted` may touch the cookie or the storage. What a change brings is in visitor.js. */

import { option, visit } from './script.js';

export let consent;

const optedOut = () => navigator.globalPrivacyControl && option.gpc !== 'ignore'
  || navigator.doNotTrack === '1' && option.dnt === 'respect';

/** Tells whether the state has changed. */
export function changeConsent(state) {
  if (optedOut()) state = 'denied';
  if (visit) state = 'pending'; // whoever visits as somebody does nothing in their name, and keeps a cookie of their own
  if (state === consent || !/^(pending|granted|denied)$/.test(state)) return false;
  consent = state;
  return true;
}
