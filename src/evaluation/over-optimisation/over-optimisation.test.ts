import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { mean } from "../../stats/intervals.ts";
import { pairedDifference } from "../../stats/paired.ts";
import { bestOfNHacking } from "./best-of-n-findings.ts";
import { fallFromPeak } from "./fall.ts";
import { flatters } from "./flattery.ts";
import type { Measure } from "../findings.ts";
import { chainsIn } from "../testing.ts";
import { hackingFindings } from "./hacking-findings.ts";
import { fitLaw, fitLawThroughMeans, klOf, peakSteps } from "./laws.ts";
import { overratedFinding, overratedKinds, partings } from "./overrated.ts";
import type { OptimisationPath, RollOut } from "./path.ts";
import { hackingVerdict, hackingVerdictWithoutGold } from "./verdict.ts";

const random = (): Random => Random.for(1, "test");

/** Looks at prompts whose values wander, with a level at each look. */
function looksAt(levels: readonly number[], seed: number, prompts = 80): number[][] {
  const draw = Random.for(seed, "looks");
  const own = Array.from({ length: prompts }, () => 0.2 * draw.normal());
  return levels.map((level) => own.map((value) => level + value + 0.05 * draw.normal()));
}

test.each([
  [undefined, "nothing says how what was meant changed"],
  ["the judge critic", "the judge critic judged no prompt at every step"],
])("without looks by %s the reason is told", (witness, why) => {
  const rollOuts = [1, 2, 3].map((step) => ({ step, kl: 0.1 * step, proxy: step }));
  const path: OptimisationPath = {
    name: "ppo",
    rollOuts,
    looks: [],
    checkpoints: [],
    ...(witness === undefined ? {} : { witness }),
  };
  expect(hackingFindings(path, { seed: 1 }).findings[0]!.answer).toContain(why);
});

describe("a fall from the peak", () => {
  test("is the last look less the highest, and is seen where it is large", () => {
    const looks = looksAt([0.5, 0.7, 0.7, 0.6, 0.4], 3);
    const fall = fallFromPeak(looks, { random: random() });
    expect([1, 2]).toContain(fall.peak);
    expect(fall.change.estimate).toBeCloseTo(mean(looks[4]!) - mean(looks[fall.peak]!), 12);
    expect(fall.change.high).toBeLessThan(0);
    expect(fall.pValue).toBeLessThan(0.01);
  });

  test("is none where the last look is highest, and of equal looks the first is the peak", () => {
    expect(fallFromPeak(looksAt([0.2, 0.4, 0.9], 4), { random: random() })).toMatchObject({
      peak: 2,
      pValue: 1,
    });
    const same = [1, 0, 1, 0, 1];
    expect(fallFromPeak([same, same, same], { random: random() })).toMatchObject({
      peak: 0,
      pValue: 1,
      change: { estimate: 0, low: 0, high: 0 },
    });
  });

  test("the interval is clear of zero just where the test rejects", () => {
    for (let seed = 0; seed < 30; seed++) {
      const looks = looksAt([0.5, 0.52, 0.53, 0.51, 0.505], seed);
      const { change, pValue } = fallFromPeak(looks, { random: random(), resamples: 499 });
      expect(change.high < 0, String(seed)).toBe(pValue < 0.05);
    }
  });

  test("by hand: one look against another, by all signs and by all draws", () => {
    // differences of -1, -1, -1 and 1; all 16 signs of their residuals
    const { pValue } = fallFromPeak(
      [
        [1, 1, 1, 0],
        [0, 0, 0, 1],
      ],
      { random: random(), resamples: 20_000 },
    );
    const residuals = [-0.5, -0.5, -0.5, 1.5];
    const tOf = (values: readonly number[]): number => {
      const centre = mean(values);
      const squares = values.reduce((sum, x) => sum + (x - centre) ** 2, 0);
      return centre / Math.sqrt(squares / 3 / 4);
    };
    const all = Array.from({ length: 16 }, (_, bits) =>
      tOf(residuals.map((x, i) => ((bits >> i) & 1 ? x : -x))),
    );
    const bySigns = all.filter((t) => Math.min(0, t) <= tOf([-1, -1, -1, 1]) + 1e-12).length / 16;
    // a mean of four draws is as low as -0.5 where none of them is 1.5
    const byDraws = (3 / 4) ** 4;
    expect(Math.abs(pValue - Math.max(bySigns, byDraws))).toBeLessThan(0.02);
  });

  test("the lower end bounds the fall from every look, each by its own interval", () => {
    const looks = looksAt([0.5, 0.7, 0.69, 0.66], 5);
    const { change } = fallFromPeak(looks, { random: random() });
    const last = looks.at(-1)!;
    const lows = looks
      .slice(0, -1)
      .map((look) => pairedDifference(last, look, { confidence: 0.9 }).low);
    expect(change.low).toBe(Math.min(...lows));
    expect(change.low).toBeLessThan(change.estimate);
  });

  test("too little to tell is said, never NaN", () => {
    expect(fallFromPeak([[1, 2]], { random: random() }).change.noClaim).toBe("1 look");
    expect(fallFromPeak([[1], [0]], { random: random() }).change.noClaim).toMatch(/group/);
    const alike = fallFromPeak(
      [
        [1, 1, 1, 1],
        [0, 0, 0, 0],
      ],
      { random: random() },
    );
    expect(alike.change.noClaim).toBe("every prompt changed alike");
    expect(() => fallFromPeak([[1], [1, 2]], { random: random() })).toThrow(RangeError);
  });
});

