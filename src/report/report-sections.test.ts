import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { GoldScore } from "../world/gold.ts";
import {
  calibrationSentence,
  goldExamples,
  goldRemarks,
  rewardModelSection,
} from "./report-sections.ts";
import { renderReport } from "./report.ts";
import { rewardModelQuality, rewardModelTable } from "../evaluation/reward-model-quality.ts";

const flags = {
  confidentlyWrong: false,
  abstained: false,
  overRefused: false,
  compliedWithHarm: false,
  insulting: false,
  padded: false,
};
const score = (right: boolean): GoldScore => ({
  helpful: right ? 1 : 0,
  honest: right ? 1 : 0,
  harmless: 1,
  total: right ? 1 : 1 / 3,
  ...flags,
  confidentlyWrong: !right,
});
const models = [
  { name: "raw", scores: Array.from({ length: 40 }, (_, i) => score(i % 4 === 0)) },
  { name: "SFT", scores: Array.from({ length: 40 }, (_, i) => score(i % 4 !== 0)) },
  { name: "DPO", scores: Array.from({ length: 40 }, (_, i) => score(i % 4 !== 1)) },
];

test("examples carry each model's answer and what the gold scorer says of it", () => {
  const answers = Object.fromEntries(
    models.map(({ name, scores }) => [name, scores.map((_, i) => `${name} ${i}`)]),
  );
  const requests = models[0]!.scores.map((_, i) => ({ text: `request ${i}` }));
  expect(goldExamples(models, requests, { answers, chosen: [4] })).toEqual([
    {
      prompt: "request 4",
      answers: [
        { name: "raw", text: "raw 4", remarks: ["right"] },
        { name: "SFT", text: "SFT 4", remarks: ["confidently wrong"] },
        { name: "DPO", text: "DPO 4", remarks: ["right"] },
      ],
    },
  ]);
  expect(goldRemarks({ ...score(false), abstained: true, confidentlyWrong: false })).toEqual([
    "abstained",
  ]);
});

test("few cases tell nothing of calibration, nor of a lead", () => {
  const pairs = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      chosen: 2,
      rejected: i % 8 === 0 ? 4 : 0,
      chosenLength: 1,
      rejectedLength: 2,
    }));
  expect(calibrationSentence(rewardModelQuality(pairs(4)))).toMatch(
    /^Too few cases to tell .*: on average it is 88\.1% sure and right in 75\.0% of 4 cases\.$/,
  );
  expect(calibrationSentence(rewardModelQuality(pairs(400)))).toMatch(
    /^This reward model is about/,
  );
  const clustered = pairs(400).map((pair, i) => ({ ...pair, cluster: i % 2 }));
  expect(calibrationSentence(rewardModelQuality(clustered))).toMatch(/^Too few cases to tell/);
  const [, , longest] = rewardModelTable(rewardModelQuality(clustered)).rows;
  expect(longest![2]).toEqual({ text: expect.stringContaining("no interval") as string });
});

test("a reward model has a table and its diagram", async () => {
  const pairs = Array.from({ length: 50 }, (_, i) => ({
    chosen: i / 25,
    rejected: 1,
    chosenLength: i,
    rejectedLength: 20,
  }));
  const sections = [rewardModelSection(rewardModelQuality(pairs))];
  const { document } = parseHTML(
    await renderReport({ title: "t", summary: "s", sections, made: [] }),
  );
  expect([...document.querySelectorAll("caption")].map(({ textContent }) => textContent)).toEqual([
    "Reward model on 50 held-out pairs",
  ]);
  expect(document.querySelectorAll("figure .wide svg").length).toBe(1);
});
