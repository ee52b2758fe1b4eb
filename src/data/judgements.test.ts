import { describe, expect, test } from "vitest";
import { isTie, likelierAsChosen, readAsCertain, turnedOver } from "./judgements.ts";
import type { PreferenceRecord } from "./records.ts";

const pair = (p: number, row = 1, more: Partial<PreferenceRecord> = {}): PreferenceRecord => ({
  kind: "preference",
  prompt: "q",
  chosen: "a",
  rejected: "b",
  p,
  place: { file: "pairs.jsonl", row },
  ...more,
});

test("the likelier answer is the chosen one, with all that is said of it", () => {
  expect(likelierAsChosen(pair(0.5))).toEqual(pair(0.5));
  expect(likelierAsChosen(pair(1))).toEqual(pair(1));
  const models = { chosen: "m", rejected: "n" };
  expect(likelierAsChosen(pair(0.25, 1, { margin: -2, side: "first", models }))).toEqual(
    pair(0.75, 1, {
      chosen: "b",
      rejected: "a",
      margin: 2,
      side: "second",
      models: { chosen: "n", rejected: "m" },
    }),
  );
  expect([pair(0.5), pair(0.51), pair(0)].map(isTie)).toEqual([true, false, false]);
});

describe("what is told", () => {
  const pairs = [pair(1, 1), pair(0.5, 2), pair(0.1, 3), pair(0, 4), pair(0.7, 5)];

  test("pairs that are turned over, with the first", () => {
    expect(turnedOver(pairs)).toEqual([
      {
        id: "turned-over-pairs",
        message:
          "2 of 5 pairs have a p below 0.5, which says that the rejected answer is the better " +
          "one: it is taken as the chosen one; the first: pairs.jsonl:3, p 0.1",
      },
    ]);
    expect(turnedOver([pair(1), pair(0.5)])).toEqual([]);
  });

  test("ties and probabilities that a reader does not read", () => {
    expect(readAsCertain(pairs, "ipo").map(({ message }) => message)).toEqual([
      "1 of 5 pairs are ties (p 0.5), from which ipo learns nothing: left out; the first: " +
        "pairs.jsonl:2, p 0.5",
      "2 of 5 pairs have a p between 0 and 1, which ipo does not read: the likelier answer counts " +
        "as the better one for certain; the first: pairs.jsonl:3, p 0.1",
    ]);
    expect(readAsCertain([pair(1), pair(0)], "ipo")).toEqual([]);
  });
});
