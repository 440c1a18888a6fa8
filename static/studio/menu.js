/**
 * The side bar as a drawer on a phone, and small menus that close when one looks elsewhere.
 *
 *   <button data-menu-open>  <aside data-menu>  <div data-menu-shade>
 *   <details class="dropdown">
 */

const menu = document.querySelector('[data-menu]');
const shade = document.querySelector('[data-menu-shade]');

function open(is) {
  menu?.toggleAttribute('data-open', is);
  shade?.toggleAttribute('data-open', is);
  if (is) menu.querySelector('a, button').focus();
}

document.addEventListener('click', event => {
  if (event.target.closest('[data-menu-open]')) open(true);
  else if (event.target.closest('[data-menu-shade]')) open(false);
  for (const details of document.querySelectorAll('details.dropdown[open]')) {
    if (!details.contains(event.target)) details.open = false;
  }
});
document.addEventListener('keydown', event => {
  if (event.key !== 'Escape') return;
  open(false);
  for (const details of document.querySelectorAll('details.dropdown[open]')) {
    details.open = false;
    details.querySelector('summary').focus();
  }
});
