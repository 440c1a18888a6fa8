/**
 * Asks before one leaves a form with changes that are not saved. Editors that write into a field say `input` on it.
 *
 *   <form data-save> <p data-refused>… (it was not saved: nothing of it is)
 */

for (const form of document.querySelectorAll('form[data-save]')) {
  const read = () => new URLSearchParams([...new FormData(form)].filter(([name, value]) => typeof value === 'string' && name !== 'csrfmiddlewaretoken')).toString();
  const isRefused = form.querySelector('[data-refused]') !== null;
  let saved = null;
  let isSending = false;
  // Editors fill their field once they are there: what it says before anybody touches it is what is saved.
  form.addEventListener('focusin', () => { saved ??= read(); });
  form.addEventListener('submit', () => { isSending = true; });
  addEventListener('pageshow', () => { isSending = false; });
  addEventListener('beforeunload', event => {
    if (!isSending && (isRefused || (saved !== null && saved !== read()))) event.preventDefault();
  });
}
