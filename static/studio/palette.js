/** Ctrl-K: finds pages, definitions and people by name, and goes there. Its results are links from the server. */

const dialog = document.querySelector('#palette');
const input = dialog?.querySelector('input');
const found = dialog?.querySelector('#palette-found');

export function openPalette() {
  if (!dialog || dialog.open) return;
  input.value = '';
  dialog.showModal();
  input.focus();
  htmx.trigger(input, 'palette-open');
}

function move(step) {
  const links = [...found.querySelectorAll('a')];
  if (!links.length) return;
  const at = links.findIndex(link => link.ariaSelected === 'true');
  const next = links[(at + step + links.length) % links.length];
  for (const link of links) link.ariaSelected = String(link === next);
  next.scrollIntoView({ block: 'nearest' });
  input.setAttribute('aria-activedescendant', next.id);
}

document.addEventListener('click', event => event.target.closest('[data-palette-open]') && openPalette());
document.addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    openPalette();
  }
});
dialog?.addEventListener('close', () => document.activeElement === input && input.blur()); // keys are for the page again
input?.addEventListener('keydown', event => {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    move(event.key === 'ArrowDown' ? 1 : -1);
  } else if (event.key === 'Enter') {
    event.preventDefault();
    (found.querySelector('a[aria-selected=true]') ?? found.querySelector('a'))?.click();
  } else if (event.key === 'Escape') {
    event.preventDefault(); // it would only empty the field
    dialog.close();
  }
});
