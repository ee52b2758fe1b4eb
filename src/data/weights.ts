/**
 * How often the records of one data set come in an epoch: a weight of 0.5 takes half of them, 2
 * takes each twice, 1.5 each once and half of them again. Which ones depends on the seed and the
 * data set's position alone, and is the same in every epoch.
 *
 * Blocks of records are drawn from apart, so that records are taken evenly over a file as it
 * streams by, and at random within a block, so that a pattern in the file is not followed. Over a
 * whole file the number is right to less than one record.
 */
import { Random } from "../core/random.ts";

const BLOCK = 64;

/** @param stream what tells this data set from others of the same seed */
export async function* weighted<T>(
  records: AsyncIterable<T> | Iterable<T>,
  weight: number,
  { seed, stream }: { seed: number; stream: string | number },
): AsyncGenerator<T> {
  if (weight === 1) {
    yield* records;
    return;
  }
  const offset = Random.for(seed, "data weight", stream).uniform();
  let [block, seen]: [T[], number] = [[], 0];
  const take = function* (): Generator<T> {
    const copies =
      Math.floor((seen + block.length) * weight + offset) - Math.floor(seen * weight + offset);
    const each = Math.floor(copies / block.length);
    const more = chosen(
      block.length,
      copies - each * block.length,
      Random.for(seed, "data weight", stream, seen),
    );
    for (const [index, record] of block.entries())
      for (let copy = 0; copy < each + (more.has(index) ? 1 : 0); copy++) yield record;
    [block, seen] = [[], seen + block.length];
  };
  for await (const record of records) if (block.push(record) === BLOCK) yield* take();
  if (block.length > 0) yield* take();
}

/** `count` of the first `of` numbers, each as likely as the others. */
function chosen(of: number, count: number, random: Random): Set<number> {
  const numbers = Array.from({ length: of }, (_, index) => index);
  for (let index = 0; index < count; index++) {
    const other = index + random.integer(of - index);
    [numbers[index], numbers[other]] = [numbers[other]!, numbers[index]!];
  }
  return new Set(numbers.slice(0, count));
}
