/** “+ Condition” turns into a field in which one types what one wants to say; a choice becomes a row. */

import { combobox } from './combobox.js';
import { h, icon } from './dom.js';
import { listKinds, listNamed, search } from './kinds.js';

const MOST_NAMED = 8;

export function drawAdd(ui, group, id) {
  const open = () => {
    const field = combobox({
      id: `${id}-search`, label: gettext('What do you want to say?'), placeholder: gettext('Type what you want to say…'), keepOpen: true, size: 'condition-say',
      options: async typed => {
        const kinds = search(listKinds(ui.about), typed);
        const named = typed.trim() ? search(listNamed(ui.facts.known), typed, MOST_NAMED) : [];
        return [...kinds, ...named].map(each => ({ ...each, value: each.key }));
      },
      onPick: (_, kind) => ui.add(group.id, kind.make()),
    });
    const input = field.querySelector('input');
    input.addEventListener('keydown', event => {
      if (event.key !== 'Escape') return;
      field.replaceWith(button);
      button.focus();
    });
    input.addEventListener('blur', () => field.isConnected && setTimeout(() => field.isConnected && document.activeElement !== input && field.replaceWith(button)));
    button.replaceWith(field);
    input.focus();
    input.click();
  };
  const button = h('button', { type: 'button', id, class: 'btn btn-sm btn-soft btn-primary', onclick: open }, icon('plus'), gettext('Condition'));
  return button;
}
