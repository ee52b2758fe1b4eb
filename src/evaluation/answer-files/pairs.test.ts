/** Which model is the baseline of a file of votes, and which answers stand beside each other. */
import { afterAll, expect, test } from "vitest";
import { testFolder } from "../../data/testing.ts";
import { matchAnswers } from "../compare/match.ts";
import { readAnswers } from "./read.ts";

const folder = testFolder();
afterAll(() => folder.remove());

const vote = (
  instruction: string,
  [one, other]: readonly [string, string],
  { first = "sft", second = "dpo", preference = 2 } = {},
): object => ({
  instruction,
  output_1: one,
  generator_1: first,
  output_2: other,
  generator_2: second,
  preference,
});
const read = (name: string, rows: readonly object[]) =>
  readAnswers(folder.write(name, JSON.stringify(rows)));

test.each([1, 2])(
  "the baseline stands first in every pair, whoever won: %s",
  async (preference) => {
    const { sets, notes } = await read(
      `first-${preference}.json`,
      ["a", "b"].map((each) => vote(each, ["x", "y"], { preference })),
    );
    expect(sets.map(({ name }) => name)).toEqual(["sft", "dpo"]);
    expect(notes.join()).not.toContain("baseline");
  },
);

test("where models stand on either side it is the first in the alphabet, said once", async () => {
  const { sets, notes } = await read("sides.json", [
    vote("a", ["x", "y"]),
    vote("b", ["y", "x"], { first: "dpo", second: "sft" }),
  ]);
  expect(sets.map(({ name }) => name)).toEqual(["dpo", "sft"]);
  expect(notes.filter((note) => note.includes("the first in the alphabet, dpo"))).toHaveLength(1);
});

test("answers that were voted on stand beside each other", async () => {
  const { sets } = await read("battles.json", [
    vote("a", ["s1", "d1"]),
    vote("a", ["s1", "d2"]),
    vote("a", ["s2", "d2"]),
    vote("a", ["s2", "d2"], { preference: 1 }),
    vote("b", ["s", "d"]),
    vote("b", ["s", "d"], { preference: 1 }),
  ]);
  const { prompts } = matchAnswers(sets);
  expect(prompts.map(({ answers }) => answers.map((each) => each?.text))).toEqual([
    ["s1", "d1"],
    ["s1", "d2"],
    ["s2", "d2"],
    ["s", "d"],
  ]);
  // some of the battles of another model's
  const turned = matchAnswers([
    { ...sets[0]!, answers: sets[0]!.answers.slice(1) },
    { ...sets[1]!, answers: sets[1]!.answers.slice(0, 3).toReversed() },
  ]);
  expect(
    turned.prompts.slice(0, 2).map(({ answers }) => answers.map((each) => each?.text)),
  ).toEqual([
    ["s1", "d2"],
    ["s2", "d2"],
  ]);
});
