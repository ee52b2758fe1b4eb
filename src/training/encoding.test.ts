/** What a run tells of its rows before its first step, and which rows it leaves out. */
import { describe, expect, test } from "vitest";
import type {
  ConversationRecord,
  DemonstrationRecord,
  PreferenceRecord,
  TextRecord,
} from "../data/records.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { createEncoder } from "../text/encoder.ts";
import type { Message } from "../text/messages.ts";
import { byteCharacters } from "../text/byte-level.ts";
import { byteTokenizer } from "../text/testing.ts";
import type { Tokenizer, TokenizerFiles } from "../text/tokenizer.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import { resolveConfig } from "./configs.ts";
import { dpo, encodeDpo } from "./offline/dpo.ts";
import { Rows, encodeKto } from "./offline/kto-rows.ts";
import { encodeReward } from "./offline/reward-groups.ts";
import { freshScoreHead } from "./offline/reward.ts";
import { RewardModelSource } from "./rollout/rewards.ts";
import type { Rollout } from "./rollout/rollout.ts";
import { encodeSft, sft } from "./offline/sft.ts";
import { COMMON, collect, tinyModel, tokenizer } from "./testing.ts";

const limits = { maxLength: 48, onBad: "error" } as const;
const plain = createEncoder(tokenizer, { maxLength: 48, template: "none" });
const turned = createEncoder(tokenizer, { maxLength: 48 });
const place = (row: number) => ({ file: "d.jsonl", row });
const text = (content: string, row: number): TextRecord => ({
  kind: "text",
  text: content,
  place: place(row),
});
const pair = (prompt: string, chosen: string, rejected: string, row: number): PreferenceRecord => ({
  kind: "preference",
  prompt,
  chosen,
  rejected,
  p: 1,
  place: place(row),
});
const say = (role: Message["role"], content: string, weight?: 0): Message => ({
  role,
  content,
  ...(weight === undefined ? {} : { weight }),
});
const conversation = (messages: Message[], row: number): ConversationRecord => ({
  kind: "conversation",
  messages,
  place: place(row),
});
const told = (events: readonly TrainingEvent[]) =>
  events.flatMap((event) => (event.type === "warning" ? [[event.id, event.message]] : []));

/** As GPT-2's way of writing, with the letters of 100 bytes alone, and no unknown token. */
function smallAlphabet(): Tokenizer {
  const json = JSON.parse(byteTokenizer().files["tokenizer.json"]!) as {
    model: { vocab: Record<string, number> };
  };
  for (const character of ["é", "€"])
    for (const letter of Buffer.from(character)) delete json.model.vocab[byteCharacters()[letter]!];
  return tokenizerFromFiles({
    ...byteTokenizer().files,
    "tokenizer.json": JSON.stringify(json),
  } as unknown as TokenizerFiles);
}

describe("characters without a token", () => {
  const rows = [text("plain", 1), text("caf\u00e9 \u20ac", 2), text("\u20ac\u20ac", 3)];

  test("are counted and told once, with one of them and the first row", () => {
    const { report } = encodeSft(
      { encoder: createEncoder(smallAlphabet(), { maxLength: 48 }), train: rows, heldOut: [] },
      resolveConfig("sft", COMMON),
    );
    expect(report.warnings).toEqual([
      {
        id: "lost-characters",
        message:
          "2 of 3 rows hold characters that the tokenizer has no token for, and that nobody " +
          'sees: 4 characters, such as "\u00e9"; the first: d.jsonl:2',
      },
    ]);
  });

  test("are none where bytes stand for them", () => {
    expect(byteTokenizer().lostCharacters("caf\u00e9 \u20ac")).toEqual([]);
    expect(smallAlphabet().lostCharacters("caf\u00e9 \u20ac")).toEqual(["\u00e9", "\u20ac"]);
  });
});

