/* The basket: kept in this browser, shown in a drawer. Adding, removing and ordering send events. */
import { money, products, propertiesOf } from './catalogue.js';
import { element, find, prepareDialog, toast } from './element.js';
import { send } from './send.js';

const KEY = 'demo:basket';
const drawer = find('#basket');
const dialog = prepareDialog(drawer);

let ids = load();

function load() {
  try {
    return JSON.parse(localStorage.getItem(KEY) || '[]').filter((id) => products.has(id));
  } catch {
    return [];
  }
}

function keep(changed) {
  ids = changed;
  try {
    localStorage.setItem(KEY, JSON.stringify(ids));
  } catch { /* private mode: the basket lives as long as the page */ }
  draw();
}

const totalOf = (held) => held.reduce((sum, id) => sum + products.get(id).price, 0);

export function add(id) {
  keep([...ids, id]);
  send('Product Added', { ...propertiesOf(products.get(id)), quantity: 1 });
  toast(`${products.get(id).name} is in your basket.`, 'Open', open);
}

export function empty() {
  keep([]);
}

function remove(position) {
  const product = products.get(ids[position]);
  keep(ids.filter((_, index) => index !== position));
  send('Product Removed', propertiesOf(product));
}

function order() {
  const bought = ids.map((id) => ({ ...propertiesOf(products.get(id)), quantity: 1 }));
  const revenue = Math.round(totalOf(ids) * 100) / 100;
  keep([]);
  send('Order Completed', { order_id: `L${Date.now().toString(36).toUpperCase()}`, revenue, currency: 'EUR', products: bought }, money(revenue));
  dialog.close();
  toast(`Thank you. Your order of ${money(revenue)} is only pretend, the event is real.`);
}

function open() {
  dialog.remember();
  drawer.showModal();
  find('#basket-title').focus();
}

function draw() {
  const count = find('[data-basket-count]');
  count.textContent = ids.length;
  for (const part of [count, find('[data-sum]'), find('[data-checkout]'), find('[data-basket-note]')]) part.hidden = !ids.length;
  find('[data-basket-empty]').hidden = ids.length > 0;
  find('[data-total]').textContent = money(totalOf(ids));
  find('[data-lines]').replaceChildren(...ids.map((id, position) => {
    const product = products.get(id);
    const button = element('button', { type: 'button', class: 'button quiet small' }, 'Remove', element('span', { class: 'unseen' }, ` ${product.name}`));
    button.addEventListener('click', () => { remove(position); find('#basket-title').focus(); });
    return element('li', {}, element('img', { src: product.picture, alt: '', width: 72, height: 58 }),
      element('span', {}, product.name, element('br'), element('b', {}, money(product.price))), button);
  }));
}

export function prepareBasket() {
  find('[data-basket-open]').addEventListener('click', open);
  find('[data-checkout]').addEventListener('click', order);
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-add]');
    if (button) add(button.dataset.add);
  });
  draw();
}
