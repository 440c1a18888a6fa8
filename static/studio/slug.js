/**
 * Makes a short name of a name while that is typed, until somebody writes one of their own.
 *
 *   <input id="id_name">  <input name="slug" data-slug-of="#id_name">
 */

const MOST = 59;

function slugify(text) {
  const plain = text.normalize('NFKD').replace(/[^\x00-\x7f]/g, '').toLowerCase();
  return plain.replace(/[^\w\s-]/g, '').trim().replace(/[-\s]+/g, '-').slice(0, MOST).replace(/^[-_]+|[-_]+$/g, '');
}

for (const slug of document.querySelectorAll('[data-slug-of]')) {
  const name = document.querySelector(slug.dataset.slugOf);
  let isOwn = slug.value !== '';
  const fill = () => { if (!isOwn) slug.placeholder = slugify(name.value); };
  slug.addEventListener('input', () => { isOwn = slug.value !== ''; fill(); });
  name.addEventListener('input', fill);
  fill();
}
