/**
 * Looks again every few seconds, while the page is seen, nobody reads in it with the keyboard, and it is not paused.
 *
 *   <button data-follow-pause aria-pressed="false">…</button>
 *   <div data-follow="3000" hx-get="…" hx-trigger="follow">…</div>
 */

const pause = document.querySelector('[data-follow-pause]');
let last = Date.now();

pause?.addEventListener('click', () => {
  const paused = pause.getAttribute('aria-pressed') !== 'true';
  pause.setAttribute('aria-pressed', paused);
});

setInterval(() => {
  const element = document.querySelector('[data-follow]');
  if (!element || document.hidden || pause?.getAttribute('aria-pressed') === 'true') return;
  if (Date.now() - last < Number(element.dataset.follow) || element.contains(document.activeElement)) return;
  last = Date.now();
  htmx.trigger(element, 'follow');
}, 500);
