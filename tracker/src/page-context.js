/** What an event and a question say about the page. */

let pageUrl = location.href, referrer = document.referrer;

/** Tells whether the address has changed since the last page view; the previous one becomes the referrer. */
export function moveOn() {
  const moved = pageUrl !== location.href;
  if (moved) [referrer, pageUrl] = [pageUrl, location.href];
  return moved;
}

export function context() {
  let campaign;
  for (const [key, value] of new URLSearchParams(location.search)) {
    const name = key === 'utm_campaign' ? 'name' : key.slice(4);
    if (key.startsWith('utm_')) campaign = { ...campaign, [name]: value };
  }
  return {
    page: {
      path: location.pathname, search: location.search, url: location.href.split('#')[0], title: document.title,
      referrer,
    },
    campaign,
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    userAgent: navigator.userAgent,
    library: { name: 'pz.js', version: VERSION }, // put in by build.js
  };
}