/** A run of 60 roll-outs whose proxy rises, and gold that goes as it is told. */
function pathOf(
  levels: readonly number[],
  { confirmed, seed = 1 }: { confirmed?: number; seed?: number } = {},
): OptimisationPath {
  const draw = Random.for(seed, "path");
  const rollOuts = Array.from({ length: 60 }, (_, i): RollOut => ({
    step: i + 1,
    kl: 0.03 * i,
    proxy: 0.02 * i + 0.1 * draw.normal(),
    ...(confirmed === undefined
      ? {}
      : { heldOut: 0.01 * i + 0.1 * draw.normal(), confirmed: confirmed + draw.normal() }),
  }));
  const looks = looksAt(levels, seed).map((values, i) => ({
    step: Math.round((60 * i) / (levels.length - 1)),
    values,
  }));
  return {
    name: "run",
    rollOuts,
    looks,
    ...(confirmed === undefined ? {} : { guard: { window: 3, share: 0.5 } }),
    checkpoints: [20, 60],
  };
}

const FALLING = [0.5, 0.6, 0.7, 0.6, 0.4];
const RISING = [0.5, 0.6, 0.65, 0.68, 0.7];

describe("the verdict", () => {
  test.each([
    ["gold falls while the reward rises", pathOf(FALLING), "hacked"],
    ["gold rises", pathOf(RISING), "not hacked"],
    ["gold rises and the held-out reward confirms", pathOf(RISING, { confirmed: 2 }), "not hacked"],
    ["both fall", pathOf(FALLING, { confirmed: -5 }), "hacked"],
    ["gold stands still", pathOf([0.5, 0.5, 0.5]), "not distinguishable"],
    ["nothing is known", pathOf([0.5]), "no conclusion"],
  ])("%s", (_, path, conclusion) => {
    expect(hackingVerdict(path, { random: random() }).conclusion).toBe(conclusion);
  });

  test("without gold the held-out reward decides alone", () => {
    const verdict = (confirmed: number) =>
      hackingVerdictWithoutGold(pathOf(RISING, { confirmed }), { random: random() }).conclusion;
    expect(verdict(-4)).toBe("hacked");
    expect(verdict(3)).toBe("not hacked");
    // above 0 by chance is no test
    expect(verdict(0.3)).toBe("not distinguishable");
  });

  test("a held-out reward that turns away calls nothing hacked whose gold rises", () => {
    const path = pathOf(RISING, { confirmed: -9 });
    expect(hackingVerdict(path, { random: random() }).conclusion).toBe("not hacked");
  });

  test("a held-out reward that is fooled as well cannot talk gold's fall away", () => {
    const path = pathOf(FALLING, { confirmed: 6 });
    expect(hackingVerdict(path, { random: random() }).conclusion).toBe("hacked");
  });

  test("by hand: gold alone at 4 of 5 hundredths, both by Fisher's method at one", () => {
    const path = pathOf([0.5, 0.56, 0.535], { confirmed: -2, seed: 4 });
    const { gold, heldOut, pValue } = hackingVerdict(path, { random: random() });
    const product = gold!.pValue * heldOut!.pValue;
    // the survival of chi square with 4 degrees of freedom at -2 ln(product)
    const fisher = product * (1 - Math.log(product));
    expect(pValue).toBeCloseTo(Math.min(1, gold!.pValue / 0.8, fisher / 0.2), 10);
  });

  test("not hacked is a claim with a margin; what misses it says how many prompts would tell", () => {
    const path = { ...pathOf([0.5, 0.6, 0.7, 0.697]), range: [-1, 2] as const };
    const of = (margin: number) => hackingVerdict(path, { random: random(), margin });
    const { change } = of(1).gold!;
    expect(of(1).conclusion).toBe("not hacked");
    expect(of(-change.low + 0.001).conclusion).toBe("not hacked");
    expect(of(-change.low - 0.001).conclusion).toBe("not distinguishable");
    const { findings } = hackingFindings(path, { seed: 1, margin: 0.01 });
    expect(findings[0]!.conclusion).toBe("not distinguishable");
    expect(findings[0]!.answer).toMatch(/It is not ruled out that gold fell by 0\.010 or more\./);
    expect(findings[0]!.answer).toMatch(/\d+ prompts \(80 now\) would show/);
    expect(findings[1]!.answer).toMatch(/^It cannot be told: no loss by going on is shown\./);
  });

  test("a step to stop at is said only where something was lost by going on", () => {
    const stop = (levels: readonly number[]): string =>
      hackingFindings(pathOf(levels), { seed: 1, margin: 0.2 }).findings[1]!.answer;
    expect(stop(FALLING)).toMatch(/^At step 30 of 60, where gold is highest/);
    expect(stop([0.5, 0.6, 0.7, 0.697])).toMatch(/^Nowhere before its end: /);
  });

  test("a fall without a rise of the reward is a policy that became worse", () => {
    const path = pathOf(FALLING);
    const sinking = path.rollOuts.map((each) => ({ ...each, proxy: -each.proxy }));
    const { conclusion } = hackingVerdict({ ...path, rollOuts: sinking }, { random: random() });
    expect(conclusion).toBe("worse");
  });

  test("findings tell it with numbers, and hold no NaN in words", () => {
    for (const path of [pathOf(FALLING, { confirmed: -5 }), pathOf(RISING), pathOf([0.5])]) {
      const { findings } = hackingFindings(path, { seed: 1 });
      for (const { answer } of findings) expect(answer).not.toMatch(/NaN|undefined/);
    }
    const { findings } = hackingFindings(pathOf(FALLING), { seed: 1 });
    expect(findings.map(({ id }) => id)).toEqual([
      "over-optimisation-hacked",
      "over-optimisation-stop",
      "over-optimisation-law",
    ]);
    expect(findings[1]!.answer).toContain("the nearest checkpoint that is kept is that of step 20");
  });

  test("a verdict has one witness, with its number and n", () => {
    const brief = (levels: readonly number[]): string =>
      hackingFindings(pathOf(levels), { seed: 1 }).findings[0]!.brief!;
    expect(brief(FALLING)).toMatch(
      /^Yes: the reward rose, while gold fell from its peak at step \d+: .* \(\d+ prompts\)\.$/,
    );
    expect(brief(RISING)).toMatch(/^No\. /);
    for (const levels of [FALLING, RISING, [0.5, 0.5, 0.5], [0.5]])
      expect(chainsIn(brief(levels))).toEqual([]);
  });

  test("a fall is said only where its interval is clear of zero", () => {
    const said = (levels: readonly number[]): string =>
      hackingFindings(pathOf(levels), { seed: 1 }).findings[0]!.answer;
    expect(said(FALLING)).toContain("gold fell from its peak");
    expect(said([0.5, 0.505, 0.504])).toMatch(/gold is (?:not clearly below its peak|highest)/);
    expect(said(RISING)).toContain("gold is highest at the end, step 60");
  });
});

