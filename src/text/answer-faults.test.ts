import { expect, test } from "vitest";
import type { SeenAnswer } from "./answer-faults.ts";
import { answerFaults, faultText, faultWarning } from "./answer-faults.ts";

const answers = (texts: readonly string[], more: Partial<SeenAnswer> = {}): SeenAnswer[] =>
  texts.map((text) => ({ text, stopped: true, ...more }));
const texts = (seen: readonly SeenAnswer[]): string[] => answerFaults(seen).map(faultText);
const varied = Array.from({ length: 8 }, (_, i) => `answer ${i}`);

test("varied answers that end, and no answers at all, have no fault", () => {
  expect(answerFaults(answers(varied))).toEqual([]);
  expect(answerFaults([])).toEqual([]);
});

test("empty answers count from more than a tenth, also a single one", () => {
  expect(
    texts(
      answers([
        "",
        ...Array<string>(9)
          .fill("a")
          .map((a, i) => a + i),
      ]),
    ),
  ).toEqual([]);
  expect(texts(answers([" \n", "", ...varied]))).toEqual(["2 of 10 answers are empty"]);
  expect(texts(answers([""]))).toEqual(["the answer is empty"]);
});

test("one answer to nearly all of several prompts, however many samples each has; the same to one prompt is none", () => {
  expect(texts(answers(Array<string>(8).fill("Yes.")))).toEqual([
    '8 of 8 answers to 8 prompts are one and the same: "Yes."',
  ]);
  expect(texts(answers(Array<string>(8).fill("Yes."), { prompt: "one" }))).toEqual([]);
  expect(texts(answers([...Array<string>(4).fill("Yes."), ...varied.slice(4)]))).toEqual([]);
  expect(texts(answers(Array<string>(4).fill("Yes.")))).toEqual([]);
});

test("answers that were cut, from more than half; where nobody knows, none is", () => {
  const seen = varied.map((text, i) => ({ text, stopped: i >= 5 }));
  expect(texts(seen)).toEqual([
    '5 of 8 answers did not end by themselves and were cut, such as "answer 0"',
  ]);
  expect(texts(seen.map(({ text }) => ({ text })))).toEqual([]);
  expect(texts(seen.slice(0, 3))).toEqual([]);
});

test("a warning has a stable name and a hint; long examples are shortened", () => {
  const [fault] = answerFaults(answers(Array<string>(8).fill("é".repeat(200))));
  expect(faultWarning(fault!)).toEqual({
    id: "identical-answers",
    message:
      `8 of 8 answers to 8 prompts are one and the same: "${"é".repeat(59)}…"; a higher ` +
      "temperature, or a model that was trained less far",
  });
});
