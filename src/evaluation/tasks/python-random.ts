/**
 * Python's random.Random, so that the same examples are drawn as lm_eval draws.
 * Source: Matsumoto and Nishimura (1998), mt19937ar.c; CPython's Modules/_randommodule.c (seeding
 * by a whole number) and Lib/random.py 3.11 (`sample`, `_randbelow_with_getrandbits`).
 */
const SIZE = 624;
const SHIFT = 397;

export class PythonRandom {
  private readonly state = new Uint32Array(SIZE);
  private at = SIZE;

  /** @param seed a whole number; its sign does not count, as in Python */
  constructor(seed: number) {
    let rest = BigInt(Math.abs(seed));
    const key: number[] = [];
    do {
      key.push(Number(rest & 0xffffffffn));
      rest >>= 32n;
    } while (rest > 0n);
    this.initialise(19650218);
    this.mix(key);
  }

  private initialise(seed: number): void {
    const { state } = this;
    state[0] = seed;
    for (let i = 1; i < SIZE; i++)
      state[i] = Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i;
  }

  private mix(key: readonly number[]): void {
    const { state } = this;
    let [i, j] = [1, 0];
    const next = (): void => {
      if (++i < SIZE) return;
      state[0] = state[SIZE - 1]!;
      i = 1;
    };
    const spread = (): number => state[i - 1]! ^ (state[i - 1]! >>> 30);
    for (let k = Math.max(SIZE, key.length); k > 0; k--) {
      state[i] = (state[i]! ^ Math.imul(spread(), 1664525)) + key[j]! + j;
      next();
      j = (j + 1) % key.length;
    }
    for (let k = SIZE - 1; k > 0; k--) {
      state[i] = (state[i]! ^ Math.imul(spread(), 1566083941)) - i;
      next();
    }
    state[0] = 0x80000000;
  }

  /** 32 bits. */
  private draw(): number {
    const { state } = this;
    if (this.at >= SIZE) {
      for (let i = 0; i < SIZE; i++) {
        const y = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff);
        state[i] = state[(i + SHIFT) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.at = 0;
    }
    let y = state[this.at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A whole number from 0 to below n, n below 2^32. */
  below(n: number): number {
    const shift = Math.clz32(n);
    for (;;) {
      const value = this.draw() >>> shift;
      if (value < n) return value;
    }
  }

  /** So many different places of a list, in the order in which they were drawn. */
  sample<T>(population: readonly T[], count: number): T[] {
    const n = population.length;
    if (count > n) throw new RangeError(`${count} of ${n} cannot be drawn`);
    const small = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
    if (n <= small) {
      const pool = [...population];
      return Array.from({ length: count }, (_, index) => {
        const place = this.below(n - index);
        const drawn = pool[place]!;
        pool[place] = pool[n - index - 1]!;
        return drawn;
      });
    }
    const chosen = new Set<number>();
    while (chosen.size < count) {
      let place = this.below(n);
      while (chosen.has(place)) place = this.below(n);
      chosen.add(place);
    }
    return [...chosen].map((place) => population[place]!);
  }
}
