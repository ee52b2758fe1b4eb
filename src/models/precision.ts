/**
 * How weights are kept that are not trained. float16: matrices in half the memory, widened while
 * their block runs. int8: the blocks' projections in 8 bits, and their products of 8-bit integers;
 * see int8.ts.
 */
export const PRECISIONS = ["float32", "float16", "int8"] as const;
/** How weights that are not trained are kept in memory: 4, 2 or about 1 byte each. */
export type Precision = (typeof PRECISIONS)[number];