describe("what was cut", () => {
  const long = pair("p".repeat(30), "a".repeat(40), "b".repeat(5), 2);

  test("is told once, with how many rows lost how much and the first of them", async () => {
    const config = resolveConfig("dpo", { ...COMMON, maxSteps: 1 });
    const events = await collect(
      dpo(
        {
          model: tinyModel(),
          encoder: plain,
          train: [pair("x", "y", "z", 1), long, pair("p".repeat(60), "y", "z", 3)],
          heldOut: [],
        },
        config,
      ),
    );
    expect(told(events)).toEqual([
      [
        "truncated-examples",
        "2 of 3 rows did not fit into 48 tokens and were cut, by 20 tokens in the median and 24 " +
          "at most: 1 lost the end of an answer or a text, and do not learn to stop there; 2 " +
          "lost " +
          "the beginning of a prompt; the first: d.jsonl:2. A larger --max-length keeps them whole",
      ],
    ]);
    expect(events.findIndex(({ type }) => type === "warning")).toBeLessThan(
      events.findIndex(({ type }) => type === "start"),
    );
  });

  test("is the same for every trainer", () => {
    const { report } = encodeDpo(
      { encoder: plain, train: [long], heldOut: [] },
      resolveConfig("dpo", COMMON),
    );
    expect(report.warnings[0]!.message).toMatch(
      /^1 of 1 row did not fit into 48 tokens and were cut, by 24 tokens/,
    );
    expect(
      encodeReward({ encoder: plain, train: [long], heldOut: [] }, { ...limits, margin: false })
        .report.warnings,
    ).toEqual(report.warnings);
    const unpaired = encodeKto(
      {
        encoder: plain,
        train: [
          {
            kind: "unpaired",
            prompt: long.prompt,
            completion: long.chosen,
            label: true,
            place: place(2),
          },
        ],
        heldOut: [],
      },
      limits,
    );
    expect(unpaired.report.warnings[0]!.message).toMatch(/^1 of 1 row did not fit/);
  });

  test("in conversations is counted by turns", () => {
    const { report } = encodeSft(
      {
        encoder: turned,
        train: [
          conversation(
            [
              say("user", "u".repeat(40)),
              say("assistant", "a"),
              say("user", "v"),
              say("assistant", "b"),
            ],
            4,
          ),
        ],
        heldOut: [],
      },
      { ...limits, loss: "completion" },
    );
    expect(report.warnings[0]!.message).toContain(
      "1 lost their oldest turns (2 turns); the first: d.jsonl:4",
    );
  });
});

describe("rows without anything to learn", () => {
  const silent = conversation([say("user", "a"), say("assistant", "b", 0)], 7);
  const good = Array.from({ length: 199 }, (_, i) =>
    conversation([say("user", "a"), say("assistant", "b")], 10 + i),
  );
  const encode = (train: ConversationRecord[], onBad: "few" | "error" | "drop") =>
    encodeSft(
      { encoder: turned, train, heldOut: [] },
      { maxLength: 48, onBad, loss: "completion" },
    );

  test("are left out and told where they are few, or where they may be dropped", () => {
    const { examples, report } = encode([silent, ...good], "few");
    expect(examples).toHaveLength(199);
    expect(report.warnings).toEqual([
      {
        id: "left-out-rows",
        message:
          "1 of 200 rows left out: every answer has weight 0, so nothing of the row is learned; " +
          "the first: d.jsonl:7",
      },
    ]);
    expect(encode([silent, silent, good[0]!], "drop").examples).toHaveLength(1);
  });

  test("stop the run with their place where they are many, or where none may be", () => {
    expect(() => encode([silent, good[0]!], "few")).toThrow(
      /^d\.jsonl:7: every answer has weight 0[^]*--on-bad drop/,
    );
    expect(() => encode([silent, ...good], "error")).toThrow(
      /^d\.jsonl:7: every answer has weight 0/,
    );
    expect(() => encode([silent], "drop")).toThrow(/^d\.jsonl:7: every answer has weight 0/);
  });
});

