/**
 * Rows of a form that are added and taken away. Without this module the last row is empty, for one more.
 *
 *   <div data-rows><ul data-rows-list><li data-row>… <button data-row-remove hidden></li></ul>
 *     <template><li data-row>…</li></template> <button data-rows-add hidden></div>
 */

for (const box of document.querySelectorAll('[data-rows]')) {
  const list = box.querySelector('[data-rows-list]');
  const add = box.querySelector('[data-rows-add]');

  for (const blank of list.querySelectorAll('[data-row-blank]')) blank.remove();
  for (const button of list.querySelectorAll('[data-row-remove]')) button.hidden = false;
  add.hidden = false;

  const tell = () => box.dispatchEvent(new Event('change', { bubbles: true }));

  box.addEventListener('click', event => {
    const remove = event.target.closest('[data-row-remove]');
    if (event.target.closest('[data-rows-add]')) {
      const row = box.querySelector('template').content.firstElementChild.cloneNode(true);
      row.querySelector('[data-row-remove]').hidden = false;
      list.append(row);
      row.querySelector('input, select').focus();
    } else if (remove) {
      const row = remove.closest('[data-row]');
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      (next?.querySelector('input, select') ?? add).focus();
      tell();
    }
  });
}
