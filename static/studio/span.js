/**
 * Shows some fields only while a choice has a certain value; without the script they are all there.
 *
 *   <select data-span="#own-moments" data-span-value="own">…</select> <div id="own-moments">…</div>
 */

for (const select of document.querySelectorAll('[data-span]')) {
  const fields = document.querySelector(select.dataset.span);
  const show = () => { fields.hidden = select.value !== select.dataset.spanValue; };
  select.addEventListener('change', show);
  show();
}
