import { describe, expect, test, vi } from "vitest";
import { Random } from "../core/random.ts";
import { createAdapter } from "../models/adapter.ts";
import type { Model } from "../models/model.ts";
import { TINY_CONFIGS, decodableConfig, randomModel } from "../models/testing.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { Decoder, DecodingBatch } from "./decoder.ts";
import type { EngineOptions } from "./engine.ts";
import type { GenerationRequest, Sampled } from "./request.ts";
import { BatchingEngine } from "./engine.ts";
import { weightCount, worthPacking } from "./packing.ts";

const encoder = createEncoder(byteTokenizer(), { maxLength: 64, template: "none" });
const tiny = (type = "llama"): Model =>
  randomModel({ ...decodableConfig(type), vocab_size: encoder.tokenizer.vocabularySize }, 3, 0.15);

const request = (text: string, options: Partial<GenerationRequest> = {}): GenerationRequest => ({
  prompt: encoder.encodePrompt(text),
  temperature: 0,
  topK: 0,
  topP: 1,
  maxNewTokens: 8,
  stopTexts: [],
  seed: 1,
  ...options,
});

/** Requests that differ in everything that a request may choose. */
const MIXED: GenerationRequest[] = [
  request("Hi", { maxNewTokens: 3 }),
  request("A much longer prompt", { temperature: 1, samples: 3, maxNewTokens: 12 }),
  request("x", { temperature: 0.4, topP: 0.8, seed: 9, maxNewTokens: 20 }),
  request("y", { temperature: 1.5, topP: 0.6, minP: 0.02, seed: 4, maxNewTokens: 12 }),
  request("Hi", { temperature: 2, topK: 4, seed: 7, stream: ["other", 3], samples: 2 }),
  request("once upon", { alternatives: 2, maxNewTokens: 1 }),
  request("a prompt that is long enough", {
    temperature: 1,
    seed: 5,
    samples: 5,
    maxNewTokens: 15,
  }),
  request("last", { maxNewTokens: 18 }),
];

async function withEngine<T>(
  model: Model,
  options: Partial<EngineOptions>,
  use: (engine: BatchingEngine) => Promise<T>,
): Promise<T> {
  const engine = await BatchingEngine.create(model, encoder, { slots: 4, room: 64, ...options });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

const answersOf = (
  model: Model,
  requests: readonly GenerationRequest[],
  options: Partial<EngineOptions> = {},
): Promise<Sampled[][]> =>
  withEngine(model, options, (engine) =>
    Promise.all(requests.map((each) => engine.submit(each).answers)),
  );

const idsOf = (answers: readonly (readonly Sampled[])[]): number[][][] =>
  answers.map((samples) => samples.map(({ ids }) => ids));

describe.each(Object.keys(TINY_CONFIGS))("%s", (type) => {
  test("answers are those of one request at a time, greedy and sampled, whatever shares the slots", async () => {
    const model = tiny(type);
    const alone: Sampled[][] = [];
    for (const each of MIXED) alone.push(...(await answersOf(model, [each], { slots: 1 })));
    for (const options of [{ slots: 3 }, { slots: 16, prepack: true }]) {
      const together = await answersOf(model, MIXED, options);
      expect(idsOf(together)).toEqual(idsOf(alone));
      together.flat().forEach(({ logps, text, finish }, index) => {
        const other = alone.flat()[index]!;
        expect([text, finish]).toEqual([other.text, other.finish]);
        logps.forEach((logp, i) => expect(Math.abs(logp - other.logps[i]!)).toBeLessThan(2e-4));
      });
    }
  });
});

test("a prompt is read once for all its samples, also for those that wait", async () => {
  const read = vi.spyOn(Decoder.prototype, "read");
  try {
    await answersOf(tiny(), [request("the one prompt", { samples: 7, temperature: 1 })], {
      slots: 3,
    });
    expect(read.mock.calls.map(([prompts]) => prompts.length)).toEqual([1]);
  } finally {
    read.mockRestore();
  }
});

test("a slot that is left is taken by who waits: steps are far fewer than by whole batches", async () => {
  const step = vi.spyOn(DecodingBatch.prototype, "step");
  try {
    const lengths = [24, 3, 3, 3, 3, 3, 3, 3, 3];
    const answers = await answersOf(
      tiny(),
      lengths.map((maxNewTokens) => request("y", { maxNewTokens, temperature: 1 })),
      { slots: 2 },
    );
    const tokens = Math.max(
      answers[0]![0]!.ids.length,
      answers.slice(1).reduce((total, [answer]) => total + answer!.ids.length, 0),
    );
    // the first token of an answer comes from reading its prompt
    expect(step.mock.calls.length).toBeLessThanOrEqual(tokens);
    expect(step.mock.calls.every(([tokens]) => tokens.length <= 2)).toBe(true);
  } finally {
    step.mockRestore();
  }
});

test("requests may come while others are decoded", async () => {
  await withEngine(tiny(), { slots: 2 }, async (engine) => {
    let late: Promise<Sampled[]> | undefined;
    const seen: number[] = [];
    const first = engine.submit(request("first", { maxNewTokens: 10 }), {
      onToken: ({ ids }) => {
        seen.push(ids.length);
        if (ids.length === 4) late = engine.submit(request("late", { maxNewTokens: 3 })).answers;
        expect(engine.active + engine.waiting).toBeGreaterThan(0);
      },
    });
    await first.answers;
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i + 1));
    const [expected] = await answersOf(tiny(), [request("late", { maxNewTokens: 3 })]);
    expect(idsOf([await late!])).toEqual(idsOf([expected!]));
    const again = await engine.submit(request("late", { maxNewTokens: 3 })).answers;
    expect(idsOf([again])).toEqual(idsOf([expected!]));
    expect([engine.active, engine.waiting]).toEqual([0, 0]);
  });
});

