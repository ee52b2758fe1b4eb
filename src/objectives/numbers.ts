/** Plain-number twins of the functions that the losses are written with. */

import { softplus } from "../stats/special.ts";

export { sigmoid, softplus } from "../stats/special.ts";

/** log sigma(x). */
export function logSigmoid(x: number): number {
  return -softplus(-x);
}

/** log(1 - e^x) for x < 0 (Maechler 2012). */
export function log1mexp(x: number): number {
  return x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}
