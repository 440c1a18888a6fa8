/**
 * What lower modules ask of slots.js, which sets it and stands above them, so that imports point one way.
 *
 * `decideAgain()`: the answers may be out of date. `redecide(frame)`: these are the answers of some slots from now on.
 * `forgetDecisions()`: those that were made before. `isLive(name)`: whether a slot of this name may change while it is
 * seen. `mountAll()`: the page may hold new `data-pz-slot` elements.
 */

export const hooks = {};