test("a cancelled request ends where it is, waiting ones never begin, and others do not notice", async () => {
  const [kept] = await answersOf(tiny(), [request("kept", { maxNewTokens: 12 })]);
  await withEngine(tiny(), { slots: 2 }, async (engine) => {
    const cancelled = engine.submit(request("cancelled", { maxNewTokens: 30, temperature: 5 }), {
      onToken: ({ ids }) => ids.length === 3 && cancelled.cancel(),
    });
    const other = engine.submit(request("kept", { maxNewTokens: 12 }));
    const waiting = engine.submit(request("waiting"));
    waiting.cancel();
    waiting.cancel();
    const [answer] = await cancelled.answers;
    expect([answer!.ids.length, answer!.finish]).toEqual([3, "cancelled"]);
    expect(await waiting.answers).toEqual([]);
    expect(idsOf([await other.answers])).toEqual(idsOf([kept!]));
    cancelled.cancel();
  });
});

test("a callback that fails ends its own request alone", async () => {
  await withEngine(tiny(), {}, async (engine) => {
    const failing = engine.submit(request("failing"), {
      onToken: () => {
        throw new Error("oops");
      },
    });
    const other = engine.submit(request("other"));
    await expect(failing.answers).rejects.toThrow(/a callback failed[\s\S]*oops/);
    expect((await other.answers)[0]!.finish).not.toBe("cancelled");
  });
});

test("what does not fit is refused, and so is a closed engine", async () => {
  await expect(BatchingEngine.create(tiny(), encoder, { slots: 1, room: 65 })).rejects.toThrow(
    /do not fit the model's context/,
  );
  const engine = await BatchingEngine.create(tiny(), encoder, { slots: 1, room: 32 });
  expect(() => engine.submit(request("x".repeat(30)))).toThrow(/do not fit/);
  expect(() => engine.submit(request("x", { prompt: [] }))).toThrow(/at least one each/);
  const open = engine.submit(request("open", { maxNewTokens: 20 }));
  await engine.close();
  expect(await open.answers).toEqual([]);
  expect(() => engine.submit(request("x"))).toThrow(/closed/);
});

describe("refresh", () => {
  const change = (model: Model): void => {
    for (const [name, { data }] of model.weights)
      if (data instanceof Float32Array)
        Random.for(8, name).fillNormal(data, 0.2, name.includes("norm") ? 1 : 0);
  };
  test.each([false, true])(
    "follows weights that changed in place (packed: %s)",
    async (prepack) => {
      const [model, changed] = [tiny(), tiny()];
      change(changed);
      const [before, after] = [await answersOf(model, MIXED), await answersOf(changed, MIXED)];
      expect(idsOf(after)).not.toEqual(idsOf(before));
      await withEngine(model, { prepack }, async (engine) => {
        const all = () => Promise.all(MIXED.map((each) => engine.submit(each).answers));
        expect(idsOf(await all())).toEqual(idsOf(before));
        change(model);
        await engine.refresh();
        expect(idsOf(await all())).toEqual(idsOf(after));
        const open = engine.submit(request("open"));
        await expect(engine.refresh()).rejects.toThrow(/while answers are decoded/);
        await open.answers;
      });
    },
  );

  test("an adapter that changed is seen without building anything again", async () => {
    const model = tiny();
    model.adapter = createAdapter(
      model.family,
      model.config,
      {
        rank: 2,
        alpha: 4,
        rsLora: false,
        targets: Object.keys(model.family.projections(model.config)),
      },
      1,
    );
    const before = await answersOf(model, MIXED);
    await withEngine(model, { prepack: true }, async (engine) => {
      for (const [name, { data }] of model.adapter!.weights)
        if (name.includes("lora_B")) Random.for(5, name).fillNormal(data, 0.3);
      const answers = await Promise.all(MIXED.map((each) => engine.submit(each).answers));
      expect(idsOf(answers)).not.toEqual(idsOf(before));
      expect(idsOf(answers)).toEqual(idsOf(await answersOf(model, MIXED)));
    });
  });
});

test("alternatives are the most likely tokens at each place", async () => {
  const [[answer]] = (await answersOf(tiny(), [request("tell", { alternatives: 3 })])) as [
    [Sampled],
  ];
  expect(answer.alternatives!.map((tokens) => tokens.length)).toEqual(answer.ids.map(() => 3));
  answer.alternatives!.forEach(([best, second, third], i) => {
    expect([best!.id, best!.logp]).toEqual([answer.ids[i], answer.logps[i]]);
    expect(best!.logp).toBeGreaterThanOrEqual(second!.logp);
    expect(second!.logp).toBeGreaterThanOrEqual(third!.logp);
  });
});

test("weights are packed for small models, and for many rows, where there are steps to pay for it", () => {
  const small = weightCount(tiny());
  expect([
    worthPacking({ weights: small, rows: 1, steps: 64 }),
    worthPacking({ weights: small, rows: 64, steps: 4 }),
  ]).toEqual([true, false]);
  expect([
    worthPacking({ weights: 1e9, rows: 1, steps: 64 }),
    worthPacking({ weights: 1e9, rows: 8, steps: 64 }),
  ]).toEqual([false, true]);
  expect(
    [small, 135e6].map((weights) =>
      worthPacking({ weights, rows: 64, steps: 64, besideTraining: true }),
    ),
  ).toEqual([true, false]);
});
