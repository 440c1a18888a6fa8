/* The shop's page: starts each behaviour. Nothing here decides what a visitor sees; the engine does. */
import { prepareBasket } from './basket.js';
import { products } from './catalogue.js';
import { find } from './element.js';
import { forgetLog, preparePanel } from './panel.js';
import { preparePerson } from './person.js';
import { prepareQuickView, view } from './quick.js';

function prepareFilter() {
  const cards = find('[data-cards]');
  const chips = [...document.querySelectorAll('[data-filter]')];
  if (!cards) return;
  const choose = (slug) => {
    for (const chip of chips) chip.setAttribute('aria-pressed', String(chip.dataset.filter === slug));
    for (const card of cards.children) card.hidden = Boolean(slug) && card.dataset.category !== slug;
  };
  for (const chip of chips) chip.addEventListener('click', () => choose(chip.dataset.filter));
  const asked = new URLSearchParams(location.search).get('category');
  if (chips.some((chip) => chip.dataset.filter === asked)) choose(asked);
}

preparePanel();
preparePerson(forgetLog);
prepareBasket();
prepareQuickView();
prepareFilter();

const viewed = find('[data-viewed]');
if (viewed) view(products.get(viewed.dataset.viewed));
