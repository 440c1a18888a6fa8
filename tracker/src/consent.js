/** The state of consent. Only `granted` may touch the cookie or the storage. What a change brings is in visitor.js. */

import { option } from './script.js';

export let consent;

const optedOut = () => navigator.globalPrivacyControl && option.gpc !== 'ignore'
  || navigator.doNotTrack === '1' && option.dnt === 'respect';

/** Tells whether the state has changed. */
export function changeConsent(state) {
  if (optedOut()) state = 'denied';
  if (state === consent || !/^(pending|granted|denied)$/.test(state)) return false;
  consent = state;
  return true;
}