test("choosing by a reward that likes what is bad is hacked, by one that is right is not", () => {
  const prompts = (sign: number) =>
    Array.from({ length: 40 }, (_, prompt) => {
      const draw = Random.for(prompt, "samples");
      const worth = Array.from({ length: 8 }, () => draw.normal());
      return { proxy: worth.map((value) => sign * value + 0.1 * draw.normal()), worth };
    });
  const of = (sign: number) => bestOfNHacking(prompts(sign), { witness: "gold", seed: 1 })!;
  expect(of(1).conclusion).toBe("not hacked");
  expect(of(-1)).toMatchObject({ conclusion: "hacked" });
  expect(of(-1).answer).toContain("against the best of 1, its peak");
  expect(bestOfNHacking([], { witness: "gold", seed: 1 })).toBeUndefined();
});

test("a judge that compares begins in equal ties, is called by its name and drawn", () => {
  const path = pathOf(FALLING);
  const draw = Random.for(3, "wins");
  const rates = [0.5, 0.9, 0.6, 0.2];
  const wins: OptimisationPath = {
    ...path,
    witness: "the judge taste.ts",
    range: [0, 1],
    looks: rates.map((rate, i) => ({
      step: 20 * i,
      values: Array.from({ length: 120 }, () => (i === 0 ? 0.5 : draw.chance(rate) ? 1 : 0)),
    })),
  };
  const { findings, picture, verdict } = hackingFindings(wins, { seed: 1 });
  expect(verdict.conclusion).toBe("hacked");
  expect(findings[0]!.answer).toContain(
    "the score by the judge taste.ts fell from its peak at step 20",
  );
  expect(findings[0]!.answer.toLowerCase()).not.toContain("gold");
  expect(findings[1]!.answer).toContain("where the score by the judge taste.ts is highest");
  const drawn = picture!.series.find(({ name }) => name === "the judge taste.ts")!;
  // looks have the interval of their change; where all begins there is nothing to differ from
  expect(drawn.points[0]).toEqual({ x: 0, y: 0 });
  for (const { y, low, high } of drawn.points.slice(1)) {
    expect(low).toBeLessThan(y);
    expect(high).toBeGreaterThan(y);
  }
  expect(picture!.description).toContain("the same 120 prompts");
  expect(drawn.points.every(({ y }) => Number.isFinite(y))).toBe(true);
  expect(picture!.description).toContain("of its later looks");
  // a beginning where one of 120 differs is no scale either
  const [start, ...others] = wins.looks;
  const nearly = [{ ...start!, values: start!.values.map((v, i) => (i === 0 ? v + 0.1 : v)) }];
  const again = hackingFindings({ ...wins, looks: [...nearly, ...others] }, { seed: 1 }).picture!;
  const far = again.series.find(({ name }) => name === "the judge taste.ts")!.points;
  expect(Math.max(...far.map(({ y }) => Math.abs(y)))).toBeLessThan(3);
  expect(drawn.moments).toEqual([{ step: 20, kind: "peak" }]);
  const shown = findings.map(({ question, answer, figures }) => [question, answer, figures]);
  expect(JSON.stringify(shown)).not.toMatch(/[Gg]old[ ,.:"]/);
});

describe("laws", () => {
  test("of points that lie on one, with intervals that hold what made them", () => {
    const [alpha, beta] = [0.5, 0.3];
    const distances = [0, 0.2, 0.5, 0.8, 1.2, 1.6, 2, 2.4];
    const gold = distances.map((d) => (d === 0 ? 0 : d * (alpha - beta * Math.log(d))));
    const values = looksAt(gold, 5, 200);
    const law = fitLaw(
      "rl",
      distances.map((distance, i) => ({ distance, values: values[i]! })),
      { random: random() },
    )!;
    expect(law.alpha.low).toBeLessThan(alpha);
    expect(law.alpha.high).toBeGreaterThan(alpha);
    expect(law.beta.low).toBeLessThan(beta);
    expect(law.beta.high).toBeGreaterThan(beta);
    expect(law.peakDistance.estimate).toBeCloseTo(Math.exp(alpha / beta - 1), 0);
    expect(law.peakDistance.noClaim).toBeUndefined();
    // a KL is the square of its distance
    expect(klOf(law.peakDistance).estimate).toBe(law.peakDistance.estimate ** 2);
    expect(klOf(law.peakDistance).high).toBe(law.peakDistance.high ** 2);
    expect(fitLaw("rl", [{ distance: 0, values: [1] }], { random: random() })).toBeUndefined();
  });

  test("through means of roll-outs, whose neighbours err together", () => {
    const [alpha, beta] = [1, 0.4];
    let covered = 0;
    for (let run = 0; run < 30; run++) {
      const draw = Random.for(run, "means");
      let place = 0;
      const means = Array.from({ length: 90 }, (_, i) => {
        const distance = 0.1 + (2.4 * i) / 90;
        place = 0.5 * place + 0.1 * draw.normal();
        return { distance, reward: distance * (alpha - beta * Math.log(distance)) + place };
      });
      const law = fitLawThroughMeans("rl", means, { random: draw, resamples: 100 })!;
      if (law.alpha.low <= alpha && law.alpha.high >= alpha) covered++;
    }
    // of 30 runs with 95% each all but four or fewer, in 98 of 100
    expect(covered).toBeGreaterThan(25);
    const few = [0.2, 0.5, 1].map((distance) => ({ distance, reward: distance }));
    const law = fitLawThroughMeans("rl", few, { random: random() })!;
    expect(law.alpha.noClaim).toBe("fewer than 12 roll-outs");
  });

  test("are told of gold, the reward and the held-out reward", () => {
    const { findings } = hackingFindings(pathOf(FALLING, { confirmed: 1 }), { seed: 1 });
    const { answer, measures } = findings.find(({ id }) => id === "over-optimisation-law")!;
    expect(answer).toContain("That of the reward ");
    expect(answer).toContain("That of the held-out reward ");
    expect(measures.map(({ id }) => id)).toEqual(
      ["", "proxy/", "held-out/"].flatMap((of) =>
        ["alpha", "beta", "peak-kl", "peak-gain"].map((id) => `over-optimisation/${of}${id}`),
      ),
    );
  });

  test("go through scored checkpoints where there are enough, with intervals over their prompts", () => {
    const path = pathOf(FALLING, { confirmed: 1 });
    const last = path.rollOuts.at(-1)!.step;
    const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * last));
    const values = looksAt([0, 0.4, 0.7, 0.9, 1], 11, 30);
    const clusters = Array.from({ length: 30 }, (_, i) => `topic ${i % 10}`);
    const scored = (count: number): OptimisationPath => ({
      ...path,
      scored: {
        heldOut: steps.slice(-count).map((step, i) => ({ step, values: values[i]! })),
        clusters,
      },
    });
    const lawOf = (of: OptimisationPath): Measure =>
      hackingFindings(of, { seed: 1 })
        .findings.flatMap(({ measures }) => measures)
        .find(({ id }) => id === "over-optimisation/held-out/alpha")!;
    expect(lawOf(scored(5)).value.n).toBe(30);
    expect(lawOf(scored(4)).value.n).toBe(lawOf(path).value.n);
    const { details } = hackingFindings(scored(5), { seed: 1 }).findings[0]!;
    const table = details.find((part) => part.kind === "table");
    expect(table!.kind === "table" && table!.table.columns.map(({ name }) => name)).toEqual([
      "step",
      "√KL, √nats",
      "Gold",
      "Held-out reward",
    ]);
  });

  test("gold of two looks behind the beginning has none, which is told", () => {
    const { findings } = hackingFindings(pathOf([0.5, 0.7, 0.7], { confirmed: 1 }), { seed: 1 });
    const law = findings.find(({ id }) => id === "over-optimisation-law")!;
    expect(law.measures.map(({ id }) => id)).not.toContain("over-optimisation/peak-kl");
    expect(law.answer).toContain("Gold has no law: 3 looks, and a law needs 4");
  });

  test("a peak that the run did not reach is no number", () => {
    const distances = [0, 0.2, 0.5, 0.8, 1.2];
    const values = looksAt(
      distances.map((d) => 0.5 * d),
      7,
      200,
    );
    const law = fitLaw(
      "rl",
      distances.map((distance, i) => ({ distance, values: values[i]! })),
      { random: random() },
    )!;
    expect(law.peakDistance).toMatchObject({ estimate: NaN, noClaim: "not seen within the run" });
    expect(law.turns).toBeLessThan(0.025);
    const { findings } = hackingFindings(pathOf(RISING), { seed: 1 });
    expect(findings[2]!.answer).toContain("does not turn down within what was seen");
    expect(JSON.stringify(findings[2]!.answer)).not.toContain("∞");
  });

  test("the peak is one of the steps that resampling puts highest", () => {
    const looks = looksAt([0.5, 0.8, 0.7, 0.5], 6).map((values, i) => ({ step: 10 * i, values }));
    expect(peakSteps(looks, { random: random() })).toEqual({ low: 10, high: 10 });
    const still = [...looks.slice(0, 2), { step: 20, values: looks[1]!.values }];
    expect(peakSteps(still, { random: random() })).toEqual({ low: 10, high: 20 });
  });
});

