import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { recordsAs } from "../../data/dataset.ts";
import type { PreferenceRecord, UnpairedRecord } from "../../data/records.ts";
import { Run } from "../../runs/run.ts";
import { resolveConfig } from "../configs.ts";
import { partnersOf } from "./kto-rows.ts";
import { kto } from "./kto.ts";
import { COMMON, collect, encoder, madePairs, stepMetric, tinyModel } from "../testing.ts";

const pairs = madePairs(16);
const unpaired = recordsAs({ records: pairs }, "unpaired");
const config = (options: object = {}) => resolveConfig("kto", { ...COMMON, ...options });
const run = async (
  options: object,
  train: readonly UnpairedRecord[] = unpaired,
  heldOut: readonly UnpairedRecord[] = [],
) => collect(kto({ model: tinyModel(), encoder, train, heldOut }, config(options)));
const names = (answers: readonly { name: string; promptKey: string }[]): string =>
  partnersOf(answers)
    .map(({ name }) => name)
    .join("");

describe("partners", () => {
  const made = (keys: string) =>
    [...keys].map((promptKey, index) => ({ promptKey, name: "abcdef"[index]! }));
  test("each prompt takes the row before it, the first the last, as in TRL", () =>
    expect(names(made("1234"))).toBe("dabc"));
  test("a row before with the same prompt is no mismatch: the next one before it is taken", () =>
    expect(names(made("1122"))).toBe("ddbb"));
  test("rows that all have one prompt take the row before all the same", () =>
    expect(names(made("111"))).toBe("cab"));
});

