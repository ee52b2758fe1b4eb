import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { RewardSource } from "./rewards.ts";
import { isRewardFile } from "./function-file.ts";
import { openRewardFile, tryReward } from "./reward-file.ts";
import { REWARD_TEMPLATE } from "./reward-template.ts";
import type { Rollout } from "./rollout.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-reward-file-"));
const opened: RewardSource[] = [];
afterAll(() => Promise.all(opened.map((source) => source.close())));

async function open(name: string, content: string, timeout = 20): Promise<RewardSource> {
  writeFileSync(join(folder, name), content);
  const source = await openRewardFile(join(folder, name), timeout);
  opened.push(source);
  return source;
}

const rollout = (text: string, extra = {}): Rollout => ({
  prompt: {
    record: { kind: "prompt", prompt: [{ role: "user", content: "2 + 2?" }], place: {}, extra },
    ids: Int32Array.of(1),
  },
  ids: Int32Array.of(2),
  stopped: true,
  text,
});

describe("a reward function in a file", () => {
  test("TypeScript with types, a relative import, and columns of the data", async () => {
    writeFileSync(
      join(folder, "helper.ts"),
      "export const trimmed = (text: string): string => text.trim();\n",
    );
    const source = await open(
      "reward.ts",
      `import { trimmed } from "./helper.ts";
import type { RewardCall } from "attune";
export default async function reward({ completion, extra, prompt, stopped, messages }: RewardCall): Promise<number> {
  if (prompt !== "user: 2 + 2?" || !stopped || typeof messages === "string")
    throw new Error("not what was asked: " + prompt);
  return trimmed(completion) === (extra["answer"] as string) ? 1 : 0;
}`,
    );
    expect(
      await source.score([rollout(" 4 ", { answer: "4" }), rollout("5", { answer: "4" })]),
    ).toEqual([1, 0]);
    expect(await source.score([rollout("4", { answer: "4" })])).toEqual([1]);
  });

  test("JavaScript, by a named export", async () => {
    const source = await open(
      "reward.mjs",
      "export const reward = ({ completion }) => completion.length;\n",
    );
    expect(await source.score([rollout("abc")])).toEqual([3]);
  });

  test("what is wrong is told: missing, no function, syntax with its line, an error with its place", async () => {
    await expect(openRewardFile(join(folder, "absent.ts"), 5)).rejects.toThrow(
      /no such reward function/,
    );
    await expect(open("empty.ts", "export const x: number = 1;\n")).rejects.toThrow(
      /no reward function[\s\S]*exports x[\s\S]*export default/,
    );
    await expect(
      open("enum.ts", "const a = 1;\nenum A { B }\nexport default () => A.B + a;\n"),
    ).rejects.toThrow(/cannot be loaded[\s\S]*enum.ts:2: .*enum/);
    const thrower = await open(
      "thrower.ts",
      "export default (): number => {\n  throw new Error('no key');\n};\n",
    );
    await expect(thrower.score([rollout("a")])).rejects.toThrow(
      /thrower.ts failed[\s\S]*no key[\s\S]*thrower.ts:2/,
    );
    expect(await (await open("after.mjs", "export default () => 1")).score([rollout("a")])).toEqual(
      [1],
    );
  });

  test("one that computes for ever, or ends its process, does not take attune with it", async () => {
    const endless = await open("endless.mjs", "export default () => { for (;;); }", 1);
    await expect(endless.score([rollout("a")])).rejects.toThrow(/endless.mjs has not answered/);
    const leaver = await open("leaver.mjs", "export default () => process.exit(3)");
    await expect(leaver.score([rollout("a")])).rejects.toThrow(
      /leaver.mjs failed[\s\S]*ended its thread/,
    );
  });

  test.each([
    [
      "an error in a timer",
      'setTimeout(() => { throw new Error("late"); }, 0)',
      /later.mjs failed[^]*late/,
    ],
    [
      "a promise that nobody waits for",
      "void Promise.resolve().then(() => new Promise((_, reject) => setImmediate(() => " +
        'reject(new Error("late")))))',
      /later.mjs failed[^]*late/,
    ],
    [
      "an end of its own",
      "setImmediate(() => process.exit(0))",
      /later.mjs failed[^]*ended its thread/,
    ],
  ])(
    "one that fails after its answer, by %s, ends the run with its name at the next roll-out",
    async (_name, late, message) => {
      const later = await open("later.mjs", `export default () => { ${late}; return 1; }`);
      // the failure may come before or after the first answer
      const trying = async (): Promise<never> => {
        for (;;) {
          await later.score([rollout("a")]);
          await later.release();
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      await expect(trying()).rejects.toThrow(message);
      await expect(later.release()).rejects.toThrow(message);
      await expect(later.score([rollout("a")])).rejects.toMatchObject({
        code: "data",
        details: { hint: expect.stringContaining("attune resume") as string },
      });
    },
  );

  test("is tried on one row: what is wrong comes with the form that is right", async () => {
    const { record } = rollout("").prompt;
    await expect(
      tryReward(
        await open(
          "fine.mjs",
          "export default ({ completion, extra }) => completion.length + extra.n",
        ),
        { ...record, extra: { n: 1 } },
      ),
    ).resolves.toBeUndefined();
    await expect(
      tryReward(await open("text.mjs", "export default () => 'good'"), {
        ...record,
        place: { file: "tasks.jsonl", row: 1 },
      }),
    ).rejects.toThrow(
      new RegExp(
        String.raw`^tasks\.jsonl:1: the reward text\.mjs is no number, on the first row of ` +
          "the data, before any model was read" +
          String.raw`\n {2}got: "good"[^\n]*\n {2}expected: export default \(\{ prompt, ` +
          "completion",
      ),
    );
    await expect(
      tryReward(
        await open("missing.mjs", "export default ({ extra }) => extra.task.length"),
        record,
      ),
    ).rejects.toThrow(/missing\.mjs failed, on the first row[\s\S]*reading 'length'/);
  });

  test("what is said of a failed trial is the user's: no frame of ours, and no checkpoint that is not there", async () => {
    const { record } = rollout("").prompt;
    const failed = await tryReward(
      await open("boom.mjs", "export default () => { throw new Error('boom'); }"),
      record,
    ).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      details: {
        got: expect.stringMatching(/^Error: boom\n +at [^\n]*boom\.mjs:1:\d+\)?$/) as string,
        hint: 'mend the function, which was given the answer "A trial answer, written by nobody."',
      },
    });
    await expect(open("syntax.ts", "export defau lt (")).rejects.toMatchObject({
      details: { got: expect.not.stringContaining("data:text") as string },
    });
  });

  test("the file that --reward --init writes is a reward function", async () => {
    const source = await open("template.ts", REWARD_TEMPLATE);
    expect(
      await source.score([
        rollout("it is 5", { solution: 5 }),
        rollout("it is 6", { solution: 5 }),
        rollout("yes"),
      ]),
    ).toEqual([1, 0, 1 - 3 / 1000]);
  });

  test("files and folders are told apart by their ending", () => {
    expect(["reward.ts", "a/b.mjs", "c.js", "d.mts"].every(isRewardFile)).toBe(true);
    expect(["runs/reward-1", "models/ts", "model.gguf"].some(isRewardFile)).toBe(false);
  });
});
