/**
 * Sends a form with a file, says how far it is, and stops when it is told to. With an address in `data-upload` the
 * server is asked how far its reading is. Without JavaScript the form is sent as any other one.
 *
 *   <form enctype="multipart/form-data" data-upload="/…/progress/"> <div data-upload-progress hidden> <progress>
 *     <button data-upload-cancel> <p data-upload-said>
 */

import { toast } from './dismiss.js';

const LOOK_MS = 500;

document.addEventListener('submit', event => {
  if (!event.target.matches('[data-upload]')) return;
  event.preventDefault();
  send(event.target);
});

/** The page again, with what was wrong. */
function replace(html) {
  const page = new DOMParser().parseFromString(html, 'text/html');
  document.querySelector('#main').replaceChildren(...page.querySelector('#main').childNodes);
  document.querySelector('#toasts').append(...page.querySelector('#toasts').childNodes);
  htmx.process(document.querySelector('#main'));
  document.querySelector('#main').focus();
}

function send(form) {
  const panel = form.querySelector('[data-upload-progress]');
  const bar = panel.querySelector('progress');
  const said = panel.querySelector('[data-upload-said]');
  const button = form.querySelector('button:not([type=button])');
  const request = new XMLHttpRequest();
  let looks = 0;

  function end() {
    clearInterval(looks);
    panel.hidden = true;
    button.disabled = false;
  }
  async function look() {
    const answer = await fetch(form.dataset.upload).then(found => found.json(), () => ({}));
    if (answer.percent !== undefined) bar.value = answer.percent;
    if (answer.said) said.textContent = answer.said;
  }

  panel.hidden = false;
  button.disabled = true;
  said.textContent = gettext('Uploading…');
  request.upload.addEventListener('progress', step => {
    if (step.lengthComputable) bar.value = (100 * step.loaded) / step.total;
  });
  request.upload.addEventListener('load', () => {
    said.textContent = form.dataset.uploadDoing ?? gettext('Reading…');
    bar.removeAttribute('value');
    if (form.dataset.upload) looks = setInterval(look, LOOK_MS);
  });
  request.addEventListener('load', () => {
    end();
    const leads = request.getResponseHeader('X-Location');
    if (leads) location.assign(leads);
    else if (request.status < 500 && request.responseText) replace(request.responseText);
    else toast(gettext('That did not work. Try again.'), 'error');
  });
  request.addEventListener('error', () => {
    end();
    toast(gettext('The server does not answer. Try again in a moment.'), 'error');
  });
  panel.querySelector('[data-upload-cancel]').addEventListener('click', async () => {
    if (form.dataset.upload) {
      const body = new FormData();
      body.append('csrfmiddlewaretoken', form.elements.csrfmiddlewaretoken.value);
      await fetch(form.dataset.upload, { method: 'POST', body });
    }
    request.abort();
    end();
    toast(gettext('Cancelled. Nothing was changed.'));
  }, { once: true });
  request.open('POST', form.action || location.href);
  request.setRequestHeader('X-Upload', 'yes'); // the way on comes in a header: what was said is for the page it leads to
  request.send(new FormData(form));
}
