/**
 * How weights are kept that are not trained. float16: matrices in half the memory, widened while
 * their block runs. int8: the blocks' projections in 8 bits, and their products of 8-bit integers;
 * see int8.ts.
 */
export const PRECISIONS = ["float32", "float16", "int8"] as const;
export type Precision = (typeof PRECISIONS)[number];
