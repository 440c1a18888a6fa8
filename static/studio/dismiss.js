/**
 * Takes away what somebody has read; of toasts, those that are no errors go by themselves.
 *
 *   <div data-toast>… <button data-dismiss="[data-toast]">×</button></div>
 */

const STAY_MS = 8_000;

document.addEventListener('click', event => {
  const button = event.target.closest('[data-dismiss]');
  if (button) button.closest(button.dataset.dismiss)?.remove();
});

function leave(toast) {
  setTimeout(() => (toast.matches(':hover, :focus-within') ? leave(toast) : toast.remove()), STAY_MS);
}

export function toast(text, level = 'info') {
  const box = document.createElement('div');
  box.className = `alert alert-${level} max-w-md whitespace-normal`;
  box.dataset.toast = '';
  if (level === 'error') box.role = 'alert';
  box.textContent = text;
  document.querySelector('#toasts').append(box);
  leave(box);
}

for (const each of document.querySelectorAll('[data-toast]:not([role=alert])')) leave(each);

document.addEventListener('htmx:responseError', event => {
  toast(event.detail.xhr.status === 403 ? gettext('Your role does not go that far.') : gettext('That did not work. Try again.'), 'error');
});
document.addEventListener('htmx:sendError', () => toast(gettext('The server does not answer. Try again in a moment.'), 'error'));
