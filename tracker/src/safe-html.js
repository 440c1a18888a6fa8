/** A block's HTML as nodes. The server has sanitised it already; here nothing in it may run even if that failed. */

let policy = { createHTML: html => html };

export function createPolicy() {
  try {
    policy = trustedTypes.createPolicy('pz', policy);
  } catch (unavailable) { /* no Trusted Types here, or the page's policy forbids the name: then parse() fails */ }
}

export function parse(html) {
  const template = document.createElement('template');
  template.innerHTML = policy.createHTML(html);
  for (const node of template.content.querySelectorAll('*')) {
    if (/^(script|base|meta|link|iframe|object|embed)$/.test(node.localName)) node.remove();
    for (const { name, value } of [...node.attributes]) {
      if (/^on|^srcdoc$/.test(name) || /^javascript:/i.test(value.replace(/[\s\0-\x1f]/g, ''))) {
        node.removeAttribute(name);
      }
    }
  }
  return template.content;
}
