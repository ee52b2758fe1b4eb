import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { testFolder } from "../../data/testing.ts";
import type { CommandContext } from "../command.ts";
import { openScorer } from "./open-scorer.ts";

const folder = testFolder();
afterAll(() => folder.remove());

test("a reward that is a function is another one where what it imports has changed", async () => {
  const file = join(folder.path, "reward.mjs");
  const helper = join(folder.path, "helper.mjs");
  writeFileSync(
    file,
    'import "node:fs/promises";\nimport { worth } from "./helper.mjs";\nimport * as fs from ' +
      '"node:fs";\nexport default ({ completion }) => worth * completion.length + (fs ? 0 : 1);\n',
  );
  const notes: string[] = [];
  const context = { reporter: { note: (text: string) => notes.push(text) } };
  const opened = async (worth: number): Promise<{ fingerprint: string; score: number }> => {
    writeFileSync(helper, `export const worth = ${worth};\n`);
    const scorer = await openScorer(
      file,
      { precision: "float32", maxLength: 64, microBatchTokens: 64, rewardTimeout: 20 },
      context as unknown as CommandContext,
    );
    const [scored] = await scorer.score([{ prompt: "p", completion: "four" }]);
    await scorer.close();
    return { fingerprint: scorer.fingerprint, score: scored!.score };
  };
  const [one, two, again] = [await opened(1), await opened(2), await opened(1)];
  expect([one.score, two.score]).toEqual([4, 8]);
  expect(two.fingerprint).not.toBe(one.fingerprint);
  expect(again.fingerprint).toBe(one.fingerprint);
});
