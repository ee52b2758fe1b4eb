import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { TINY_CONFIGS, randomModel } from "../models/testing.ts";
import type { Encoder } from "../text/encoder.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { OpenAnswer } from "./answer.ts";
import type { Answer } from "./generate.ts";
import { GREEDY, generate, streamGenerate } from "./generate.ts";
import { Scores } from "./scores.ts";

const encoder = createEncoder(byteTokenizer(), { maxLength: 64, template: "none" });
const model = randomModel(
  { ...TINY_CONFIGS["llama"]!, hidden_size: 64, vocab_size: encoder.tokenizer.vocabularySize },
  3,
  0.15,
);
const prompts = ["Hi", "A longer prompt", "x", "again", "and again"].map((text) =>
  encoder.encodePrompt(text),
);
const sampled = { ...GREEDY, temperature: 1, samples: 2, maxNewTokens: 9, seed: 4, batchSize: 3 };

async function collect(stream: AsyncIterable<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for await (const answer of stream) answers.push(answer);
  return answers;
}

const inOrder = (answers: readonly Answer[]): Answer[] =>
  answers.toSorted((a, b) => a.prompt - b.prompt || a.sample - b.sample);

describe("a stream", () => {
  test("gives the same answers as all at once, from a plain and from an asynchronous source", async () => {
    const expected = await generate(model, encoder, prompts, sampled);
    expect(expected.map(({ prompt, sample }) => [prompt, sample])).toEqual(
      prompts.flatMap((_, prompt) => [
        [prompt, 0],
        [prompt, 1],
      ]),
    );
    async function* slowly() {
      for (const prompt of prompts) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        yield prompt;
      }
    }
    for (const source of [prompts, slowly()]) {
      const answers = await collect(
        streamGenerate(model, encoder, source, { ...sampled, room: 48 }),
      );
      expect(inOrder(answers).map(({ ids, text }) => [ids, text])).toEqual(
        expected.map(({ ids, text }) => [ids, text]),
      );
    }
  });

  test("takes prompts as slots become free, and stops taking them when its reader leaves", async () => {
    let taken = 0;
    const source = { closed: false };
    function* endless() {
      try {
        for (;;) {
          taken++;
          yield prompts[taken % prompts.length]!;
        }
      } finally {
        source.closed = true;
      }
    }
    let answers = 0;
    for await (const { prompt } of streamGenerate(model, encoder, endless(), {
      ...sampled,
      samples: 1,
      room: 48,
    })) {
      answers++;
      expect(taken - answers).toBeLessThanOrEqual(3 * sampled.batchSize);
      expect(prompt).toBeLessThan(taken);
      if (answers === 12) break;
    }
    // the reader is told to stop before its source is
    while (!source.closed) await new Promise((resolve) => setImmediate(resolve));
  });

  test("ends when its signal is given, with the answers as long as they are", async () => {
    const controller = new AbortController();
    const answers: Answer[] = [];
    const long = { ...sampled, samples: 1, maxNewTokens: 30, room: 60, temperature: 8 };
    for await (const answer of streamGenerate(model, encoder, prompts.values(), long, {
      signal: controller.signal,
    })) {
      answers.push(answer);
      controller.abort();
    }
    expect(answers.length).toBeGreaterThan(0);
    expect(
      answers.slice(1).every(({ finish, ids }) => finish !== "cancelled" || ids.length < 30),
    ).toBe(true);
    expect(
      await collect(
        streamGenerate(model, encoder, prompts, sampled, { signal: controller.signal }),
      ),
    ).toEqual([]);
  });

  test("passes on what its source or a prompt does wrong", async () => {
    function* broken() {
      yield prompts[0]!;
      throw new Error("no more disk");
    }
    await expect(collect(streamGenerate(model, encoder, broken(), sampled))).rejects.toThrow(
      /source of prompts failed[\s\S]*no more disk/,
    );
    await expect(
      collect(streamGenerate(model, encoder, [new Int32Array(64)], sampled)),
    ).rejects.toThrow(/leaves no room for an answer/);
    await expect(collect(streamGenerate(model, encoder, [], sampled))).resolves.toEqual([]);
  });
});

