import { expect, test } from "vitest";
import type { Conclusion, Finding } from "../../evaluation/findings.ts";
import { togetherFindings } from "./eval-findings.ts";

const finding = (conclusion: Conclusion): Finding => ({
  id: conclusion,
  question: `Is it ${conclusion}?`,
  conclusion,
  answer: `It is ${conclusion}.`,
  measures: [],
  figures: [],
  details: [],
});

const verdict = (...conclusions: Conclusion[]) =>
  togetherFindings(
    [{ name: "reward-model", subject: "r", found: { findings: conclusions.map(finding) } }],
    { facts: [] },
  ).verdict;

test("of several parts each says its gravest finding alone", () => {
  const part = (name: string, ...conclusions: Conclusion[]) => ({
    name,
    subject: "m",
    found: { findings: conclusions.map(finding) },
  });
  const { sentence } = togetherFindings(
    [part("honest", "measured", "worse"), part("harmless", "measured", "measured")],
    { facts: [] },
  ).verdict;
  expect(sentence).toBe(
    "That is the gravest answer of 2 parts: Honest.\n\n" +
      "Honest (worse): Is it worse? It is worse.\n\nHarmless: It is measured.",
  );
});

test("a verdict has findings in short, and says what a comparison is with", () => {
  const found = {
    findings: [
      { ...finding("measured"), brief: "In short." },
      { ...finding("worse"), than: "guessing", brief: "Below 25%." },
    ],
  };
  const of = (...names: string[]) =>
    togetherFindings(
      names.map((name) => ({ name, subject: "m", found })),
      { facts: [] },
    ).verdict;
  expect(of("honest")).toEqual({
    conclusion: "worse",
    than: "guessing",
    sentence: "Is it worse? Below 25%. In short.",
  });
  expect(of("honest", "tasks").sentence).toBe(
    "That is the gravest answer of 2 parts: Honest.\n\n" +
      "Honest (worse than guessing): Is it worse? Below 25%.\n\n" +
      "Tasks (worse than guessing): Is it worse? Below 25%.",
  );
});

test("a grave finding of a part is its verdict, whatever its first finding is", () => {
  expect(verdict("better", "measured", "fooled")).toEqual({
    conclusion: "fooled",
    sentence: "Is it fooled? It is fooled. It is better.",
  });
  expect(verdict("worse", "fooled").conclusion).toBe("fooled");
  expect(verdict("better", "worse", "hacked").conclusion).toBe("hacked");
  expect(verdict("fooled", "worse").sentence).toBe("It is fooled.");
  // what a part could not tell besides says nothing of what it told
  expect(verdict("better", "no conclusion", "sound").conclusion).toBe("better");
  expect(verdict().conclusion).toBe("no conclusion");
});