describe("kto", () => {
  test("starts at 0.5 with rewards and KL 0, learns, and logs TRL's metrics", async () => {
    const events = await run({ learningRate: 5e-3, epochs: 6 }, unpaired, unpaired.slice(0, 6));
    const losses = stepMetric(events, "loss");
    expect(losses[0]).toBeCloseTo(0.5, 5);
    for (const name of ["kl", "rewards/chosen", "rewards/rejected", "rewards/margins"])
      expect(Math.abs(stepMetric(events, name)[0]!), name).toBeLessThan(1e-5);
    expect(losses.at(-1)).toBeLessThan(0.4);
    expect(stepMetric(events, "rewards/margins").at(-1)).toBeGreaterThan(0);
    expect(stepMetric(events, "kl").every((kl) => kl >= 0)).toBe(true);
    expect(stepMetric(events, "logps/chosen")[0]).toBeLessThan(0);
    const end = events.at(-1)!;
    expect(
      end.type === "end" &&
        Object.keys(end.metrics)
          .filter((name) => name.startsWith("eval_"))
          .toSorted(),
    ).toEqual([
      "eval_kl",
      "eval_logps/chosen",
      "eval_logps/rejected",
      "eval_loss",
      "eval_rewards/chosen",
      "eval_rewards/margins",
      "eval_rewards/rejected",
    ]);
  });

  test("the first loss is the mean of the weights' halves", async () => {
    const [loss] = stepMetric(
      await run({ maxSteps: 1, shuffle: false, desirableWeight: 1.2, undesirableWeight: 0.8 }),
      "loss",
    );
    expect(loss).toBeCloseTo((0.6 + 0.4) / 2, 5);
  });

  test("micro-batches of one row give the loss and the KL of the whole batch", async () => {
    const of = async (microBatchTokens: number) =>
      run({ adapter: "none", learningRate: 1e-2, epochs: 3, microBatchTokens });
    const [one, all] = [await of(1), await of(4096)];
    expect(Math.max(...stepMetric(all, "kl"))).toBeGreaterThan(0.01);
    for (const name of ["loss", "kl", "rewards/chosen", "grad_norm"]) {
      stepMetric(all, name).forEach((value, step) =>
        expect(
          Math.abs(stepMetric(one, name)[step]! - value),
          `${name}, step ${step + 1}`,
        ).toBeLessThan(2e-4 * Math.max(1, Math.abs(value))),
      );
    }
  });

  test(
    "the reference by cache, copy or adapter off: the same losses, whatever is trained",
    { tags: ["dear"] },
    async () => {
      for (const adapter of ["lora", "none"] as const) {
        const ways = adapter === "lora" ? ["cached", "copy", "adapter"] : ["cached", "copy"];
        const losses = await Promise.all(
          ways.map(async (reference) =>
            stepMetric(await run({ adapter, reference, learningRate: 1e-2, epochs: 2 }), "loss"),
          ),
        );
        for (const other of losses.slice(1))
          other.forEach((loss, step) =>
            expect(Math.abs(loss - losses[0]![step]!)).toBeLessThan(1e-5),
          );
      }
    },
  );

  test("a step without a desirable answer has no metrics of that side", async () => {
    const bad = unpaired.filter(({ label }) => !label);
    const [event] = (await run({ maxSteps: 1 }, bad)).filter(({ type }) => type === "step");
    expect(
      event?.type === "step" &&
        Object.keys(event.metrics)
          .filter((name) => name.includes("/"))
          .toSorted(),
    ).toEqual(["logps/rejected", "rewards/rejected"]);
  });

  test(
    "sides out of balance are warned of, with the weight that would balance them",
    { tags: ["dear"] },
    async () => {
      const skewed: UnpairedRecord[] = [
        ...unpaired,
        ...unpaired
          .filter(({ label }) => label)
          .map((record): UnpairedRecord => ({
            ...record,
            prompt: `${String(record.prompt)} again`,
          })),
      ];
      const warnings = async (options: object, train = skewed) =>
        (await run({ maxSteps: 1, ...options }, train)).flatMap((event) =>
          event.type === "warning" ? [event.message] : [],
        );
      expect(await warnings({})).toEqual([
        expect.stringMatching(/32 desirable and 16 undesirable .* weight of 2\.00/),
      ]);
      expect(await warnings({ undesirableWeight: 2 })).toEqual([]);
      expect(await warnings({}, unpaired)).toEqual([]);
    },
  );

  test("a batch of one row is refused, for it has no mismatched answer", () =>
    expect(() => config({ batchSize: 1 })).toThrow(/batchSize: .*another row's answer/));

  test("ties of a preference give no answers", () => {
    const tie: PreferenceRecord = { ...pairs[0]!, p: 0.5 };
    expect(recordsAs({ records: [tie, pairs[1]!] }, "unpaired").map(({ label }) => label)).toEqual([
      true,
      false,
    ]);
  });

  test.each(["lora", "none"] as const)(
    "adapter %s: a stopped run that goes on ends with the same bytes as one that was not stopped",
    async (adapter) => {
      const folder = mkdtempSync(join(tmpdir(), "attune-kto-"));
      const settings = config({
        adapter,
        learningRate: 5e-3,
        epochs: 3,
        checkpointSteps: 2,
        evaluationSteps: 4,
      });
      const facts = {
        command: "kto",
        seed: 42,
        config: { given: {}, effective: {} },
        dataHash: "d",
        modelFingerprint: "m",
      };
      const input = () => ({
        model: tinyModel(),
        encoder,
        train: unpaired,
        heldOut: unpaired.slice(0, 5),
      });
      const whole = Run.create(join(folder, "whole"), facts);
      await collect(kto(input(), settings, { run: whole }));

      let stopped = Run.create(join(folder, "stopped"), facts);
      for (const stopAt of [3, 5]) {
        const stop = new AbortController();
        for await (const event of kto(input(), settings, { run: stopped, signal: stop.signal }))
          if (event.type === "step" && event.step === stopAt) stop.abort();
        stopped.close();
        ({ run: stopped } = await Run.open(join(folder, "stopped")));
      }
      await collect(kto(input(), settings, { run: stopped }));
      for (const file of [
        "metrics.jsonl",
        ...readdirSync(join(folder, "whole", "model")).map((name) => join("model", name)),
      ]) {
        expect(
          readFileSync(join(folder, "stopped", file)).equals(
            readFileSync(join(folder, "whole", file)),
          ),
          file,
        ).toBe(true);
      }
    },
  );
});
