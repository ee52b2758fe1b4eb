import { expect, test } from "vitest";
import type { PreferenceRecord } from "../../data/records.ts";
import { votesJudge } from "../judges/votes-judge.ts";
import { oneVoteEach } from "./votes.ts";

const vote = (line: number, annotator: string | undefined, good: boolean): PreferenceRecord => ({
  kind: "preference",
  prompt: "question",
  chosen: good ? "good" : "bad",
  rejected: good ? "bad" : "good",
  p: 1,
  ...(annotator === undefined ? {} : { annotator }),
  place: { file: "votes.jsonl", row: line },
});

test("an annotator has one vote on a pair, and none where he contradicts himself; both are said", async () => {
  const rows = [
    vote(1, "ann", true),
    vote(2, "ann", true),
    vote(3, "ann", true),
    vote(4, "bob", false),
    vote(5, "cid", true),
    vote(6, "cid", false),
    vote(7, undefined, true),
    vote(8, undefined, true),
  ];
  const { votes, notes } = oneVoteEach(rows);
  expect(votes.map(({ place }) => place.row)).toEqual([1, 4, 7, 8]);
  expect(notes.map(({ id, message }) => [id, message])).toEqual([
    [
      "repeated-votes",
      expect.stringMatching(/left out: 2; the first: votes\.jsonl:2, as votes\.jsonl:1/),
    ],
    [
      "contradictory-votes",
      expect.stringMatching(/left out: 2; the first: votes\.jsonl:5, against votes\.jsonl:6/),
    ],
  ]);
  const { judge } = votesJudge(votes, "people");
  expect(await judge.compare!("question", "good", "bad")).toBe(0.75);
});