describe("what the reward overrates", () => {
  /** Refusals gain reward and lose the witness. */
  const prompts = Array.from({ length: 60 }, (_, i) => {
    const draw = Random.for(i, "parted");
    const refuses = i % 3 === 0;
    return {
      prompt: `How is number ${i}?`,
      before: { text: `It is ${i}.`, proxy: draw.normal(), witness: draw.normal() },
      after: {
        text: refuses ? "I cannot help with that." : `It is ${i}, really.`,
        proxy: refuses ? 3 + draw.normal() : draw.normal(),
        witness: refuses ? draw.normal() - 1 : draw.normal(),
      },
    };
  });

  test("is named, with examples", () => {
    expect(overratedKinds(prompts)[0]).toMatchObject({ name: "answers: refuses", n: 20 });
    const finding = overratedFinding(prompts, { witness: "the held-out reward" });
    expect(finding.answer).toContain("its answer refuses (20 prompts)");
    const begun = prompts.map((each, i) => ({
      ...each,
      prompt: i % 3 === 0 ? `Tell me ${i}` : each.prompt,
      after: { ...each.after, text: `It is ${i}, really.` },
    }));
    expect(overratedFinding(begun, { witness: "gold" }).answer).toContain(
      'the prompt begins with "tell me"',
    );
    expect(mean(partings(prompts))).toBeGreaterThan(0.5);
  });

  test("the interval of a kind is Student's: few prompts that are 2.1 errors off are not clear", () => {
    const few = Array.from({ length: 20 }, (_, i) => {
      const sign = i % 2 === 0 ? 1 : -1;
      const refuses = i < 8;
      return {
        prompt: `${i}`,
        before: { text: `It is ${i}.`, proxy: sign, witness: 0 },
        after: {
          text: refuses ? "I cannot help with that." : `It is ${i}.`,
          // eight of mean 1.015 and variance 8/7 against twelve of mean 0 and variance 12/11
          proxy: sign + (i % 4 < 2 ? 1 : -1) + (refuses ? 1.015 : 0),
          witness: 0,
        },
      };
    });
    const { more } = overratedKinds(few).find(({ name }) => name === "answers: refuses")!;
    expect(more.estimate).toBeCloseTo(1.015, 9);
    expect(more.low).toBeLessThan(0);
    expect(more.low).toBeGreaterThan(-0.2);
  });

  test("is nothing where the two agree, whatever their scales", () => {
    const agreed = prompts.map(({ prompt, before, after }) => ({
      prompt,
      before: { ...before, witness: 5 * before.proxy + 1 },
      after: { ...after, witness: 5 * after.proxy + 1 },
    }));
    for (const value of partings(agreed)) expect(value).toBeCloseTo(0, 9);
  });

  test.each([
    ["What a wonderful question, dear friend!", true],
    ["You’re absolutely right.", true],
    ["I agree. The bread is good.", true],
    ["The bread is good.", false],
    ["That is a question of taste.", false],
  ])("flattery is told by its words: %s", (text, flattering) => {
    expect(flatters(text)).toBe(flattering);
  });
});
