/* Sends events and keeps what was sent, so that the panel can tell when the engine has applied it.

   send('Product Viewed', properties);   listen(({ id, name, about }) => …) */
const listeners = new Set();

export const listen = (listener) => listeners.add(listener);

export function send(name, properties, about = properties.name) {
  const id = announce(name, about);
  window.pz.track(name, properties, { messageId: id });
}

export function identify(userId, traits) {
  const id = announce('Identified', traits.firstName);
  window.pz.identify(userId, traits, { messageId: id });
}

function announce(name, about) {
  const id = crypto.randomUUID ? crypto.randomUUID() : `demo-${Date.now()}-${Math.random().toString(36).slice(2)}`;
  for (const listener of listeners) listener({ id, name, about, at: performance.now() });
  return id;
}
