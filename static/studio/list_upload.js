/**
 * Sends a form with a file in the background, says how far it is, and lets one cancel it while it is on its way.
 *
 *   <form data-upload data-most="200000000" enctype="multipart/form-data"> <input type="file">
 *     <div data-upload-progress hidden><label data-upload-says></label><progress></progress></div>
 *     <button data-upload-send>  <button type="button" data-upload-cancel hidden>
 */

const form = document.querySelector('form[data-upload]');
const file = form.querySelector('input[type=file]');
const part = form.querySelector('[data-upload-progress]');
const says = form.querySelector('[data-upload-says]');
const bar = part.querySelector('progress');
const send = form.querySelector('[data-upload-send]');
const cancel = form.querySelector('[data-upload-cancel]');
const number = value => value.toLocaleString(document.documentElement.lang);

file.addEventListener('change', () => {
  const size = file.files[0]?.size ?? 0;
  const most = Number(form.dataset.most);
  const said = gettext('The file has %(size)s bytes, and %(most)s are taken; pack it with gzip, or upload it in parts.');
  file.setCustomValidity(size > most ? interpolate(said, { size: number(size), most: number(most) }, true) : '');
  file.reportValidity();
});

function show(isSending, text = '') {
  part.hidden = !isSending && !text;
  bar.hidden = !isSending;
  cancel.hidden = !isSending;
  send.disabled = isSending;
  says.textContent = text;
}

form.addEventListener('submit', event => {
  event.preventDefault();
  const request = new XMLHttpRequest();
  request.open('POST', location.href);
  request.setRequestHeader('X-Upload', '1');  // answered by where to go on: a redirect would be followed unseen
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    bar.value = (100 * loaded) / total;
    show(true, interpolate(gettext('%(done)s of %(total)s bytes are sent'), { done: number(loaded), total: number(total) }, true));
  });
  // From here on it is stored as a whole or not at all: it can be undone afterwards, and not be cancelled.
  request.upload.addEventListener('load', () => {
    bar.removeAttribute('value');
    show(true, gettext('The people are being stored; about half a minute for a million.'));
    cancel.hidden = true;
  });
  request.addEventListener('abort', () => show(false, gettext('Cancelled: nothing was changed.')));
  request.addEventListener('error', () => show(false, gettext('The server does not answer. Try again in a moment.')));
  request.addEventListener('load', () => {
    const next = request.getResponseHeader('X-Location');
    if (next) {
      location.assign(next);
      return;
    }
    const page = new DOMParser().parseFromString(request.responseText, 'text/html');
    const main = page.querySelector('main');
    if (!main || request.status >= 500) {
      show(false, gettext('That did not work. Try again.'));
      return;
    }
    const told = [...main.querySelectorAll('[role=alert]')].map(each => each.textContent.trim()).join(' ');
    show(false, told || gettext('That did not work. Try again.'));
    document.querySelector('[data-upload-problems]')?.remove();
    const problems = main.querySelector('[data-upload-problems]');
    if (problems) form.after(problems);
  });
  cancel.onclick = () => request.abort();
  show(true, gettext('The file is being sent'));
  bar.value = 0;
  request.send(new FormData(form));
});
