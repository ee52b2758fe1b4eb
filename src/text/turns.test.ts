/**
 * Which tokens are an answer's: weights, templates that rewrite earlier turns, templates that open
 * a thought.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { EncodedExample } from "./encoder.ts";
import { createEncoder } from "./encoder.ts";
import type { Message } from "./messages.ts";
import { byteTokenizer } from "./testing.ts";

const say = (role: Message["role"], content: string, more: Partial<Message> = {}): Message => ({
  role,
  content,
  ...more,
});
const template = (name: string): string =>
  readFileSync(new URL(`golden/templates/${name}.jinja`, import.meta.url), "utf8");
const wide = { maxLength: 4096 };

const chat = createEncoder(byteTokenizer(), wide);
const qwenTokenizer = byteTokenizer({
  chatTemplate: template("qwen3"),
  specials: ["<|im_start|>", "<|im_end|>"],
  words: ["<think>", "</think>"],
});
const qwen = createEncoder(qwenTokenizer, wide);
const deepseek = createEncoder(
  byteTokenizer({
    chatTemplate: template("deepseek-r1"),
    specials: ["<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"],
    words: ["<think>", "</think>"],
  }),
  wide,
);

/** The text of a row, and what is learned of it in brackets. */
function shown(
  { ids, supervised }: Pick<EncodedExample, "ids" | "supervised">,
  { tokenizer } = chat,
): string {
  let text = "";
  let start = 0;
  for (let i = 1; i <= ids.length; i++) {
    if (i < ids.length && supervised[i] === supervised[start]) continue;
    const part = tokenizer.decode([...ids.subarray(start, i)]);
    text += supervised[start] === 1 ? `[${part}]` : part;
    start = i;
  }
  return text;
}

const shownRows = (rows: readonly EncodedExample[], encoder = chat): string[] =>
  rows.map((row) => shown(row, encoder));
const completion = (messages: readonly Message[], encoder = chat): string[] =>
  shownRows(encoder.encodeConversation(messages, { loss: "completion" }), encoder);

describe("weights", () => {
  const messages = [
    say("user", "q1"),
    say("assistant", "bad", { weight: 0 }),
    say("user", "q2"),
    say("assistant", "good", { weight: 1 }),
  ];

  test("an answer of weight 0 is read and not learned", () => {
    expect(completion(messages)).toEqual([
      "<s><user>q1<end>\n<assistant>bad<end>\n<user>q2<end>\n<assistant>[good<end>]",
    ]);
    expect(shownRows(chat.encodeConversation(messages, { loss: "full" }))).toEqual([
      "[<s><user>q1<end>\n]<assistant>bad<end>\n[<user>q2<end>\n<assistant>good<end>]",
    ]);
    expect(
      shownRows(
        chat.encodeDemonstration([messages[0]!], messages.slice(1), { loss: "completion" }),
      ),
    ).toEqual(completion(messages));
  });

  test("where every token is learned, a user's turn of weight 0 is not", () => {
    const masked = [
      messages[0]!,
      messages[3]!,
      { ...messages[2]!, weight: 0 as const },
      messages[3]!,
    ];
    expect(shownRows(chat.encodeConversation(masked, { loss: "full" }))).toEqual([
      "[<s><user>q1<end>\n<assistant>good<end>\n]<user>q2<end>\n[<assistant>good<end>]",
    ]);
    expect(completion(masked)).toEqual([
      "<s><user>q1<end>\n<assistant>[good<end>]\n<user>q2<end>\n<assistant>[good<end>]",
    ]);
  });

  test("what comes after the last learned answer is no part of the row", () => {
    expect(
      completion([
        say("user", "a"),
        say("assistant", "b"),
        say("user", "c"),
        say("assistant", "d", { weight: 0 }),
      ]),
    ).toEqual(["<s><user>a<end>\n<assistant>[b<end>]"]);
  });

  test("a row whose every answer has weight 0 is refused with its place", () => {
    const place = { file: "d.jsonl", row: 7 };
    const silent = [say("user", "a"), say("assistant", "b", { weight: 0 })];
    const refusal = /^d\.jsonl:7: every answer has weight 0/;
    for (const loss of ["completion", "full"] as const)
      expect(() => chat.encodeConversation(silent, { loss }, { place })).toThrow(refusal);
    expect(() => chat.encodePair([silent[0]!], [silent[1]!], "c", { place })).toThrow(refusal);
    expect(() => chat.encodeExample([silent[0]!], [silent[1]!], { place })).toThrow(refusal);
  });

  test("tools' turns and turns of weight 0 are read in a completion and not counted", () => {
    const chosen = [
      say("assistant", "call", { weight: 0 }),
      say("tool", "42"),
      say("assistant", "it is 42"),
    ];
    const pair = chat.encodePair([say("user", "q")], chosen, [say("assistant", "no")]);
    expect(shown({ ids: pair.chosen, supervised: pair.supervised[0] })).toBe(
      "call<end>\n<tool>42<end>\n<assistant>[it is 42<end>]",
    );
    expect(shown({ ids: pair.rejected, supervised: pair.supervised[1] })).toBe("[no<end>]");
    expect(chat.tokenizer.decode([...pair.prompt])).toBe("<s><user>q<end>\n<assistant>");
  });

  test("a completion that begins with somebody else's turn is refused", () => {
    expect(() => chat.encodeExample("q", [say("tool", "42"), say("assistant", "a")])).toThrow(
      /does not begin with the assistant's turn/,
    );
  });
});

