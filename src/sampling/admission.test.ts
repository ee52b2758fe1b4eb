/**
 * Fairness is counted in tokens and steps: what is read between two steps, and who has how many
 * slots.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Model } from "../models/model.ts";
import { TINY_CONFIGS, randomModel } from "../models/testing.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import type { DecoderRun } from "./decoder.ts";
import { Decoder, DecodingBatch } from "./decoder.ts";
import type { EngineOptions } from "./engine.ts";
import type { GenerationRequest, Sampled } from "./request.ts";
import { BatchingEngine } from "./engine.ts";
import { PrefixReader } from "./prefix-reader.ts";
import { ReadingPace } from "./prompt-reading.ts";

const ROOM = 128;
const encoder = createEncoder(byteTokenizer(), { maxLength: ROOM });
const tiny: Model = randomModel(
  {
    ...TINY_CONFIGS["llama"]!,
    hidden_size: 64,
    vocab_size: encoder.tokenizer.vocabularySize,
    max_position_embeddings: ROOM,
  },
  3,
  0.15,
);
const request = (text: string, options: Partial<GenerationRequest> = {}): GenerationRequest => ({
  prompt: encoder.encodePrompt(text),
  temperature: 1,
  topK: 0,
  topP: 1,
  maxNewTokens: 8,
  stopTexts: [],
  seed: 1,
  ...options,
});
/** Answers that nobody's stop token ends early. */
const lasting = (
  text: string,
  maxNewTokens: number,
  options: Partial<GenerationRequest> = {},
): GenerationRequest => request(text, { maxNewTokens, temperature: 5, seed: 11, ...options });

afterEach(() => void vi.restoreAllMocks());

