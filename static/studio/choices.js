/**
 * A choice of definitions that learns of new ones: after its link to make one was followed (in a tab of its own), the
 * options are read anew as soon as one is back, and the new one is chosen.
 *
 *   <select id="id_block">
 *   <a data-choices-new="id_block" data-choices="/studio/content/choices/block/" target="_blank">
 */

const awaited = new Map(); // id of the choice: where its options are

document.addEventListener('click', event => {
  const link = event.target.closest('[data-choices-new]');
  if (link) awaited.set(link.dataset.choicesNew, link.dataset.choices);
});

async function renew(select, where) {
  const answer = await fetch(`${where}?chosen=${encodeURIComponent(select.value)}`);
  if (!answer.ok) return;
  const known = new Set([...select.options].map(option => option.value));
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const options = [...page.querySelectorAll('option')];
  const fresh = options.find(option => !known.has(option.value));
  if (!fresh) return;
  const chosen = fresh.value;
  select.replaceChildren(...options);
  select.value = chosen;
  awaited.delete(select.id);
  select.dispatchEvent(new Event('change', { bubbles: true }));
}

addEventListener('focus', () => {
  for (const [id, where] of awaited) renew(document.getElementById(id), where);
});
