/**
 * Puts another address into the bar, so that reloading a page that is shown once does not send its form again.
 *
 *   <div data-address="/studio/set-up/sources/shop/">
 */

const place = document.querySelector('[data-address]');
if (place) history.replaceState(null, '', place.dataset.address);
