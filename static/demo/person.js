/* Who is here: signing in sends identify; resetting the visitor starts again as somebody new. */
import { empty } from './basket.js';
import { find, prepareDialog, toast } from './element.js';
import { identify } from './send.js';

const KEY = 'demo:person';
const modal = find('#sign-in');
const dialog = prepareDialog(modal);

function name(text) {
  find('[data-person]').textContent = text || 'Sign in';
}

export function preparePerson(forgetLog) {
  name(localStorage.getItem(KEY));
  find('[data-sign-in]').addEventListener('click', () => { dialog.remember(); modal.showModal(); });
  find('[data-sign-in-form]').addEventListener('submit', (event) => {
    const { firstName, email, country } = Object.fromEntries(new FormData(event.target));
    identify(email.trim().toLowerCase(), { firstName, email, country });
    localStorage.setItem(KEY, firstName);
    name(firstName);
  });
  find('[data-reset]').addEventListener('click', () => {
    window.pz.reset();
    localStorage.removeItem(KEY);
    name('');
    empty();
    forgetLog();
    toast('You are a new visitor now.');
  });
}
