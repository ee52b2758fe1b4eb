/** Compares tensors and says where they differ. */
import { formatShape } from "../dimensions.ts";
import type { PlainTensor } from "../interpreter/plain.ts";

export interface CompareOptions {
  /** Largest difference, relative to the wanted number or absolute, whichever is larger. */
  tolerance: number;
  /** Skip entries whose wanted number is NaN: the reference leaves them open. */
  open?: boolean;
}

const positionOf = (shape: readonly number[], flat: number): number[] => {
  const position: number[] = [];
  for (const size of shape.toReversed()) {
    position.unshift(flat % size);
    flat = Math.floor(flat / size);
  }
  return position;
};

/**
 * Undefined where they agree; else the worst index, the largest difference and the first five
 * pairs.
 */
export function difference(
  got: PlainTensor,
  want: PlainTensor,
  { tolerance, open = false }: CompareOptions,
): string | undefined {
  if (got.dtype !== want.dtype || formatShape(got.shape) !== formatShape(want.shape)) {
    return `got ${got.dtype}${formatShape(got.shape)}, want ${want.dtype}${formatShape(want.shape)}`;
  }
  let worst = -1;
  let worstExcess = 0;
  let wrong = 0;
  want.data.forEach((wanted, i) => {
    if (open && Number.isNaN(wanted)) return;
    const allowed = tolerance * Math.max(1, Math.abs(wanted));
    const distance = got.data[i] === wanted ? 0 : Math.abs(got.data[i]! - wanted);
    // A NaN on either side is never within the tolerance.
    if (distance <= allowed) return;
    wrong++;
    const excess = Number.isNaN(distance) ? Infinity : distance / allowed;
    if (worst < 0 || excess > worstExcess) [worst, worstExcess] = [i, excess];
  });
  if (worst < 0) return undefined;
  const pairs = Array.from(
    got.data.subarray(0, 5),
    (value, i) => `${value} / ${want.data[i]}`,
  ).join(", ");
  const place = formatShape(positionOf(want.shape, worst));
  const largest = Math.abs(got.data[worst]! - want.data[worst]!);
  return (
    `${wrong} of ${want.data.length} differ; worst at ${place}: got ${got.data[worst]}, want ` +
    `${want.data[worst]} (difference ${largest}); first got / want: ${pairs}`
  );
}
