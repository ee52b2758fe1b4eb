import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { GoldScore } from "../world/gold.ts";
import {
  calibrationSentence,
  goldExamples,
  goldRemarks,
  goldSection,
  rewardModelSection,
  textSection,
} from "./report-sections.ts";
import { renderReport } from "./report.ts";
import { rewardModelQuality, rewardModelTable } from "../evaluation/reward-model-quality.ts";
import { textStatistics } from "../evaluation/text-statistics.ts";

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

test("gold scores become sentences, tables and a chart that agree", async () => {
  const section = goldSection(models);
  const text = section.parts.find(({ kind }) => kind === "text") as { text: string };
  const [first, second] = text.text.split("\n");
  expect(first).toMatch(/^SFT is better than raw: \+33\.3 \[\+\d+\.\d, \+\d+\.\d\] points\.$/);
  expect(second).toMatch(/^DPO and SFT are not distinguishable: 0\.0 \[/);
  expect(section.parts.map(({ kind }) => kind)).toEqual(["text", "table", "table", "chart"]);
  const { document } = parseHTML(
    await renderReport({ title: "t", summary: "s", sections: [section] }),
  );
  expect(
    [...document.querySelectorAll(".legend li")].map(({ textContent }) => textContent),
  ).toEqual(["raw", "SFT", "DPO"]);
  expect([...document.querySelectorAll(".better")].length).toBeGreaterThan(1);
  expect(document.body.textContent).not.toMatch(/NaN|undefined/);
});

test("one model alone is described, not compared", () => {
  expect(goldSection(models.slice(0, 1)).parts.map(({ kind }) => kind)).toEqual(["table", "chart"]);
});

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

test("reward model and text sections render", async () => {
  const pairs = Array.from({ length: 50 }, (_, i) => ({
    chosen: i / 25,
    rejected: 1,
    chosenLength: i,
    rejectedLength: 20,
  }));
  const sections = [
    rewardModelSection(rewardModelQuality(pairs)),
    textSection([{ name: "raw", statistics: textStatistics([{ text: "a b c" }]) }]),
  ];
  const { document } = parseHTML(await renderReport({ title: "t", summary: "s", sections }));
  expect([...document.querySelectorAll("caption")].map(({ textContent }) => textContent)).toEqual([
    "Reward model on 50 held-out pairs",
    "Text of the answers",
  ]);
  expect(document.querySelectorAll("figure .wide svg").length).toBe(1);
});
