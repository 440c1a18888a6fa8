/**
 * Sends a form with a file, says how far it is, and stops while nothing is stored yet. With an address in `data-upload`
 * the server is asked how far its reading is, and told to stop. Without JavaScript the form is sent as any other one.
 *
 *   <form enctype="multipart/form-data" data-upload="/…/progress/" data-upload-doing="The people are being stored."
 *         data-upload-most="200000000"> {% include "studio/parts/upload_progress.html" %}
 */

import { toast } from './dismiss.js';

const LOOK_MS = 500;
const number = value => value.toLocaleString(document.documentElement.lang);

document.addEventListener('submit', event => {
  if (!event.target.matches('[data-upload]')) return;
  event.preventDefault();
  send(event.target);
});

document.addEventListener('change', event => {
  const most = Number(event.target.form?.dataset.uploadMost);
  if (event.target.type !== 'file' || !most) return;
  const size = event.target.files[0]?.size ?? 0;
  const said = gettext('The file has %(size)s bytes, and %(most)s are taken; pack it with gzip, or upload it in parts.');
  event.target.setCustomValidity(size > most ? interpolate(said, { size: number(size), most: number(most) }, true) : '');
  event.target.reportValidity();
});

/** The page again, with what was wrong; where nothing was taken, the files stay chosen. */
function replace(html, files) {
  const page = new DOMParser().parseFromString(html, 'text/html');
  const main = document.querySelector('#main');
  main.replaceChildren(...page.querySelector('#main').childNodes);
  document.querySelector('#toasts').append(...page.querySelector('#toasts').childNodes);
  for (const [id, chosen] of files) if (document.getElementById(id)) document.getElementById(id).files = chosen;
  htmx.process(main);
  main.focus();
}

function send(form) {
  const panel = form.querySelector('[data-upload-progress]');
  const bar = panel.querySelector('progress');
  const said = panel.querySelector('[data-upload-said]');
  const cancel = panel.querySelector('[data-upload-cancel]');
  const button = form.querySelector('button:not([type=button])');
  const files = [...form.querySelectorAll('input[type=file]')].map(each => [each.id, each.files]);
  const request = new XMLHttpRequest();
  let looks = 0;

  function end() {
    clearInterval(looks);
    panel.hidden = true;
    button.disabled = false;
    cancel.onclick = null;
  }
  async function look() {
    const answer = await fetch(form.dataset.upload).then(found => found.json(), () => ({}));
    if (answer.percent !== undefined) bar.value = answer.percent;
    if (answer.said) said.textContent = answer.said;
  }

  panel.hidden = cancel.hidden = false;
  button.disabled = true;
  bar.value = 0;
  said.textContent = gettext('Uploading…');
  request.upload.addEventListener('progress', ({ loaded, total, lengthComputable }) => {
    if (!lengthComputable) return;
    bar.value = (100 * loaded) / total;
    said.textContent = interpolate(gettext('%(done)s of %(total)s bytes are sent'), { done: number(loaded), total: number(total) }, true);
  });
  request.upload.addEventListener('load', () => {
    said.textContent = form.dataset.uploadDoing ?? gettext('Reading…');
    bar.removeAttribute('value');
    if (form.dataset.upload) looks = setInterval(look, LOOK_MS);
    else cancel.hidden = true; // from here on it is taken as a whole or not at all
  });
  request.addEventListener('load', () => {
    end();
    const leads = request.getResponseHeader('X-Location');
    if (leads) location.assign(leads);
    else if (request.status < 500 && request.responseText) replace(request.responseText, request.status === 422 ? files : []);
    else toast(gettext('That did not work. Try again.'), 'error');
  });
  request.addEventListener('error', () => {
    end();
    toast(gettext('The server does not answer. Try again in a moment.'), 'error');
  });
  cancel.onclick = async () => {
    if (form.dataset.upload) {
      const body = new FormData();
      body.append('csrfmiddlewaretoken', form.elements.csrfmiddlewaretoken.value);
      await fetch(form.dataset.upload, { method: 'POST', body });
    }
    request.abort();
    end();
    toast(gettext('Cancelled. Nothing was changed.'));
  };
  request.open('POST', form.action || location.href);
  request.setRequestHeader('X-Upload', 'yes'); // the way on comes in a header: what was said is for the page it leads to
  request.send(new FormData(form));
}
