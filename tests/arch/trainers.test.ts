/** A trainer is named in its entry and its own files alone: the rest is made of what these say. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { TRAINERS } from "../../src/training/trainers.ts";
import { readSources } from "../support/imports.ts";
import { repositoryRoot } from "../support/shared.ts";

/** Where a name means something else. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  // a loss, a way to add up losses, a kind of optimisation, and a word that pages explain
  kto: ["objectives/kto.ts"],
  grpo: ["objectives/group-advantages.ts"],
  "best-of-n": [
    "stats/over-optimisation.ts",
    "evaluation/over-optimisation/best-of-n-findings.ts",
    "report/terms.ts",
  ],
};
/** Programs that run certain trainers. */
const USERS = ["quickstart/", "library/trainers.ts", "training/trainers.ts"];
/** Words that every room uses; stages of a pipeline are called so too. */
const WORDS = ["sft", "reward", "dpo"];

test("no shipped file but its own names a trainer", () => {
  const shipped = readSources(join(repositoryRoot, "src")).filter(
    ({ name }) =>
      !/\.test\.ts$|(^|\/)testing(\/|\.ts$)/.test(name) &&
      !USERS.some((user) => name.startsWith(user)),
  );
  expect(shipped.length).toBeGreaterThan(300);
  const names = Object.keys(TRAINERS).filter((name) => !WORDS.includes(name));
  const own = (trainer: string): RegExp =>
    new RegExp(String.raw`^training/(offline|online)/${trainer.replaceAll("+", "-plus")}\b`);
  const named = shipped.flatMap(({ name, text }) =>
    names
      .filter(
        (trainer) =>
          text.includes(`"${trainer}"`) &&
          !own(trainer).test(name) &&
          !ELSEWHERE[trainer]?.includes(name),
      )
      .map((trainer) => `${name}: ${trainer}`),
  );
  expect(named).toEqual([]);
});
