/**
 * What one rendering may use. Work is counted, never timed: whether a row is read must not depend
 * on how busy the machine is. Everything that loops, recurses or makes text pays here first, so a
 * hostile template ends in about a second.
 */

const STEPS = 3_000_000;
const STEPS_PER_CHARACTER = 20;
const CHARACTERS = 16_000_000;
const CHARACTERS_PER_CHARACTER = 256;
/** Macros and blocks within each other; the templates in use stay below ten. */
const DEPTH = 200;
/** Python refuses to print a whole number of more than 4300 digits. */
const WHOLE_NUMBER_BITS = 14_000;

/** A template asked for more than a rendering may use. */
export class LimitError extends Error {}

export class Budget {
  private steps: number;
  private characters: number;
  private depth = 0;

  /** @param input characters that the template is given */
  constructor(input: number) {
    this.steps = STEPS + STEPS_PER_CHARACTER * input;
    this.characters = CHARACTERS + CHARACTERS_PER_CHARACTER * input;
  }

  step(count = 1): void {
    this.steps -= count;
    if (!(this.steps >= 0)) throw new LimitError("it runs for too long");
  }

  /** Characters of text that are about to be made. */
  make(count: number): void {
    this.characters -= count;
    if (!(this.characters >= 0)) throw new LimitError("it makes too much text");
    this.step(1 + count / 64);
  }

  enter(): void {
    if (++this.depth > DEPTH) throw new LimitError("its macros and blocks are nested too deep");
  }

  leave(): void {
    this.depth--;
  }

  /** Bits of a whole number that is about to be made. */
  bits(count: number): void {
    if (!(count <= WHOLE_NUMBER_BITS))
      throw new LimitError("it computes a whole number of more than 4300 digits");
    this.step(1 + count / 64);
  }
}
