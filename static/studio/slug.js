/**
 * Makes the short name of a new thing of its name, as long as nobody types one.
 *
 *   <input name="slug" data-slug-of="id_name">
 */

for (const slug of document.querySelectorAll('[data-slug-of]')) {
  const name = document.getElementById(slug.dataset.slugOf);
  let isOwn = slug.value !== '';
  const follow = () => {
    if (isOwn) return;
    const plain = name.value.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').replaceAll('ß', 'ss').toLowerCase();
    slug.value = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 64);
  };
  slug.addEventListener('input', () => { isOwn = slug.value !== ''; });
  name.addEventListener('input', follow);
  follow(); // a name can be there already
}
