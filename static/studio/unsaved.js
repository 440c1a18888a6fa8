/**
 * Asks before one leaves a form with changes that are not saved. Editors that write into a field say `input` on it.
 *
 *   <form data-unsaved>  <form data-unsaved data-unsaved-now> (was refused: still not saved)
 */

for (const form of document.querySelectorAll('form[data-unsaved]')) {
  const read = () => new URLSearchParams([...new FormData(form)].filter(([name, value]) => typeof value === 'string' && name !== 'csrfmiddlewaretoken')).toString();
  let saved = null;
  let isSending = false;
  // Editors fill their field once they are there: what it says before anybody touches it is what is saved.
  form.addEventListener('focusin', () => { saved ??= read(); });
  form.addEventListener('submit', () => { isSending = true; });
  addEventListener('pageshow', () => { isSending = false; });
  addEventListener('beforeunload', event => {
    if (isSending || (!('unsavedNow' in form.dataset) && (saved === null || saved === read()))) return;
    event.preventDefault();
  });
}
