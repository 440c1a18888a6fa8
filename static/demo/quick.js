/* Quick view: a product opens at the foot of the page, so that the banner stays in sight. Without scripts the link
   leads to the product's own page.

   <a data-product="ridge-tent" href="/demo/p/ridge-tent/"> */
import { add } from './basket.js';
import { money, products, propertiesOf } from './catalogue.js';
import { find, prepareDialog } from './element.js';
import { send } from './send.js';

const quick = find('#quick');
const dialog = prepareDialog(quick);

let shown = null;

function open(id, href) {
  const product = products.get(id);
  if (!quick.open) dialog.remember();
  shown = id;
  find('[data-quick-picture]').src = product.picture;
  find('[data-quick-category]').textContent = product.category;
  find('[data-quick-name]').textContent = product.name;
  find('[data-quick-line]').textContent = product.line;
  find('[data-quick-price]').textContent = money(product.price);
  find('[data-quick-page]').href = href;
  if (!quick.open) quick.show();
  find('[data-quick-name]').focus({ preventScroll: true });
  view(product);
}

export function view(product) {
  send('Product Viewed', propertiesOf(product));
}

export function prepareQuickView() {
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-product]');
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(link.dataset.product, link.href);
  });
  find('[data-quick-add]').addEventListener('click', () => add(shown));
}
