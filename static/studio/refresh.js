/**
 * Asks for a part again and again while the page is looked at: triggers `refresh` on it every so many seconds.
 *
 *   <li data-refresh="5" hx-get="…" hx-trigger="refresh">
 */

setInterval(() => {
  if (document.visibilityState !== 'visible') return;
  const now = Date.now();
  for (const each of document.querySelectorAll('[data-refresh]')) {
    each.refreshedAt ??= now;
    if (now - each.refreshedAt < each.dataset.refresh * 1_000) continue;
    each.refreshedAt = now;
    htmx.trigger(each, 'refresh');
  }
}, 500);
