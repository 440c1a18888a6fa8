/**
 * Chooses a person among those that were searched for; Enter takes the first of them.
 *
 *   <details data-person-choice><summary><span data-person-chosen></span></summary> <input type="hidden" name="person">
 *     <input type="search"> <div data-person-found><button data-person="…" data-person-name="Ann"></div></details>
 */

function choose(button) {
  const menu = button.closest('[data-person-choice]');
  const field = menu.querySelector('input[name=person]');
  field.value = button.dataset.person;
  menu.querySelector('[data-person-chosen]').textContent = button.dataset.personName;
  menu.open = false;
  menu.querySelector('summary').focus();
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

document.addEventListener('click', event => {
  const button = event.target.closest('[data-person-choice] [data-person]');
  if (button) choose(button);
});
document.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || !event.target.matches('[data-person-choice] [type=search]')) return;
  event.preventDefault();
  const first = event.target.closest('[data-person-choice]').querySelector('[data-person-found] [data-person]');
  if (first) choose(first);
});
