/**
 * A policy that collapses is told: one text for all prompts, or far fewer different pairs of words
 * than at first; also over a restart.
 */
import { expect, test } from "vitest";
import { Monitor } from "./monitor.ts";
import type { Rollout, RolloutPrompt } from "./rollout.ts";

const prompts: RolloutPrompt[] = Array.from({ length: 8 }, (_, row) => ({
  record: { kind: "prompt", prompt: `p${row}`, place: { row } },
  ids: Int32Array.of(1),
}));
const answers = (text: (index: number) => string): Rollout[] =>
  prompts.map((prompt, index) => ({
    prompt,
    ids: Int32Array.of(2),
    stopped: true,
    text: text(index),
  }));
const make = (): Monitor =>
  new Monitor(undefined, { guard: "off", guardWindow: 2, guardAlpha: 0.01, guardShare: 0.5 });
const told = (monitor: Monitor, rollouts: readonly Rollout[]): string[] =>
  monitor
    .watch(
      rollouts,
      rollouts.map((_, i) => i),
      undefined,
    )
    .warnings.map(({ id, message }) => `${id}: ${message.split(";")[0]}`);

test("varied answers are no collapse, one text is, and is told once", () => {
  const monitor = make();
  const varied = answers((i) => `answer ${i} of ${i * 7} words`);
  expect(told(monitor, varied)).toEqual([]);
  expect(
    told(
      monitor,
      answers((i) => `answer ${i} of the same words`),
    ),
  ).toEqual([]);
  const same = answers(() => "always this");
  expect(told(monitor, same)).toEqual([
    "collapsed-policy: the policy has collapsed: 100% of its answers to 8 prompts are the same, " +
      '"always this"',
  ]);
  expect(told(monitor, same)).toEqual([]);
});

test("answers that repeat themselves are, also after a restart", () => {
  const first = make();
  expect(
    told(
      first,
      answers((i) => `answer ${i} of ${i * 7} words`),
    ),
  ).toEqual([]);
  const monitor = make();
  monitor.restore(first.state);
  expect(
    told(
      monitor,
      answers((i) => `${"ha ".repeat(30)}${i}`),
    ),
  ).toEqual([
    expect.stringMatching(
      new RegExp(
        String.raw`^collapsed-policy: the policy is collapsing: \d\.\d% of the pairs of ` +
          String.raw`words in its answers are different, where it was \d+\.\d% at first$`,
      ),
    ),
  ]);
  expect(
    told(
      make(),
      answers((i) => `${"ha ".repeat(30)}${i}`),
    ),
  ).toEqual([]);
});

test("empty answers and answers without an end are told once, with the share of them", () => {
  const monitor = make();
  const empty = answers((i) => (i < 2 ? "" : `answer ${i} of ${i * 7} words`));
  expect(told(monitor, empty)).toEqual([
    "empty-answers: 2 of 8 answers are empty: an answer without words or without an end says " +
      "little to a reward",
  ]);
  expect(told(monitor, empty)).toEqual([]);
  const cut = answers((i) => `answer ${i} of ${i * 7} words`).map((each, i) => ({
    ...each,
    stopped: i < 3,
  }));
  expect(told(monitor, cut)).toEqual([
    expect.stringMatching(
      /^cut-answers: 5 of 8 answers did not end by themselves and were cut, such as "answer 3/,
    ),
  ]);
});
