/**
 * Drags rows and groups by their handle, also into and out of groups, with a mouse, a pen or a finger.
 *
 *   <ol data-list="group id"><li data-node="id"><button data-handle="id">
 */

const SLACK = 4; // pixels before a press is a drag

export function bindDrag(area, onDrop) {
  area.addEventListener('pointerdown', event => {
    const handle = event.target.closest('[data-handle]');
    if (!handle || event.button !== 0 || area.closest('fieldset')?.disabled) return;
    const item = handle.closest('[data-node]');
    const start = event.clientY + event.clientX;
    let place = null;
    let isDragging = false;
    handle.setPointerCapture(event.pointerId);

    function mark(next) {
      place?.mark.classList.remove('condition-drop', 'condition-drop-end');
      place = next;
      place?.mark.classList.add(place.isEnd ? 'condition-drop-end' : 'condition-drop');
    }

    function move(now) {
      if (!isDragging && Math.abs(now.clientX + now.clientY - start) < SLACK) return;
      isDragging = true;
      item.classList.add('condition-dragged');
      mark(findPlace(area, item, now.clientX, now.clientY));
    }

    function end(isDropped) {
      const found = place;
      mark(null);
      item.classList.remove('condition-dragged');
      handle.removeEventListener('pointermove', move);
      handle.removeEventListener('pointerup', drop);
      handle.removeEventListener('pointercancel', cancel);
      removeEventListener('keydown', escape, true);
      if (isDropped && isDragging && found) onDrop(item.dataset.node, found.list, found.index);
    }
    const drop = () => end(true);
    const cancel = () => end(false);
    const escape = pressed => {
      if (pressed.key !== 'Escape') return;
      pressed.stopPropagation();
      cancel();
    };

    handle.addEventListener('pointermove', move);
    handle.addEventListener('pointerup', drop);
    handle.addEventListener('pointercancel', cancel);
    addEventListener('keydown', escape, true);
  });
}

/** Before which item of which list: of the innermost group at that point. */
function findPlace(area, dragged, x, y) {
  const group = document.elementFromPoint(x, y)?.closest('.condition-group');
  if (!group || !area.contains(group) || dragged.contains(group)) return null;
  const list = group.querySelector(':scope > [data-list]');
  const items = [...list.children];
  const index = items.findIndex(each => {
    const at = each.getBoundingClientRect();
    return y < at.top + at.height / 2;
  });
  const isEnd = index < 0;
  return { list: list.dataset.list, index: isEnd ? items.length : index, isEnd, mark: isEnd ? list : items[index] };
}
