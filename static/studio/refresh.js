/**
 * Asks for a part again and again while the page is looked at: `refresh` on it every so many seconds. With a button to
 * pause it, it also rests while somebody is in it with the keyboard. What a page asks for without anybody's doing says
 * so, as it does not keep a session alive (studio/sessions.py).
 *
 *   <div data-refresh="3" data-refresh-pause="#pause" hx-get="…" hx-trigger="refresh">
 *   <button id="pause" aria-pressed="false">…</button>
 */

const LOOK_MS = 500;

document.addEventListener('click', event => {
  for (const each of document.querySelectorAll('[data-refresh-pause]')) {
    const button = event.target.closest(each.dataset.refreshPause);
    button?.setAttribute('aria-pressed', button.getAttribute('aria-pressed') !== 'true');
  }
});

document.addEventListener('htmx:configRequest', event => {
  const by = event.detail.triggeringEvent;
  if (!by || ['load', 'refresh', 'news'].includes(by.type)) event.detail.headers['X-By-Itself'] = '1';
});

function rests(part) {
  const pause = part.dataset.refreshPause;
  return pause && (document.querySelector(`${pause}[aria-pressed=true]`) || part.contains(document.activeElement));
}

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  for (const each of document.querySelectorAll('[data-refresh]')) {
    each.refreshedAt ??= now;
    if (now - each.refreshedAt < each.dataset.refresh * 1_000 || rests(each)) continue;
    each.refreshedAt = now;
    each.dispatchEvent(new CustomEvent('refresh'));
  }
}, LOOK_MS);
