/**
 * What lower modules ask of slots.js, which sets it and stands above them, so that imports point one way.
 *
 * `decideAgain()`: the answers may be out of date. `mountAll()`: the page may hold new `data-pz-slot` elements.
 */

export const hooks = {};
