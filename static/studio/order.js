/**
 * The order of a slot's rules: by dragging the grip, or by buttons, which the keyboard has too. Without this module each
 * button saves its one move; with it they are arranged first, and saved together.
 *
 *   <form data-order><input name="order" value="first second+third"><ol data-order-steps>
 *     <li data-step><p data-step-shared></p><ul><li data-rule="first" data-weight="" data-live>
 *       <span data-grip></span> <button data-move="up"> …</ul></li></ol> <div data-order-save hidden></form>
 */

for (const form of document.querySelectorAll('[data-order]')) arrange(form);

function arrange(form) {
  const list = form.querySelector('[data-order-steps]');
  const field = form.querySelector('[name=order]');
  const said = form.querySelector('[data-order-said]');
  const rules = new Map([...form.querySelectorAll('[data-rule]')].map(rule => [rule.dataset.rule, rule]));
  const saved = field.value;
  let steps = read(saved);

  for (const grip of form.querySelectorAll('[data-grip]')) grip.classList.replace('hidden', 'max-sm:hidden');

  form.addEventListener('click', event => {
    const button = event.target.closest('[data-move]');
    if (event.target.closest('[data-order-undo]')) {
      put(read(saved));
      form.querySelector('[data-move=down]')?.focus();
    }
    if (!button) return;
    event.preventDefault();
    const slug = button.closest('[data-rule]').dataset.rule;
    put(move(steps, slug, button.dataset.move));
    (button.disabled ? rules.get(slug).querySelector('[data-move]:not(:disabled)') : button)?.focus();
    tell(slug);
  });

  form.addEventListener('pointerdown', event => {
    const grip = event.target.closest('[data-grip]');
    if (!grip || event.button) return;
    event.preventDefault();
    const rule = grip.closest('[data-rule]');
    const slug = rule.dataset.rule;
    const drag = moved => {
      const others = steps.map(step => step.filter(each => each !== slug)).filter(step => step.length);
      const at = others.filter(step => middle(rules.get(step[0]).closest('[data-step]')) < moved.clientY).length;
      others.splice(at, 0, [slug]);
      if (write(others) !== write(steps)) put(others);
    };
    const drop = () => {
      removeEventListener('pointermove', drag);
      rule.classList.remove('ring-2', 'ring-primary');
      tell(slug);
    };
    rule.classList.add('ring-2', 'ring-primary');
    addEventListener('pointermove', drag);
    addEventListener('pointerup', drop, { once: true });
    addEventListener('pointercancel', drop, { once: true });
  });

  function put(next) {
    steps = next;
    field.value = write(steps);
    const blank = form.querySelector('[data-step-blank]').content.firstElementChild;
    list.replaceChildren(...steps.map(step => {
      const item = blank.cloneNode(true);
      const told = item.querySelector('[data-step-shared]');
      const shares = share(step.map(slug => rules.get(slug)));
      told.hidden = step.length < 2;
      told.textContent = shares
        ? gettext('A shared step: each person gets one of these, by weight.')
        : gettext('A shared step without weights: they are asked by their short names.');
      for (const slug of step) {
        const tag = rules.get(slug).querySelector('[data-share]');
        tag.hidden = !shares || !shares.has(slug);
        tag.textContent = shares?.has(slug) ? `${shares.get(slug)} %` : '';
        item.querySelector('ul').append(rules.get(slug));
      }
      return item;
    }));
    steps.forEach((step, at) => step.forEach(slug => {
      const isShared = step.length > 1;
      const stops = { join: isShared || !at, leave: !isShared, up: !isShared && !at, down: !isShared && at === steps.length - 1 };
      for (const [how, stop] of Object.entries(stops)) rules.get(slug).querySelector(`[data-move=${how}]`).disabled = stop;
    }));
    form.querySelector('[data-order-save]').hidden = field.value === saved;
  }

  function tell(slug) {
    const at = steps.findIndex(step => step.includes(slug));
    said.textContent = interpolate(gettext('%(name)s: step %(at)s of %(total)s'), {
      name: rules.get(slug).dataset.name,
      at: at + 1,
      total: steps.length,
    }, true);
  }
}

function read(text) {
  return text.split(' ').filter(Boolean).map(step => step.split('+'));
}

function write(steps) {
  return steps.map(step => step.join('+')).join(' ');
}

function middle(element) {
  const box = element.getBoundingClientRect();
  return box.top + box.height / 2;
}

/** As studio/rules/moving.py does it. */
function move(steps, slug, how) {
  const at = steps.findIndex(step => step.includes(slug));
  const isShared = steps[at].length > 1;
  const rest = steps.map(step => step.filter(each => each !== slug));
  if (how === 'join') {
    if (!at || isShared) return steps;
    rest[at - 1].push(slug);
  } else if (how === 'leave') {
    if (!isShared) return steps;
    rest.splice(at + 1, 0, [slug]);
  } else if (how === 'up') {
    rest.splice(isShared ? at : Math.max(0, at - 1), 0, [slug]);
  } else {
    rest.splice(isShared ? at + 1 : at + 2, 0, [slug]);
  }
  return rest.filter(step => step.length);
}

/** Of how many per cent of people each live rule of a step is asked first; null where nothing is drawn. */
function share(step) {
  const live = step.filter(rule => rule.hasAttribute('data-live'));
  if (live.length < 2 || !live.some(rule => rule.dataset.weight)) return null;
  const weigh = rule => Number(rule.dataset.weight) || 1;
  const total = live.reduce((sum, rule) => sum + weigh(rule), 0);
  return new Map(live.map(rule => [rule.dataset.rule, Math.round((100 * weigh(rule)) / total)]));
}
