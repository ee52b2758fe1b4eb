import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import type { GuardStep } from "./guard.ts";
import { correlation, judgeGuard } from "./guard.ts";

/**
 * A roll-out whose proxy has the given mean, and whose held-out reward follows it with slope rho
 * from its own mean.
 */
function rollout(
  random: Random,
  { proxy, heldOut, rho }: { proxy: number; heldOut: number; rho: number },
): GuardStep {
  const noise = Array.from({ length: 64 }, () => random.normal());
  return {
    proxy: noise.map((x) => proxy + x),
    heldOut: noise.map((x) => heldOut + rho * x + Math.sqrt(1 - rho * rho) * random.normal()),
  };
}

const rho = 0.7;
const options = { correlation: rho, alpha: 0.001, share: 0.5 };
/** The verdict on eight roll-outs, the i-th with these means. */
const judge = (seed: number, means: (i: number) => { proxy: number; heldOut: number }) =>
  judgeGuard(
    Array.from({ length: 8 }, (_, i) => rollout(Random.for(seed, i), { ...means(i), rho })),
    options,
  );
const alarms = (count: number, means: (i: number) => { proxy: number; heldOut: number }): number =>
  Array.from({ length: count }, (_, seed) => judge(seed, means)).filter(
    ({ reason }) => reason !== undefined,
  ).length;

describe("the guard", () => {
  test("false alarms are as rare as alpha says: at the start, and while an honest gain is made", () => {
    expect(alarms(400, () => ({ proxy: 0, heldOut: 0 }))).toBeLessThanOrEqual(3);
    expect(alarms(400, (i) => ({ proxy: 0.3 * i, heldOut: 0.3 * i * rho }))).toBeLessThanOrEqual(3);
    // Exactly half of the predicted gain is confirmed: the edge of the first test.
    expect(alarms(400, () => ({ proxy: 2, heldOut: 1 * rho }))).toBeLessThanOrEqual(3);
  });

  test("a gain that the held-out reward does not confirm is found", () => {
    expect(alarms(100, () => ({ proxy: 2, heldOut: 0.2 }))).toBeGreaterThan(95);
    expect(judge(1, () => ({ proxy: 2, heldOut: 0.2 })).reason).toBe("unconfirmed");
  });

  test("a held-out reward that falls or stands still behind the proxy is found, whatever was gained before; a fall of both is another matter", () => {
    expect(judge(1, (i) => ({ proxy: 3 + 0.1 * i, heldOut: 2 - 0.25 * i })).reason).toBe("stalled");
    expect(alarms(100, (i) => ({ proxy: 3 + 0.1 * i, heldOut: 2 - 0.25 * i }))).toBeGreaterThan(95);
    // Over-optimisation as it begins: the proxy goes on, and what was gained before is not lost
    // yet.
    expect(alarms(100, (i) => ({ proxy: 1 + 0.17 * i, heldOut: 0.7 }))).toBeGreaterThan(80);
    expect(alarms(100, (i) => ({ proxy: 3 - 0.3 * i, heldOut: 2.7 - 0.25 * i }))).toBe(0);
  });

  test("the share decides how much must be confirmed", () => {
    const window = Array.from({ length: 8 }, (_, i) =>
      rollout(Random.for(2, i), { proxy: 2, heldOut: 0.75 * 2 * rho, rho }),
    );
    const verdict = (share: number) => judgeGuard(window, { ...options, share }).reason;
    expect([0.5, 0.7].map(verdict)).toEqual([undefined, undefined]);
    expect([0.85, 1].map(verdict)).toEqual(["unconfirmed", "unconfirmed"]);
  });

  test("without a correlation nothing can be confirmed", () => {
    const window = [rollout(Random.for(1, "a"), { proxy: 2, heldOut: -0.1, rho: 0 })];
    expect(judgeGuard(window, { ...options, correlation: 0.05 }).reason).toBeUndefined();
    expect(judgeGuard(window, { ...options, correlation: 0.05 }).stalled).toBeNaN();
  });

  test("correlation: exact cases", () => {
    expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12);
    expect(correlation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
    expect(correlation([1, 2, 3], [5, 5, 5])).toBe(0);
    expect(correlation([0, 1, 0, 1], [0, 0, 1, 1])).toBeCloseTo(0, 12);
  });
});