describe("control tokens in texts", () => {
  test("are told of with the row, and with the option that reads them", () => {
    const { report } = encodeSft(
      {
        encoder: plain,
        train: [text("plain", 1), text("<user>two<end><assistant>2<end>", 2)],
        heldOut: [],
      },
      { ...limits, loss: "completion" },
    );
    expect(report.warnings).toEqual([
      {
        id: "control-tokens",
        message:
          "1 of 2 rows hold control tokens such as <end>, which are read as ordinary characters; " +
          "the first: d.jsonl:2; where the template is written out in texts that you trust, " +
          "--trust-text reads it",
      },
    ]);
    const demonstration: DemonstrationRecord = {
      kind: "demonstration",
      prompt: "<user>a<end>",
      completion: "b",
      place: place(3),
    };
    expect(
      encodeSft(
        { encoder: plain, train: [demonstration], heldOut: [] },
        { ...limits, loss: "completion" },
      ).report.warnings[0]!.message,
    ).toContain("1 of 1 row hold control tokens such as <end>");
  });

  test("are tokens where texts are trusted, and in messages never", () => {
    const trusting = createEncoder(tokenizer, { maxLength: 48, trustText: true });
    const encode = (train: (TextRecord | ConversationRecord)[]) =>
      encodeSft({ encoder: trusting, train, heldOut: [] }, { ...limits, loss: "completion" });
    expect(encode([text("<user>two<end>", 2)]).report.warnings).toEqual([]);
    expect(
      encode([conversation([say("user", "<end>"), say("assistant", "b")], 5)]).report.warnings[0]!
        .message,
    ).toBe(
      "1 of 1 row hold control tokens such as <end>, which are read as ordinary characters; the " +
        "first: d.jsonl:5",
    );
  });
});

describe("a template that rewrites earlier turns", () => {
  const chatTemplate =
    "{% for message in messages %}<{{ message.role }}>{% if message.role == 'assistant' and " +
    "loop.last %}(new){% endif %}{{ message.content }}<end>{% endfor %}{% if " +
    "add_generation_prompt %}<assistant>{% endif %}";
  const rewriting = createEncoder(byteTokenizer({ chatTemplate }), { maxLength: 48 });
  const train = [
    conversation(
      [say("user", "q"), say("assistant", "a"), say("user", "r"), say("assistant", "b")],
      1,
    ),
    conversation([say("user", "q"), say("assistant", "a")], 2),
  ];

  test("costs rows and tokens, which are counted", () => {
    const { examples, report } = encodeSft(
      { encoder: rewriting, train, heldOut: [] },
      { ...limits, loss: "completion" },
    );
    const lengths = examples.map(({ ids }) => ids.length);
    expect(lengths).toHaveLength(3);
    const more = (100 * lengths[0]!) / (lengths[1]! + lengths[2]!);
    expect(report.warnings).toEqual([
      {
        id: "split-conversations",
        message:
          "1 of 2 rows became 2, since the chat template rewrites earlier turns and every answer " +
          `is learned as it was said: ${more.toPrecision(2)}% more tokens in all; the first: ` +
          "d.jsonl:1",
      },
    ]);
  });

  test("every supervised token weighs the same: the step's loss is the mean over all answers of all rows", async () => {
    const model = tinyModel();
    const run = async (items: ConversationRecord[]) => {
      const events = await collect(
        sft(
          {
            model: { ...model, config: model.config },
            encoder: rewriting,
            train: items,
            heldOut: items,
          },
          resolveConfig("sft", { ...COMMON, batchSize: 3, maxSteps: 1, learningRate: 1e-9 }),
        ),
      );
      return events.flatMap((event) =>
        event.type === "evaluation" ? [event.metrics.eval_loss!] : [],
      )[0]!;
    };
    const count = (item: ConversationRecord) =>
      rewriting
        .encodeConversation(item.messages, { loss: "completion" })
        .reduce(
          (total, { supervised }) => total + supervised.reduce((sum, flag) => sum + flag, 0),
          0,
        );
    const [first, second] = [train[0]!, train[1]!];
    const [a, b] = [count(first), count(second)];
    const expected = ((await run([first])) * a + (await run([second])) * b) / (a + b);
    expect(await run([first, second])).toBeCloseTo(expected, 4);
  });
});

