import { expect, test } from "vitest";
import { answerLimit, limitBehind, neededRoom, shortenedNote } from "./answer-limit.ts";

test("what was asked for, or what the context leaves", () => {
  expect(answerLimit(10, { maxNewTokens: 20, maxLength: 100 })).toBe(20);
  expect(answerLimit(90, { maxNewTokens: 20, maxLength: 100 })).toBe(10);
  expect(limitBehind(99, { maxNewTokens: 20, maxLength: 100 })).toBe(1);
  expect(() => limitBehind(100, { maxNewTokens: 20, maxLength: 100 })).toThrow(
    /leaves no room[^]*a prompt of 100 tokens[^]*fewer than 100/,
  );
});

test("answers that are judged need all of what was asked for, or half of the context", () => {
  expect(neededRoom({ maxNewTokens: 20, maxLength: 100 })).toBe(20);
  expect(neededRoom({ maxNewTokens: 256, maxLength: 256 })).toBe(128);
});

test("what cannot become as long is said, with how many and how long", () => {
  const limit = { maxNewTokens: 20, maxLength: 100 };
  expect(shortenedNote([10, 80], limit)).toBeUndefined();
  expect(shortenedNote([90], limit)).toBe(
    "the answer has room for 10 tokens instead of 20 (a context of 100)",
  );
  expect(shortenedNote([10, 90, 95], limit)).toBe(
    "answers to 2 of 3 prompts have room for 5 to 10 tokens instead of 20 (a context of 100)",
  );
});
