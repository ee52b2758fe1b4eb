import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { testFolder } from "../data/testing.ts";
import { JsonLines, readJsonLines } from "../runs/json-lines.ts";
import { ANSWERS_FILE, AnswerCache } from "./answer-cache.ts";

const folder = testFolder();
afterEach(() => void vi.restoreAllMocks());
afterAll(() => folder.remove());

const isNumber = (kept: unknown): kept is number => typeof kept === "number";

test("answers that come together are flushed together, and before any of them is used", async () => {
  const cache = AnswerCache.open(folder.path);
  const order: string[] = [];
  const sync = vi.spyOn(JsonLines.prototype, "sync").mockImplementation(() => {
    order.push("flush");
  });
  const batch = Promise.resolve([10, 11, 12, 13]);
  const answers = await Promise.all(
    [0, 1, 2, 3].map(async (i) => {
      const { answer } = await cache.answer(`key ${i}`, {
        accepts: isNumber,
        ask: async () => (await batch)[i]!,
      });
      order.push(`used ${answer}`);
      return answer;
    }),
  );
  expect(answers).toEqual([10, 11, 12, 13]);
  expect(order[0]).toBe("flush");
  expect(sync).toHaveBeenCalledTimes(1);
  await cache.answer("later", { accepts: isNumber, ask: () => Promise.resolve(1) });
  expect(sync).toHaveBeenCalledTimes(2);
  cache.close();
  const lines = readJsonLines(join(folder.path, ANSWERS_FILE));
  expect(lines.map(({ answer }) => answer)).toEqual([10, 11, 12, 13, 1]);
});

test("an answer that cannot be flushed is not used", async () => {
  const cache = AnswerCache.open(folder.path);
  vi.spyOn(JsonLines.prototype, "sync").mockImplementationOnce(() => {
    throw new Error("the disk is gone");
  });
  const asked = cache.answer("new", { accepts: isNumber, ask: () => Promise.resolve(1) });
  await expect(asked).rejects.toThrow("the disk is gone");
  expect(cache.has("new")).toBe(false);
  cache.close();
});

test("the size counts answers: each of a batch that was kept as one", async () => {
  const cache = AnswerCache.inMemory();
  const keep = (key: string, answer: unknown): Promise<unknown> =>
    cache.answer(key, {
      accepts: (kept): kept is unknown => kept === null,
      ask: () => Promise.resolve(answer),
    });
  await keep("one", { text: "yes" });
  expect(cache.size).toBe(1);
  await keep("batch", [{ score: 1 }, { score: 2 }, { score: 3 }]);
  expect(cache.size).toBe(4);
});