test("all at once: nothing to do, and a signal", async () => {
  expect(await generate(model, encoder, [], sampled)).toEqual([]);
  const controller = new AbortController();
  const answers = await generate(
    model,
    encoder,
    prompts,
    { ...sampled, temperature: 8, maxNewTokens: 30 },
    { signal: controller.signal, onToken: ({ ids }) => ids.length === 5 && controller.abort() },
  );
  expect(answers.length).toBeLessThanOrEqual(sampled.batchSize);
  expect(
    answers.every(
      ({ finish, ids }) => ids.length <= 5 && (finish === "cancelled" || finish === "stop"),
    ),
  ).toBe(true);
});

describe("the text of a growing answer", () => {
  /** Feeds the tokens of a text one by one; gives what was shown after each. */
  function grow(
    text: string,
    { stopTexts = [] as string[], using = encoder as Encoder } = {},
  ): { shown: string[]; answer: OpenAnswer } {
    const answer = new OpenAnswer({ ...GREEDY, stopTexts }, using, {
      random: new Random(0),
      watched: true,
    });
    const shown: string[] = [];
    for (const id of using.tokenizer.encode(text)) {
      const logits = new Float32Array(using.tokenizer.vocabularySize).fill(-30);
      logits[id] = 30;
      const done = answer.extend(new Scores(logits, Float32Array.of(30), Float32Array.of(1), 1));
      shown.push(answer.drawn.text);
      if (done) break;
    }
    return { shown, answer };
  }

  test("shows whole characters only", () => {
    const { shown } = grow("aé😀b");
    expect(shown).toEqual(["a", "a", "aé", "aé", "aé", "aé", "aé😀", "aé😀b"]);
  });

  test("holds back what may become a stop text, and gives it when it does not", () => {
    expect(grow("ab\nUs\nUser: x", { stopTexts: ["\nUser:"] })).toMatchObject({
      shown: [
        "a",
        "ab",
        "ab",
        "ab",
        "ab",
        "ab\nUs",
        "ab\nUs",
        "ab\nUs",
        "ab\nUs",
        "ab\nUs",
        "ab\nUs",
      ],
      answer: { drawn: { text: "ab\nUs", finish: "stop" } },
    });
    const { answer } = grow("ab\nUs", { stopTexts: ["\nUser:"] });
    answer.finish("length");
    expect(answer.drawn.text).toBe("ab\nUs");
  });

  test("only ever grows, and ends as the text decoded at once", () => {
    const random = new Random(6);
    for (let trial = 0; trial < 30; trial++) {
      const text = Array.from({ length: 20 }, () =>
        random.pick(["a", " ", "é", "漢", "👩‍🚀", "\n", "<", "end", "<end"]),
      ).join("");
      const { shown, answer } = grow(text, { stopTexts: trial % 2 ? ["\n<"] : [] });
      shown.slice(0, -1).forEach((part, i) => expect(shown[i + 1]!.startsWith(part)).toBe(true));
      answer.finish("length");
      expect(answer.drawn.text.startsWith(shown.at(-1)!)).toBe(true);
      const cut = text.indexOf("\n<");
      expect(answer.drawn.text).toBe(trial % 2 && cut >= 0 ? text.slice(0, cut) : text);
    }
  });
});

test("an answer becomes no longer than the context, or the length that was named, leaves behind its prompt", async () => {
  const lengths = async (maxLength?: number): Promise<number[]> => {
    const never = { ...encoder, stopIds: [] };
    const answers = await generate(
      model,
      never,
      [new Int32Array(60).fill(65), new Int32Array(4).fill(66)],
      {
        ...sampled,
        samples: 1,
        maxNewTokens: 10,
        ...(maxLength === undefined ? {} : { maxLength }),
      },
    );
    return answers.map(({ ids }) => ids.length);
  };
  expect(await lengths()).toEqual([4, 10]);
  expect(await lengths(62)).toEqual([2, 10]);
  await expect(lengths(60)).rejects.toThrow(
    /leaves no room for an answer[^]*a prompt of 60 tokens/,
  );
  const streamed: number[] = [];
  for await (const { ids } of streamGenerate(
    model,
    { ...encoder, stopIds: [] },
    [new Int32Array(60).fill(65)],
    { ...sampled, samples: 1, maxNewTokens: 10 },
  ))
    streamed.push(ids.length);
  expect(streamed).toEqual([4]);
});
