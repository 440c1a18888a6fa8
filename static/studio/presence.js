/** Leaves the page's seat when it is closed, so that nobody is said to edit what they have left (see studio.presence). */

addEventListener('pagehide', () => {
  for (const each of document.querySelectorAll('[data-presence-leave]')) {
    const form = new FormData();
    form.append('csrfmiddlewaretoken', JSON.parse(document.body.getAttribute('hx-headers'))['X-CSRFToken']);
    navigator.sendBeacon(each.dataset.presenceLeave, form);
  }
});
