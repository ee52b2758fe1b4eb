/** What changes logits, against its definition written out plainly. */
import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { Scores } from "./scores.ts";
import type { LogitShapingOptions, TokenConstraint } from "./shaping.ts";
import { LogitShaping } from "./shaping.ts";

const VOCABULARY = 120;
const random = Random.for(4, "logits");
const logits = Float32Array.from({ length: VOCABULARY }, () => 4 * random.normal());
const scores = Scores.of(logits, 1 / 0.7);

/** The definition, over the whole vocabulary. */
function plainly(
  {
    bias = new Map(),
    repetitionPenalty: r = 1,
    frequencyPenalty: f = 0,
    presencePenalty: p = 0,
  }: LogitShapingOptions,
  prompt: readonly number[],
  answer: readonly number[],
): Float32Array {
  return logits.map((logit, id) => {
    let changed = Math.fround(logit + (bias.get(id) ?? 0));
    if (prompt.includes(id) || answer.includes(id))
      changed = changed > 0 ? changed / r : changed * r;
    const count = answer.filter((each) => each === id).length;
    return count > 0 ? changed - f * count - p : changed;
  });
}

const PROMPT = [3, 5, 5, 80];
const ANSWER = [7, 5, 7, 100];
const OPTIONS: LogitShapingOptions[] = [
  {
    bias: new Map([
      [3, 5],
      [119, -100],
      [500, 1],
    ]),
  },
  { repetitionPenalty: 1.3 },
  { repetitionPenalty: 0.5 },
  { frequencyPenalty: 0.7 },
  { presencePenalty: -1.5 },
  { bias: new Map([[7, 2]]), repetitionPenalty: 1.2, frequencyPenalty: 1.5, presencePenalty: 0.25 },
];

test.each(OPTIONS)("%j", (options) => {
  const shaping = LogitShaping.of(options, PROMPT)!;
  for (let count = 0; count <= ANSWER.length; count++) {
    const shaped = shaping.shape(scores);
    const expected = plainly(options, PROMPT, ANSWER.slice(0, count));
    shaped.logits.forEach((logit, id) => expect(logit).toBeCloseTo(expected[id]!, 5));
    const total = expected.reduce((sum, logit) => sum + Math.exp(logit / 0.7), 0);
    expect(shaped.logp(7)).toBeCloseTo(expected[7]! / 0.7 - Math.log(total), 4);
    if (count < ANSWER.length) shaping.took(ANSWER[count]!);
  }
  // the model's own are left as they were
  expect(scores.logits).toEqual(Float32Array.from(logits));
});

test("nothing is shaped where the options change nothing", () => {
  expect(LogitShaping.of({}, PROMPT)).toBeUndefined();
  expect(
    LogitShaping.of(
      { bias: new Map(), repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0 },
      PROMPT,
    ),
  ).toBeUndefined();
});

test("only what a constraint allows is drawn, however unlikely, and it follows what was drawn", () => {
  const taken: number[] = [];
  const allowed = (): number[] => (taken.length === 0 ? [1, 33, 118] : [64]);
  const constraint: TokenConstraint = {
    allowed: () => {
      const mask = new Uint32Array(4);
      for (const id of allowed()) mask[id >>> 5]! |= 1 << (id & 31);
      return mask;
    },
    take: (id) => void taken.push(id),
  };
  const shaping = LogitShaping.of({ constrain: () => constraint }, [])!;
  const low = Scores.of(
    logits.map((logit, id) => (id === 1 || id === 33 || id === 64 ? -200 : logit)),
    1,
  );
  const drawn = new Set(
    Array.from(
      { length: 200 },
      (_, seed) =>
        shaping
          .shape(low)
          .choose(
            { temperature: 1, topK: 0, topP: seed % 2 ? 1 : 0.999, minP: 0 },
            Random.for(seed),
          ).id,
    ),
  );
  expect([...drawn]).toEqual([118]);
  const even = Scores.of(new Float32Array(VOCABULARY), 1);
  expect(
    new Set(
      Array.from(
        { length: 200 },
        (_, seed) =>
          shaping.shape(even).choose({ temperature: 1, topK: 0, topP: 1 }, Random.for(seed)).id,
      ),
    ),
  ).toEqual(new Set([1, 33, 118]));
  shaping.took(118);
  expect(shaping.shape(low).choose({ temperature: 0, topK: 0, topP: 1 }, Random.for(1)).id).toBe(
    64,
  );
  expect(taken).toEqual([118]);
});
