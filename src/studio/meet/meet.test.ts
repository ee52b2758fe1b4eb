/** Parts of meeting models that need no store: streams in step, names in streams, ratings. */
import { afterEach, describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { HiddenText } from "./hide-stream.ts";
import type { VoteCast } from "./ratings.ts";
import { ratingsOf } from "./ratings.ts";
import { samplingOf } from "./chats.ts";
import { streamAnswer } from "./stream-answer.ts";
import type { Behaviour, FakeModel } from "./testing.ts";
import { fakeModel } from "./testing.ts";
import type { Told } from "./together.ts";
import { Side, together } from "./together.ts";

describe("two answers together", () => {
  const all = async (sides: readonly Side[], inStep = true): Promise<Told[]> => {
    const told: Told[] = [];
    for await (const each of together(sides, { tick: 0, inStep })) told.push(each);
    return told;
  };
  const textOf = (told: readonly Told[], of: number): string =>
    told.map((each) => ("text" in each && each.side === of ? each.text : "")).join("");

  test("are told whole, and no further than the slower one is", async () => {
    const [fast, slow] = [new Side(), new Side()];
    fast.add("a".repeat(500));
    fast.end = "length";
    slow.add("b".repeat(20));
    const told: Told[] = [];
    let heard = 0;
    for await (const each of together([fast, slow], { tick: 0, inStep: true })) {
      told.push(each);
      const [first, second] = [0, 1].map((side) => textOf(told, side).length);
      if (slow.end === undefined) expect(first).toBeLessThanOrEqual(second! + 20);
      if (!("text" in each) || each.side !== 1) continue;
      if (++heard === 5) slow.end = "stop";
      else if (slow.end === undefined) slow.add("b".repeat(20));
    }
    expect(textOf(told, 0)).toBe("a".repeat(500));
  });

  test("wait for each other from the first character on", async () => {
    const [fast, slow] = [new Side(), new Side()];
    fast.add("at once");
    const later = setTimeout(() => {
      slow.add("later");
      slow.end = "stop";
      fast.end = "stop";
    }, 20);
    const stream = together([fast, slow], { tick: 1, inStep: true });
    const first = await stream.next();
    clearTimeout(later);
    expect(slow.end).toBe("stop");
    expect(first.value).toEqual({ side: 0, text: "at once" });
    await stream.return(undefined);
  });

  test("part no character in two, and one alone is told as it comes", async () => {
    const sides = [new Side(), new Side()];
    for (const side of sides) {
      side.add("\u{1F600}".repeat(300));
      side.end = "stop";
    }
    const told = await all(sides);
    for (const each of told)
      if ("text" in each) expect(each.text).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
    expect(textOf(told, 1)).toBe("\u{1F600}".repeat(300));
    const alone = new Side();
    alone.add("x".repeat(1000));
    alone.end = "stop";
    expect(await all([alone], false)).toEqual([
      { side: 0, text: "x".repeat(1000) },
      { side: 0, end: "stop" },
    ]);
  });
});

describe("names in a text that is being written", () => {
  const NAMES = ["quickstart-1/dpo-warm", "dpo-warm"];
  test("never appear, however it is cut", () => {
    const text =
      "Hello, I am dpo-warm, also called Quickstart-1/DPO-Warm; I was made by OpenAI. " +
      `${"More words follow here. ".repeat(8)}Ask dpo warm again, or ChatGPT.`;
    for (let seed = 0; seed < 200; seed++) {
      const random = Random.for(seed, "cut");
      const hidden = new HiddenText(NAMES);
      let told = "";
      for (let at = 0; at < text.length;) {
        const size = 1 + random.integer(12);
        told += hidden.add(text.slice(at, at + size));
        at += size;
        expect(told).not.toMatch(/dpo|openai|chatgpt|quickstart/i);
      }
      told += hidden.end();
      expect(told).not.toMatch(/dpo|openai|chatgpt|quickstart/i);
      expect(told).toContain("Hello, I am [hidden], also called [hidden]; I was made by [hidden].");
      expect(told.endsWith("Ask [hidden] again, or [hidden].")).toBe(true);
    }
  });

  test("wait for nothing where nothing is hidden", () => {
    const plain = new HiddenText([]);
    expect(plain.add("I am dpo-warm")).toBe("I am dpo-warm");
    expect(plain.end()).toBe("");
  });
});

describe("an answer as it comes", () => {
  let model: FakeModel | undefined;
  afterEach(() => model?.close());
  const sampling = samplingOf({ system: "Be kind.", temperature: 0.3, topP: 0.9, maxTokens: 50 });
  const read = async (behave: (request: { max_tokens?: number }) => Behaviour) => {
    model = await fakeModel("secret", behave);
    const address = { baseUrl: model.url, token: "t", name: "model" };
    const signal = new AbortController().signal;
    const asking = { sampling, seed: 7, signal };
    const pieces = streamAnswer(address, [{ role: "user", content: "Hi" }], asking);
    let text = "";
    for (;;) {
      const { value, done } = await pieces.next();
      if (done) return { text, finish: value };
      text += value;
    }
  };

  test("is asked as the settings say, and told with its end", async () => {
    const answered = await read(() => ({ pieces: ["Good ", "day"], finish: "length" }));
    expect(answered).toEqual({ text: "Good day", finish: "length" });
    expect(model!.requests).toEqual([
      {
        model: "model",
        messages: [
          { role: "system", content: "Be kind." },
          { role: "user", content: "Hi" },
        ],
        temperature: 0.3,
        top_p: 0.9,
        max_tokens: 50,
        seed: 7,
        stream: true,
      },
    ]);
  });

  test("is as long as fits where the context ends sooner", async () => {
    const answered = await read(({ max_tokens }) =>
      max_tokens === undefined
        ? { pieces: ["short"] }
        : { status: 400, message: "too long", code: "context_length_exceeded" },
    );
    expect(answered.text).toBe("short");
  });

  test("that breaks off is no answer, and neither is an error", async () => {
    await expect(read(() => ({ cut: ["half of"] }))).rejects.toThrow(/cut off|broke off/);
    await model!.close();
    await expect(read(() => ({ status: 500, message: "out of memory" }))).rejects.toThrow(
      "out of memory",
    );
  });
});

describe("ratings", () => {
  const votes = (pair: readonly [string, string], wins: number, losses: number): VoteCast[] =>
    Array.from({ length: wins + losses }, (_, i) => ({
      models: pair,
      outcome: i < wins ? 1 : 0,
      bothBad: false,
      cluster: `${pair.join()} ${i}`,
    }));

  test("order models, and say whom they cannot be told from", () => {
    const cast = [
      ...votes(["good", "bad"], 45, 5),
      ...votes(["good", "twin"], 20, 22),
      ...votes(["twin", "bad"], 40, 8),
    ];
    const rated = ratingsOf(cast, 0.95);
    expect(rated.map(({ model }) => model).at(-1)).toBe("bad");
    const of = (name: string) => rated.find(({ model }) => model === name)!;
    expect(of("good").notToldFrom).toEqual(["twin"]);
    expect(of("bad").notToldFrom).toEqual([]);
    expect(of("bad")).toMatchObject({ votes: 98, wins: 13, losses: 85, ties: 0 });
    // bad has the most votes, and the others are told from it
    expect(of("bad").rating.estimate).toBe(1000);
    const { low, high, estimate } = of("good").rating;
    expect(low!).toBeGreaterThan(1000);
    expect(high!).toBeGreaterThan(estimate!);
  });

  test("count ties for both, and claim nothing of what no vote links", () => {
    const tie: VoteCast = { models: ["a", "b"], outcome: 0.5, bothBad: true, cluster: "1" };
    const rated = ratingsOf([tie, ...votes(["c", "d"], 9, 3)], 0.95);
    expect(rated.filter(({ group }) => group === 0).map(({ model }) => model)).toEqual(["a", "b"]);
    expect(rated[0]).toMatchObject({ ties: 1, bothBad: 1, wins: 0, notToldFrom: ["b"] });
    expect(rated[2]!.notToldFrom).toEqual(["d"]);
    expect(ratingsOf([], 0.95)).toEqual([]);
  });
});
