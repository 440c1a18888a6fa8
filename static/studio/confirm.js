/**
 * Asks before something that cannot be taken back.
 *
 *   <form method="post" data-confirm="Remove “Gold plan”?" data-confirm-yes="Remove">
 *   <button hx-post="…" hx-confirm="Cancel the upload?">
 */

const dialog = document.querySelector('#confirm');
const yes = dialog.querySelector('[data-confirm-yes]');
const YES = yes.textContent;

function ask(question, label) {
  dialog.querySelector('#confirm-question').textContent = question;
  yes.textContent = label || YES;
  dialog.returnValue = 'no';
  dialog.showModal();
  yes.focus();
  return new Promise(resolve => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

document.addEventListener('submit', async event => {
  const form = event.target;
  const button = event.submitter;
  const asked = button?.dataset.confirm ?? form.dataset.confirm;
  if (!asked || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await ask(asked, button?.dataset.confirmYes ?? form.dataset.confirmYes))) return;
  form.dataset.confirmed = 'yes';
  form.requestSubmit(button);
  delete form.dataset.confirmed;
}, true);

document.addEventListener('htmx:confirm', async event => {
  if (!event.detail.question) return;
  event.preventDefault();
  if (await ask(event.detail.question, event.target.dataset?.confirmYes)) event.detail.issueRequest(true);
});