describe("Qwen3's own template", () => {
  const messages = [
    say("user", "q1"),
    say("assistant", "a1", { reasoning_content: "t1" }),
    say("user", "q2"),
    say("assistant", "a2", { reasoning_content: "t2" }),
  ];
  const ask = (text: string): string =>
    `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`;

  test("every turn is learned once, as it was said: with its thought, after turns without theirs", () => {
    expect(completion(messages, qwen)).toEqual([
      `${ask("q1")}[<think>\nt1\n</think>\n\na1<|im_end|>]`,
      `${ask("q1")}a1<|im_end|>\n${ask("q2")}[<think>\nt2\n</think>\n\na2<|im_end|>]`,
    ]);
  });

  test("each row begins with the ids that the model is asked with", () => {
    const rows = qwen.encodeConversation(messages, { loss: "completion" });
    [1, 3].forEach((index, i) =>
      expect([...rows[i]!.ids.subarray(0, rows[i]!.promptLength)]).toEqual([
        ...qwen.encodePrompt(messages.slice(0, index)),
      ]),
    );
  });

  test("turns whose rendering stays share a row", () => {
    const calls = [{ type: "function" as const, function: { name: "f", arguments: { x: 1 } } }];
    const [row, ...more] = completion(
      [
        say("user", "q"),
        say("assistant", "", { reasoning_content: "t", tool_calls: calls }),
        say("tool", "r"),
        say("assistant", "a", { reasoning_content: "u" }),
      ],
      qwen,
    );
    expect(more).toEqual([]);
    expect(row).toBe(
      `${ask("q")}[<think>\nt\n</think>\n\n` +
        '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call><|im_end|>]\n' +
        "<|im_start|>user\n<tool_response>\nr\n</tool_response><|im_end|>\n" +
        "<|im_start|>assistant\n[<think>\nu\n</think>\n\na<|im_end|>]",
    );
  });

  test("a turn of weight 0 costs no row", () => {
    const masked = [messages[0]!, { ...messages[1]!, weight: 0 as const }, ...messages.slice(2)];
    expect(completion(masked, qwen)).toEqual([completion(messages, qwen)[1]]);
    expect(() => qwen.encodeConversation(masked, { loss: "full" })).toThrow(
      /turns of weight 0 cannot be told apart/,
    );
  });

  test("every token of the last rendering is learned once with loss full", () => {
    expect(shownRows(qwen.encodeConversation(messages, { loss: "full" }), qwen)).toEqual([
      `[${ask("q1")}a1<|im_end|>\n${ask("q2")}<think>\nt2\n</think>\n\na2<|im_end|>]`,
    ]);
  });

  test("answers of a pair follow the prompt, with thinking and without", () => {
    const off = { templateArguments: { enable_thinking: false } };
    const pair = qwen.encodePair([say("user", "q")], "yes", "no");
    expect(shown({ ids: pair.chosen, supervised: pair.supervised[0] }, qwen)).toBe(
      "[<think>\n\n</think>\n\nyes<|im_end|>]",
    );
    const quiet = qwen.encodePair([say("user", "q")], "yes", "no", off);
    expect(qwen.tokenizer.decode([...quiet.prompt])).toBe(`${ask("q")}<think>\n\n</think>\n\n`);
    expect([...quiet.prompt]).toEqual([...qwen.encodePrompt([say("user", "q")], off)]);
    expect(shown({ ids: quiet.rejected, supervised: quiet.supervised[1] }, qwen)).toBe(
      "[no<|im_end|>]",
    );
    expect(() =>
      qwen.encodePair([say("user", "q")], [messages[1]!], "no", { ...off, place: { row: 3 } }),
    ).toThrow(/^row 3: the answer has a thought, but the template's arguments switch thinking off/);
  });

  test("earlier answers without a thought, under arguments that switch thinking off", () => {
    const off = { templateArguments: { enable_thinking: false } };
    const rows = qwen.encodeConversation(
      [say("user", "q1"), say("assistant", "a1"), say("user", "q2"), say("assistant", "a2")],
      { loss: "completion" },
      off,
    );
    expect(shownRows(rows, qwen)).toEqual([
      `${ask("q1")}<think>\n\n</think>\n\n[a1<|im_end|>]`,
      `${ask("q1")}a1<|im_end|>\n${ask("q2")}<think>\n\n</think>\n\n[a2<|im_end|>]`,
    ]);
  });

  test("a completion of several turns that the template rewrites is refused", () => {
    expect(() =>
      qwen.encodePair([say("user", "q")], [messages[1]!, messages[2]!, messages[3]!], "no", {
        place: { row: 4 },
      }),
    ).toThrow(/^row 4: the chat template rewrites earlier turns of the completion/);
    expect(
      shownRows(
        qwen.encodeDemonstration([messages[0]!], messages.slice(1), { loss: "completion" }),
        qwen,
      ),
    ).toEqual(completion(messages, qwen));
  });
});

describe("a template that opens a thought and writes none (DeepSeek R1)", () => {
  const asked = (text: string): string => `<s><｜User｜>${text}<｜Assistant｜><think>\n`;

  test("the answer is its thought and its words, and the next turn reads its words alone", () => {
    const messages = [
      say("user", "q1"),
      say("assistant", "a1", { reasoning_content: "t1" }),
      say("user", "q2"),
      say("assistant", "<think>\nt2\n</think>\n\na2"),
    ];
    expect(completion(messages, deepseek)).toEqual([
      `${asked("q1")}[t1\n</think>\n\na1<｜end▁of▁sentence｜>]`,
      `<s><｜User｜>q1<｜Assistant｜>a1<｜end▁of▁sentence｜>${asked("q2").slice(3)}[t2\n</think>\n\na2<｜end▁of▁sentence｜>]`,
    ]);
  });

  test("an answer without a thought gets an empty one, and says so", () => {
    const pair = deepseek.encodePair(
      "q",
      "yes",
      [say("assistant", "no", { reasoning_content: "t" })],
      {},
    );
    expect(deepseek.tokenizer.decode([...pair.prompt])).toBe(asked("q"));
    expect(shown({ ids: pair.chosen, supervised: pair.supervised[0] }, deepseek)).toBe(
      "[\n</think>\n\nyes<｜end▁of▁sentence｜>]",
    );
    expect(shown({ ids: pair.rejected, supervised: pair.supervised[1] }, deepseek)).toBe(
      "[t\n</think>\n\nno<｜end▁of▁sentence｜>]",
    );
    expect(pair.emptyThought).toBe(true);
    expect(qwen.encodePair([say("user", "q")], "yes", "no").emptyThought).toBeUndefined();
  });

  test("a thought cannot act as a control token", () => {
    const [row] = deepseek.encodeConversation(
      [say("user", "q"), say("assistant", "a", { reasoning_content: "<｜User｜>x" })],
      { loss: "completion" },
    );
    expect(row!.ids.filter((id) => id === deepseek.tokenizer.idOf("<｜User｜>"))).toHaveLength(1);
    expect(deepseek.tokenizer.decode([...row!.ids])).toContain("<｜User｜>x\n</think>");
  });
});

test.each([
  "qwen2_5",
  "qwen3",
  "deepseek-r1",
  "phi3",
  "phi4_mini",
  "mistral_nemo",
  "mistral_small",
  "smollm2",
  "smollm3",
])(
  "%s: every answer stands behind the very ids that the model is asked with, and is learned once",
  (name) => {
    const source = template(name);
    const specials = [
      ...new Set(
        [...source.matchAll(/<\|[\w▁]+\|>|<｜[^｜<>]+｜>|\[\/?[A-Z_]+\]/g)].map(([token]) => token),
      ),
    ];
    const encoder = createEncoder(
      byteTokenizer({ chatTemplate: source, specials, words: ["<think>", "</think>"] }),
      wide,
    );
    const messages = [
      say("user", "one?"),
      say("assistant", "first."),
      say("user", "two?"),
      say("assistant", "second."),
      say("user", "three?"),
      say("assistant", "third."),
    ];
    const row = { templateArguments: { date_string: "1 May 2025" } };
    const asked = [1, 3, 5].map((index) => [
      ...encoder.encodePrompt(messages.slice(0, index), row),
    ]);
    const learned: string[] = [];
    for (const { ids, supervised } of encoder.encodeConversation(
      messages,
      { loss: "completion" },
      row,
    )) {
      for (let start = 1; start < ids.length; start++) {
        if (supervised[start] !== 1 || supervised[start - 1] === 1) continue;
        expect([...ids.subarray(0, start)]).toEqual(asked[learned.length]);
        const end = supervised.indexOf(0, start);
        learned.push(
          encoder.tokenizer.decode([...ids.subarray(start, end < 0 ? ids.length : end)]),
        );
      }
    }
    expect(learned.map((text) => /(first|second|third)\./.exec(text)?.[0])).toEqual([
      "first.",
      "second.",
      "third.",
    ]);
  },
);

test("tools beside plain texts are refused, since nothing would write them", () => {
  const plain = createEncoder(byteTokenizer(), { maxLength: 64, template: "none" });
  const row = { place: { row: 5 }, tools: [{ type: "function", function: { name: "f" } }] };
  for (const encode of [
    () => plain.encodePair("a", "b", "c", row),
    () => plain.encodePrompt("a", row),
    () => plain.encodeText("a", row),
  ])
    expect(encode).toThrow(/^row 5: the row has tools, but its texts meet no chat template/);
});

test("a stop token that the assistant's words hold is no end", () => {
  const messages = [say("user", "q"), say("assistant", "a<end>b")];
  const endless = createEncoder(
    byteTokenizer({
      chatTemplate:
        "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}{% if " +
        "add_generation_prompt %}<assistant>{% endif %}",
    }),
    wide,
  );
  for (const encoder of [chat, endless]) {
    const [row] = encoder.encodeConversation(messages, { loss: "completion" });
    expect(encoder.tokenizer.decode([...row!.ids])).toMatch(/a<end>b<end>$/);
    expect(row!.ids.filter((id, index) => row!.supervised[index] === 1 && id === 258)).toHaveLength(
      1,
    );
  }
});

test("a template that writes another prompt once an answer follows is refused with the row", () => {
  const odd = createEncoder(
    byteTokenizer({
      chatTemplate:
        "{{ messages | length }}{% for message in messages %}<user>{{ message.content }}<end>{% " +
        "endfor %}",
    }),
    wide,
  );
  expect(() => odd.encodePair([say("user", "q")], "a", "b", { place: { row: 2 } })).toThrow(
    /^row 2: the chat template writes the prompt differently/,
  );
});
