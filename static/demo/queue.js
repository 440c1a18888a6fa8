/* Runs before everything else: calls made before pz.js has arrived wait in its queue, and what pz.js says before the
   panel has arrived waits in `demoEarly`. */
window.pz = window.pz || [];
for (const method of ['identify', 'track', 'page', 'group', 'alias', 'reset', 'consent', 'on']) {
  window.pz[method] = window.pz[method] || ((...call) => window.pz.push([method, ...call]));
}
window.demoEarly = [];
for (const name of ['decision', 'changed', 'refused']) {
  document.addEventListener(`pz:${name}`, ({ detail }) => window.demoEarly && window.demoEarly.push([name, detail]));
}