async function withEngine<T>(
  options: Partial<EngineOptions>,
  use: (engine: BatchingEngine) => Promise<T>,
): Promise<T> {
  const engine = await BatchingEngine.create(tiny, encoder, {
    slots: 4,
    room: ROOM,
    fair: { readTokens: 8 },
    ...options,
  });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

const alone = (each: GenerationRequest): Promise<Sampled[]> =>
  withEngine({ slots: 1 }, (engine) => engine.submit(each).answers);

/** Everything that is run: rows of a step, or tokens of a reading. */
function watch(): { step?: number; read?: number }[] {
  const runs: { step?: number; read?: number }[] = [];
  let stepping = false;
  const { step } = DecodingBatch.prototype;
  vi.spyOn(DecodingBatch.prototype, "step").mockImplementation(async function (
    this: DecodingBatch,
    tokens,
  ) {
    runs.push({ step: tokens.length });
    stepping = true;
    await step.call(this, tokens);
    stepping = false;
  });
  const { run } = Decoder.prototype;
  vi.spyOn(Decoder.prototype, "run").mockImplementation(function (
    this: Decoder,
    given: DecoderRun,
  ) {
    if (!stepping) runs.push({ read: given.tokens.shape[0]! * given.tokens.shape[1]! });
    return run.call(this, given);
  });
  return runs;
}

/** Most tokens that were read between two steps. */
function mostBetweenSteps(runs: readonly { step?: number; read?: number }[]): number {
  let [most, since] = [0, 0];
  const first = runs.findIndex(({ step }) => step !== undefined);
  const last = runs.findLastIndex(({ step }) => step !== undefined);
  for (const { read } of runs.slice(first, last))
    most = Math.max(most, (since = read === undefined ? 0 : since + read));
  return most;
}

describe("a long prompt that comes while others are decoded", () => {
  test("is read in parts between their steps, and answered as it is alone", async () => {
    const runs = watch();
    const long = request("x".repeat(90), { maxNewTokens: 5 });
    const asked = [lasting("first", 60), lasting("second", 60)];
    const answers = await withEngine({}, async (engine) => {
      let late: Promise<Sampled[]> | undefined;
      const open = asked.map(
        (each, index) =>
          engine.submit(
            each,
            index > 0
              ? {}
              : {
                  onToken: ({ ids }) =>
                    void (ids.length === 3 && (late = engine.submit(long).answers)),
                },
          ).answers,
      );
      const first = await Promise.all(open);
      return [...first, await late!];
    });
    expect(mostBetweenSteps(runs)).toBe(8);
    expect(runs.filter(({ read }) => read !== undefined).length).toBeGreaterThanOrEqual(
      2 + Math.ceil(90 / 8),
    );
    const expected = [await alone(asked[0]!), await alone(asked[1]!), await alone(long)];
    expect(answers.map(([each]) => each!.ids)).toEqual(expected.map(([each]) => each!.ids));
  });

  test("does not keep a short one waiting until it is read", async () => {
    const order: string[] = [];
    await withEngine({}, async (engine) => {
      const busy = engine.submit(lasting("busy", 60)).answers;
      const submit = (name: string, text: string): Promise<Sampled[]> =>
        engine.submit(request(text, { maxNewTokens: 1 }), { onAnswer: () => void order.push(name) })
          .answers;
      await Promise.all([
        submit("long", "x".repeat(110)),
        submit("also long", "y".repeat(100)),
        submit("short", "z"),
        submit("shorter than long", "z".repeat(20)),
      ]);
      await busy;
    });
    expect(order.indexOf("short")).toBe(0);
    expect(order.indexOf("shorter than long")).toBe(1);
  });

  test("and another long one behind it do not keep a short one waiting", async () => {
    const order: string[] = [];
    const long = { room: 900, fair: { readTokens: 8 } };
    const model = randomModel(
      {
        ...TINY_CONFIGS["llama"]!,
        hidden_size: 64,
        vocab_size: encoder.tokenizer.vocabularySize,
        max_position_embeddings: 900,
      },
      3,
      0.15,
    );
    const engine = await BatchingEngine.create(model, encoder, { slots: 4, ...long });
    const submit = (name: string, length: number): Promise<Sampled[]> =>
      engine.submit(request("x".repeat(length), { maxNewTokens: 1 }), {
        onAnswer: () => void order.push(name),
      }).answers;
    let between = 0;
    const busy = engine.submit(lasting("busy", 300), {
      onToken: ({ ids }) => void (ids.length === 3 && (between = 1) && void submit("short", 20)),
    }).answers;
    await Promise.all([submit("long", 700), submit("longer", 800)]);
    await busy;
    await engine.close();
    expect(between).toBe(1);
    expect(order).toEqual(["short", "long", "longer"]);
  });

  test("that is cancelled while it is read leaves room for the next", async () => {
    await withEngine({ slots: 2 }, async (engine) => {
      const long = engine.submit(request("x".repeat(110)));
      const busy = engine.submit(lasting("busy", 20), {
        onToken: ({ ids }) => void (ids.length === 4 && long.cancel()),
      });
      expect(await long.answers).toEqual([]);
      const next = request("next");
      const answer = await engine.submit(next).answers;
      expect(answer.map(({ ids }) => ids)).toEqual((await alone(next)).map(({ ids }) => ids));
      await busy.answers;
      expect([engine.active, engine.waiting]).toEqual([0, 0]);
    });
  });
});

describe("a request for many answers", () => {
  test.each([1, 2, 3, 4])(
    "gets as many as it asks for, also where all %i find a slot at once",
    async (samples) => {
      await withEngine({ slots: 16, fair: { readTokens: 64 } }, async (engine) => {
        const seen: number[] = [];
        const others = [1, 2].map((other) => engine.submit(lasting(`other ${other}`, 30)).answers);
        const answers = await engine.submit(lasting("many", 12, { samples }), {
          onAnswer: ({ sample }) => void seen.push(sample),
        }).answers;
        await Promise.all(others);
        const expected = Array.from({ length: samples }, (_, sample) => sample);
        expect(answers.map(({ sample }) => sample)).toEqual(expected);
        expect(seen.toSorted()).toEqual(expected);
      });
    },
  );

  test("leaves half of the slots to others, and takes turns with them", async () => {
    await withEngine({ slots: 4 }, async (engine) => {
      const finished: string[] = [];
      const many = engine.submit(lasting("many", 30, { samples: 20 }), {
        onAnswer: () => void finished.push("many"),
      });
      const rows: number[] = [];
      const others = ["a", "b", "c"].map(
        (text) =>
          engine.submit(lasting(text, 30), {
            onToken: () => void rows.push(engine.active),
            onAnswer: () => void finished.push(text),
          }).answers,
      );
      await Promise.all(others);
      // four slots, two of them for the first: the others are done in two rounds
      expect(finished.filter((name) => name === "many").length).toBeLessThanOrEqual(6);
      expect(Math.max(...rows)).toBe(4);
      expect((await many.answers).map(({ sample }) => sample)).toEqual(
        Array.from({ length: 20 }, (_, sample) => sample),
      );
    });
  });

  test("for many prompts counts as one, where they are of one group", async () => {
    await withEngine({ slots: 4 }, async (engine) => {
      const group = {};
      const finished: string[] = [];
      const many = Array.from(
        { length: 12 },
        (_, index) =>
          engine.submit(lasting(`prompt ${index}`, 30, { group }), {
            onAnswer: () => void finished.push("many"),
          }).answers,
      );
      await engine.submit(lasting("other", 30), { onAnswer: () => void finished.push("other") })
        .answers;
      expect(finished.indexOf("other")).toBeLessThanOrEqual(4);
      await Promise.all(many);
    });
  });

  test("and a client of many requests leaves half of the slots to other clients, and takes turns with them", async () => {
    await withEngine({ slots: 4 }, async (engine) => {
      const finished: string[] = [];
      const submit = (client: string, text: string): Promise<Sampled[]> =>
        engine.submit(lasting(text, 30, { client }), { onAnswer: () => void finished.push(client) })
          .answers;
      const crowd = Array.from({ length: 12 }, (_, index) => submit("crowd", `request ${index}`));
      await Promise.all([submit("one", "a"), submit("two", "b")]);
      // all four slots are filled together, two of them by the crowd
      expect(finished.filter((client) => client === "crowd").length).toBeLessThanOrEqual(2);
      await Promise.all(crowd);
    });
  });

  test("has all slots where there is nobody else", async () => {
    await withEngine({ slots: 4 }, async (engine) => {
      const rows: number[] = [];
      await Promise.all(
        Array.from(
          { length: 8 },
          (_, index) =>
            engine.submit(lasting(`request ${index}`, 30, { client: "alone" }), {
              onToken: () => void rows.push(engine.active),
            }).answers,
        ),
      );
      expect(Math.max(...rows)).toBe(4);
    });
  });

  test("gets the answers that it gets alone", async () => {
    const many = request("many", { samples: 9, maxNewTokens: 12 });
    const whole = await withEngine(
      { slots: 9, fair: undefined as never },
      (engine) => engine.submit(many).answers,
    );
    expect(
      (await withEngine({ slots: 4 }, (engine) => engine.submit(many).answers)).map(
        ({ ids }) => ids,
      ),
    ).toEqual(whole.map(({ ids }) => ids));
  });
});

describe.each([
  ["whole", undefined],
  ["in parts", { readTokens: 5 }],
] as const)("scores of a prompt that is read %s", (_, fair) => {
  test("are those of reading each of its beginnings", async () => {
    const prompt = encoder.encodePrompt("a prompt of some tokens");
    const reader = await PrefixReader.create(tiny, ROOM);
    const expected: { logp: number; best: number[] }[] = [];
    for (let place = 1; place < prompt.length; place++)
      expected.push(
        await reader.read(prompt.subarray(0, place), (scores) => ({
          logp: scores.logp(prompt[place]!),
          best: scores.mostLikely(2).map(({ id }) => id),
        })),
      );
    await reader.close();
    await withEngine({ fair: fair as never }, async (engine) => {
      for (const maxNewTokens of [0, 6]) {
        const told = request("", {
          prompt,
          temperature: 0,
          promptAlternatives: 2,
          maxNewTokens,
          samples: 2,
        });
        const answers = await engine.submit(told).answers;
        expect(answers.map(({ sample, ids }) => [sample, ids.length > 0])).toEqual([
          [0, maxNewTokens > 0],
          [1, maxNewTokens > 0],
        ]);
        for (const { promptScores } of answers) {
          const { logps, alternatives } = promptScores!;
          expect([logps[0], alternatives[0]]).toEqual([undefined, []]);
          expect(alternatives.slice(1).map((each) => each.map(({ id }) => id))).toEqual(
            expected.map(({ best }) => best),
          );
          logps
            .slice(1)
            .forEach((logp, index) =>
              expect(Math.abs(logp! - expected[index]!.logp)).toBeLessThan(2e-4),
            );
        }
        const { promptAlternatives: _asked, ...plain } = told;
        if (maxNewTokens > 0)
          expect(answers.map(({ ids }) => ids)).toEqual(
            (await engine.submit(plain).answers).map(({ ids }) => ids),
          );
      }
      await expect(engine.submit(request("x")).answers).resolves.toHaveLength(1);
      expect(() => engine.submit(request("x", { maxNewTokens: 0 }))).toThrow(/at least one each/);
    });
  });

  test("a reading that fails ends every request that waits", async () => {
    vi.spyOn(Decoder.prototype, "run").mockRejectedValue(new Error("out of memory"));
    await withEngine({ fair: fair as never }, async (engine) => {
      const open = ["a", "b", "c".repeat(50)].map((text) => engine.submit(request(text)).answers);
      for (const each of await Promise.allSettled(open))
        expect(each).toMatchObject({ status: "rejected", reason: { what: "decoding failed" } });
    });
  });
});

test("whoever asked for it is waited for between any two steps", async () => {
  const events: string[] = [];
  const { step } = DecodingBatch.prototype;
  vi.spyOn(DecodingBatch.prototype, "step").mockImplementation(function (
    this: DecodingBatch,
    tokens,
  ) {
    events.push("step");
    return step.call(this, tokens);
  });
  await withEngine(
    {
      fair: {
        readTokens: 8,
        between: () =>
          new Promise((resolve) => setImmediate(() => (events.push("between"), resolve()))),
      },
    },
    (engine) => engine.submit(lasting("x", 20)).answers,
  );
  const steps = events.filter((each) => each === "step").length;
  expect(steps).toBeGreaterThan(5);
  expect(events.join(" ")).not.toContain("step step");
});

describe("as many tokens are read between two steps as take about the time of one", () => {
  /**
   * Reads all that it may, on a machine where a reading takes so long whatever its length, and so
   * much longer for each token.
   */
  function settle(
    pace: ReadingPace,
    { fixed, each, step }: { fixed: number; each: number; step: number },
  ): number {
    for (let turn = 0; turn < 60; turn++) {
      pace.stepTook(step);
      pace.readTook(pace.tokens(true), fixed + each * pace.tokens(true));
    }
    return pace.tokens(true);
  }

  test.each([
    ["each token costs the same", { fixed: 0, each: 2, step: 100 }, 75],
    // time for each token of a reading of eight says that only eight can be read
    [
      "a reading costs as much as a step whatever its length",
      { fixed: 80, each: 0.7, step: 100 },
      100,
    ],
    ["nearly nothing", { fixed: 0.01, each: 0.001, step: 100 }, 1024],
    ["more than a step", { fixed: 400, each: 2, step: 100 }, 8],
  ])("where %s", (_, machine, most) => {
    const pace = new ReadingPace();
    expect([pace.tokens(false), pace.tokens(true)]).toEqual([256, 16]);
    const found = settle(pace, machine);
    expect(found).toBeLessThanOrEqual(Math.min(1024, Math.max(8, most * 1.3)));
    expect(found).toBeGreaterThanOrEqual(Math.min(most, Math.max(8, most * 0.6)));
  });

  test("and a short prompt says nothing about a long one", () => {
    const pace = new ReadingPace();
    const found = settle(pace, { fixed: 80, each: 0.7, step: 100 });
    for (let turn = 0; turn < 50; turn++) pace.readTook(5, 84);
    expect(pace.tokens(true)).toBe(found);
  });

  test("or as many as somebody asks for", () => {
    expect([new ReadingPace(3).tokens(false), new ReadingPace(3).tokens(true)]).toEqual([3, 3]);
  });
});
