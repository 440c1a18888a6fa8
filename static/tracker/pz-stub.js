// Put this before pz.js: calls made while pz.js is still loading are kept and replayed in order.
(function () {
  var pz = (window.pz = window.pz || []);
  if (pz.initialized || pz.invoked) return;
  pz.invoked = true;
  pz.methods = ['identify', 'track', 'page', 'group', 'alias', 'reset', 'consent', 'on'];
  pz.methods.forEach(function (method) {
    pz[method] = function () {
      pz.push([method].concat([].slice.call(arguments)));
      return pz;
    };
  });
  pz.slot = function (name, options) {
    return new Promise(function (resolve) {
      pz.push(['slot', name, options, resolve]);
      setTimeout(resolve, (options && options.timeout) || 600, null); // when pz.js never arrives
    });
  };
})();
