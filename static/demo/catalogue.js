/* What the page was given as data: the products, and what slugs of segments and rules mean. */
const read = (id) => JSON.parse(document.getElementById(id).textContent);

export const products = new Map(read('catalogue').map((product) => [product.product_id, product]));
export const meanings = read('meanings');
export const money = (amount) => `€${amount.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

/** What an event about `product` says; the names are those of Segment's e-commerce events. */
export function propertiesOf({ product_id, name, category, price, currency }) {
  return { product_id, name, category, price, currency };
}
