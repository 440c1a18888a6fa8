/** Who the visitor is: the anonymousId in the cookie, the userId in the storage. To be called with consent only. */

import { option } from './script.js';
import { box, store } from './storage.js';
import { uuid } from './uuid.js';

const USER = 'pz:user', LIFETIME = 180 * 86400;

let spareId; // where cookies are refused, the id lives as long as the page

function writeCookie(value, seconds) {
  document.cookie = `pz_id=${value}; path=/; max-age=${seconds}; samesite=lax`
    + (location.protocol === 'https:' ? '; secure' : '') + (option.domain ? '; domain=' + option.domain : '');
}

const readCookie = () => (document.cookie.match(/(?:^|; )pz_id=([^;]+)/) || [])[1];

export function anonymousId() {
  let id = readCookie();
  if (!id) writeCookie(id = spareId = spareId || uuid(), LIFETIME);
  return id;
}

/** The cookie lasts from the last page, not from the first. */
export const prolongAnonymousId = () => writeCookie(anonymousId(), LIFETIME);
export const replaceAnonymousId = () => writeCookie(spareId = uuid(), LIFETIME);
export const forgetAnonymousId = () => writeCookie(spareId = '', 0);

export const userId = () => box[USER];
export const storeUserId = id => store(USER, id);
export const forgetUserId = () => delete box[USER];
