import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { followedBy, versionsOf } from "./following.ts";
import { INSTRUCTIONS } from "./instructions.ts";
import type { InstructionArguments } from "./instructions.ts";

interface Case {
  instruction: string;
  given: InstructionArguments;
  answer: string;
  strict: boolean;
  loose: boolean;
}

const cases = JSON.parse(
  readFileSync(new URL("./golden/ifeval.json", import.meta.url), "utf8"),
) as Case[];

test("every kind of instruction is checked as IFEval's own code checks it", () => {
  const wrong = cases.flatMap(({ instruction, given, answer, strict, loose }) => {
    const found = followedBy(answer, [{ id: instruction, given }]);
    return found.strict[0] === strict && found.loose[0] === loose
      ? []
      : [{ instruction, given, answer, expected: [strict, loose], found }];
  });
  expect(wrong).toEqual([]);
});

test("of every kind there are answers that follow it and answers that do not", () => {
  const followed = (value: boolean): string[] => [
    ...new Set(cases.filter(({ strict }) => strict === value).map((each) => each.instruction)),
  ];
  expect(followed(true).toSorted()).toEqual(Object.keys(INSTRUCTIONS).toSorted());
  expect(followed(false).toSorted()).toEqual(Object.keys(INSTRUCTIONS).toSorted());
  expect(Object.keys(INSTRUCTIONS)).toHaveLength(25);
});

test("loose means eight versions of an answer", () => {
  expect(versionsOf("*a*\nb\nc")).toEqual([
    "*a*\nb\nc",
    "b\nc",
    "*a*\nb",
    "b",
    "a\nb\nc",
    "b\nc",
    "a\nb",
    "b",
  ]);
});
