/**
 * Shows a form while boxes that belong to it are ticked, and how many.
 *
 *   <form id="replay" data-choose hidden><button>Replay <span data-choose-count></span></button></form>
 *   <input type="checkbox" form="replay" name="letter" value="7">
 */

function count(form) {
  const ticked = [...form.elements].filter(each => each.type === 'checkbox' && each.checked).length;
  form.hidden = ticked === 0;
  form.querySelector('[data-choose-count]').textContent = ticked ? `(${ticked})` : '';
}

const forms = [...document.querySelectorAll('form[data-choose]')];
forms.forEach(count);
document.addEventListener('change', event => {
  if (event.target.form?.matches('[data-choose]')) count(event.target.form);
});
document.addEventListener('htmx:afterSwap', () => forms.forEach(count));