test("DPO sums the labels of a completion alone, and counts them", () => {
  const chosen = [say("assistant", "call", 0), say("tool", "42"), say("assistant", "fine")];
  const { examples: pairs } = encodeDpo(
    { encoder: turned, train: [{ ...pair("q", "", "no", 1), chosen }], heldOut: [] },
    resolveConfig("dpo", COMMON),
  );
  const [{ row, chosenTokens, rejectedTokens }] = pairs as [(typeof pairs)[number]];
  expect([chosenTokens, rejectedTokens]).toEqual(["fine".length + 1, "no".length + 1]);
  expect(row.reads.filter(({ sequence }) => sequence === 0).map(({ target }) => target)).toEqual([
    ...tokenizer.encodePlain("fine"),
    258,
  ]);
});

test("KTO reads a partner's answer after the whole prompt, BOS included", () => {
  const train = ["a", "b"].map((letter, i) => ({
    kind: "unpaired" as const,
    prompt: letter.repeat(30 - 25 * i),
    completion: "c".repeat(30 * i + 1),
    label: i % 2 === 0,
    place: place(i),
  }));
  const { examples: answers } = encodeKto({ encoder: plain, train, heldOut: [] }, limits);
  const rows = new Rows(answers, 48);
  const partners = rows.addPartners(answers).map((row) => rows.lay(row));
  expect(partners.map(({ ids }) => tokenizer.decode([...ids]))).toEqual([
    `<s>${"a".repeat(30)}${"c".repeat(17)}`,
    "<s>bbbbbc<end>",
  ]);
});

describe("a reward model with another tokenizer", () => {
  const other = { ...plain, tokenizer: { ...plain.tokenizer, fingerprint: "other" } };
  const rollout = (prompt: string, answer: string, stopped: boolean): Rollout => {
    const ids = [...tokenizer.encodePlain(answer), ...(stopped ? [258] : [])];
    return {
      prompt: {
        record: { kind: "prompt", prompt, place: place(9) },
        ids: plain.encodePrompt(prompt),
      },
      ids: Int32Array.from(ids),
      stopped,
      text: answer,
    };
  };
  const open = (policy: typeof plain, encoder = plain) => {
    const model = tinyModel();
    model.scoreHead = freshScoreHead(model, 1);
    return new RewardModelSource({ model, encoder }, policy, {
      name: "judge",
      microBatchTokens: 512,
      plan: "whole",
      recompute: "all",
      maxLength: 48,
    });
  };

  test("scores an answer that did not end as one that did not end", async () => {
    const rollouts = [rollout("why?", "becau", false), rollout("why?", "because", true)];
    const [same, again] = [open(plain), open(other)];
    const [expected, found] = [await same.score(rollouts), await again.score(rollouts)];
    found.forEach((score, i) => expect(score).toBeCloseTo(expected[i]!, 5));
    for (const source of [same, again]) await source.close();
  });

  test("tells what it had to cut, once", async () => {
    const source = open(other, createEncoder(tokenizer, { maxLength: 16, template: "none" }));
    await source.score([
      rollout("a long question", "a long answer", true),
      rollout("a", "b", true),
    ]);
    expect(source.takeWarnings()).toEqual([
      {
        id: "reward-truncated",
        message:
          "1 answer with the prompt did not fit into the 16 tokens of the reward model judge and " +
          "were cut before they were judged; the first answers d.jsonl:9",
      },
    ]);
    expect(source.takeWarnings()).toEqual([]);
    await source.close();
  });
});
