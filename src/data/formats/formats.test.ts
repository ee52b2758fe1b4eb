import type { Arbitrary } from "fast-check";
import {
  array,
  assert,
  asyncProperty,
  boolean,
  constantFrom,
  double,
  integer,
  option,
  property,
  record,
  string,
  tuple,
  uniqueArray,
} from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Message } from "../../text/messages.ts";
import { BadRow } from "../bad-row.ts";
import { loadDataset } from "../dataset.ts";
import type { DataRecord, PreferenceRecord, RecordOf } from "../records.ts";
import { compact } from "../records.ts";
import { collect, jsonLines, testFolder } from "../testing.ts";
import { readRows } from "../readers/read-rows.ts";
import { writeRows } from "../writers/write-rows.ts";
import type { DataFormat, Notes } from "./format.ts";
import { lossesOf, lostFields } from "./format.ts";
import { FORMAT_NAMES } from "./names.ts";
import { detectFormat, FORMATS, formatNamed, readRecord, writeRecord } from "./index.ts";

const folder = testFolder();
afterAll(() => folder.remove());

const silent: Notes = { note: () => undefined };
const place = { file: "f", row: 1 };
const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });
const system = (content: string): Message => ({ role: "system", content });
const pair = (rest: Partial<PreferenceRecord> = {}): PreferenceRecord => ({
  kind: "preference",
  prompt: [user("Hi")],
  chosen: [assistant("A")],
  rejected: [assistant("B")],
  p: 1,
  place,
  ...rest,
});

/** Reads one row in the format that it is detected as. */
function read(columns: Record<string, unknown>, expectedFormat: string): DataRecord {
  const row = { columns, place };
  const format = detectFormat([row]);
  expect(format.name).toBe(expectedFormat);
  return readRecord(row, format, silent);
}

describe("rows as they are published", () => {
  const openai = {
    input: { messages: [user("Hi")], tools: [], parallel_tool_calls: true },
    preferred_output: [assistant("A")],
    non_preferred_output: [assistant("B")],
  };
  const { preferred_output, non_preferred_output, input } = openai;
  const arena33k = {
    question_id: "q",
    model_a: "x",
    model_b: "y",
    winner: "model_a",
    judge: "arena_user_1",
    conversation_a: [{ ...user("Hi"), num_tokens: 1 }, assistant("A")],
    conversation_b: [user("Hi"), assistant("B")],
    turn: 1,
    anony: true,
    language: "English",
    tstamp: 1.5,
  };
  const parts = (message: Message) => ({
    role: message.role,
    content: [{ type: "text", text: message.content, image: null, mimeType: null }],
    num_tokens: 3,
  });
  const arena140k = {
    id: "i",
    model_a: "x",
    model_b: "y",
    winner: "both_bad",
    evaluation_session_id: "s",
    evaluation_order: 1,
    conversation_a: [parts(user("Hi")), parts(assistant("A"))],
    conversation_b: [parts(user("Hi")), parts(assistant("B"))],
    full_conversation: [],
    conv_metadata: { sum_assistant_a_tokens: 3 },
    category_tag: {},
    language: "en",
    is_code: false,
    timestamp: "2025-01-01",
  };
  const evaluation = {
    instruction: "Hi",
    output_1: "A",
    generator_1: "x",
    output_2: "B",
    generator_2: "y",
    annotator: "human",
    preference: 1,
  };
  const ultrafeedback = {
    prompt: "Hi",
    prompt_id: "p",
    chosen: [user("Hi"), assistant("A")],
    rejected: [user("Hi"), assistant("B")],
    messages: [user("Hi"), assistant("A")],
    score_chosen: 9,
    score_rejected: 5,
  };
  const models = { chosen: "x", rejected: "y" };

  test.each<[string, string, Record<string, unknown>, DataRecord]>([
    [
      "TRL preference of texts",
      "trl",
      { prompt: "Hi", chosen: "A", rejected: "B", margin: 0.5 },
      pair({ prompt: "Hi", chosen: "A", rejected: "B", margin: 0.5 }),
    ],
    [
      "TRL preference of conversations",
      "trl",
      { prompt: [user("Hi")], chosen: [assistant("A")], rejected: [assistant("B")] },
      pair(),
    ],
    [
      "TRL preference, prompt inside",
      "trl",
      { chosen: [user("Hi"), assistant("A")], rejected: [user("Hi"), assistant("B")] },
      pair(),
    ],
    [
      "TRL preference, prompt inside and apart",
      "trl",
      {
        prompt: [user("Hi")],
        chosen: [user("Hi"), assistant("A")],
        rejected: [user("Hi"), assistant("B")],
      },
      pair(),
    ],
    [
      "TRL preference of texts, prompt inside",
      "trl",
      { chosen: "The sky is blue.", rejected: "The sky is black." },
      pair({ prompt: "The sky is", chosen: " blue.", rejected: " black.", plain: true }),
    ],
    [
      "TRL prompt-completion",
      "trl",
      { prompt: "Hi", completion: "A" },
      { kind: "demonstration", prompt: "Hi", completion: "A", place },
    ],
    [
      "TRL unpaired",
      "trl",
      { prompt: [user("Hi")], completion: [assistant("A")], label: false },
      { kind: "unpaired", prompt: [user("Hi")], completion: [assistant("A")], label: false, place },
    ],
    ["TRL language modelling", "trl", { text: "A" }, { kind: "text", text: "A", place }],
    [
      "TRL conversation",
      "trl",
      { messages: [system("S"), user("Hi"), assistant("A")], id: 7 },
      {
        kind: "conversation",
        messages: [system("S"), user("Hi"), assistant("A")],
        extra: { id: 7 },
        place,
      },
    ],
    [
      "TRL prompt",
      "trl",
      { prompt: [user("Hi")] },
      { kind: "prompt", prompt: [user("Hi")], place },
    ],
    [
      "UltraChat",
      "trl",
      { prompt: "Hi", prompt_id: "p", messages: [user("Hi"), assistant("A")] },
      {
        kind: "conversation",
        messages: [user("Hi"), assistant("A")],
        extra: { prompt_id: "p" },
        place,
      },
    ],
    [
      "soft labels",
      "attune",
      {
        prompt: "Hi",
        chosen: "A",
        rejected: "B",
        p: 0.7,
        annotator: "n",
        side: "second",
        cluster: "c",
        source: "s",
        models,
        extra: { a: 1 },
        id: 3,
      },
      pair({
        prompt: "Hi",
        chosen: "A",
        rejected: "B",
        p: 0.7,
        annotator: "n",
        side: "second",
        cluster: "c",
        source: "s",
        models,
        extra: { id: 3, a: 1 },
      }),
    ],
    [
      "several answers",
      "attune",
      {
        prompt: "Hi",
        completions: [
          { completion: "A", rank: 2 },
          { completion: "B", rank: 1, model: "x" },
        ],
      },
      {
        kind: "ranked",
        prompt: "Hi",
        completions: [
          { completion: "A", rank: 2 },
          { completion: "B", rank: 1, model: "x" },
        ],
        place,
      },
    ],
    [
      "Anthropic HH",
      "anthropic-hh",
      { chosen: "\n\nHuman: Hi\n\nAssistant: A", rejected: "\n\nHuman: Hi\n\nAssistant: B" },
      pair(),
    ],
    [
      "Anthropic HH without the first line breaks",
      "anthropic-hh",
      { chosen: "Human: Hi\n\nAssistant: A", rejected: "Human: Hi\n\nAssistant: B" },
      pair(),
    ],
    [
      "Anthropic HH with contexts that differ",
      "anthropic-hh",
      {
        chosen: "\n\nHuman: Hi\n\nAssistant: A\n\nAssistant: C",
        rejected: "\n\nHuman: Hi\n\nAssistant: B",
      },
      pair({ chosen: [assistant("A\n\nC")], contextsDiffer: true }),
    ],
    [
      "OpenAI preference",
      "openai-preference",
      openai,
      pair({ extra: { parallel_tool_calls: true } }),
    ],
    [
      "OpenAI preference, older spelling",
      "openai-preference",
      {
        input,
        preferred_completion: preferred_output,
        non_preferred_completion: non_preferred_output,
      },
      pair({ extra: { parallel_tool_calls: true } }),
    ],
    [
      "OpenAI supervised",
      "openai-chat",
      { messages: [user("Hi"), { ...assistant("A"), weight: 1 }], parallel_tool_calls: false },
      {
        kind: "conversation",
        messages: [user("Hi"), assistant("A")],
        extra: { parallel_tool_calls: false },
        place,
      },
    ],
    [
      "ShareGPT",
      "sharegpt",
      {
        id: "i",
        conversations: [
          { from: "human", value: "Hi" },
          { from: "gpt", value: "A" },
        ],
      },
      { kind: "conversation", messages: [user("Hi"), assistant("A")], extra: { id: "i" }, place },
    ],
    [
      "LLaMA-Factory's ShareGPT pairs",
      "sharegpt",
      {
        conversations: [{ from: "human", value: "Hi" }],
        chosen: { from: "gpt", value: "A" },
        rejected: { from: "gpt", value: "B" },
        system: "S",
      },
      pair({ prompt: [system("S"), user("Hi")] }),
    ],
    [
      "Alpaca",
      "alpaca",
      { instruction: "Hi", input: "there", output: "A", text: "Below is ..." },
      { kind: "demonstration", prompt: [user("Hi\nthere")], completion: [assistant("A")], place },
    ],
    [
      "LLaMA-Factory's Alpaca",
      "alpaca",
      { instruction: "Hi", input: "", output: "A", system: "S", history: [["q", "a"]] },
      {
        kind: "demonstration",
        prompt: [system("S"), user("q"), assistant("a"), user("Hi")],
        completion: [assistant("A")],
        place,
      },
    ],
    [
      "LLaMA-Factory's Alpaca pairs",
      "alpaca",
      { instruction: "Hi", chosen: "A", rejected: "B" },
      pair(),
    ],
    [
      "LLaMA-Factory's KTO",
      "llama-factory-kto",
      { messages: [user("Hi"), assistant("A")], label: true },
      { kind: "unpaired", prompt: [user("Hi")], completion: [assistant("A")], label: true, place },
    ],
    [
      "LLaMA-Factory's KTO as ShareGPT",
      "llama-factory-kto",
      {
        conversations: [
          { from: "human", value: "Hi" },
          { from: "gpt", value: "A" },
        ],
        kto_tag: false,
      },
      { kind: "unpaired", prompt: [user("Hi")], completion: [assistant("A")], label: false, place },
    ],
    [
      "LLaMA-Factory's KTO as Alpaca",
      "llama-factory-kto",
      { instruction: "Hi", output: "A", kto_tag: true },
      { kind: "unpaired", prompt: [user("Hi")], completion: [assistant("A")], label: true, place },
    ],
    [
      "UltraFeedback",
      "ultrafeedback",
      ultrafeedback,
      pair({ extra: { prompt_id: "p", score_chosen: 9, score_rejected: 5 } }),
    ],
    [
      "UltraFeedback with equal scores",
      "ultrafeedback",
      { ...ultrafeedback, score_chosen: 5 },
      pair({ p: 0.5, extra: { prompt_id: "p", score_chosen: 5, score_rejected: 5 } }),
    ],
    [
      "Arena 33k",
      "arena-33k",
      arena33k,
      pair({
        side: "first",
        models,
        annotator: "arena_user_1",
        extra: { question_id: "q", turn: 1, anony: true, language: "English", tstamp: 1.5 },
      }),
    ],
    [
      "Arena 33k, the second wins",
      "arena-33k",
      { ...arena33k, winner: "model_b" },
      pair({
        chosen: [assistant("B")],
        rejected: [assistant("A")],
        side: "second",
        models: { chosen: "y", rejected: "x" },
        annotator: "arena_user_1",
        extra: { question_id: "q", turn: 1, anony: true, language: "English", tstamp: 1.5 },
      }),
    ],
    [
      "Arena 33k, both bad",
      "arena-33k",
      { ...arena33k, winner: "tie (bothbad)" },
      pair({
        p: 0.5,
        side: "first",
        models,
        annotator: "arena_user_1",
        extra: {
          question_id: "q",
          turn: 1,
          anony: true,
          language: "English",
          tstamp: 1.5,
          winner: "tie (bothbad)",
        },
      }),
    ],
    [
      "Arena 140k",
      "arena-140k",
      arena140k,
      pair({
        p: 0.5,
        side: "first",
        models,
        cluster: "s",
        extra: {
          id: "i",
          evaluation_order: 1,
          conv_metadata: { sum_assistant_a_tokens: 3 },
          category_tag: {},
          language: "en",
          is_code: false,
          timestamp: "2025-01-01",
          winner: "both_bad",
        },
      }),
    ],
    ["AlpacaEval", "alpaca-eval", evaluation, pair({ side: "first", models, annotator: "human" })],
    [
      "AlpacaEval, the second more likely",
      "alpaca-eval",
      { ...evaluation, preference: 1.75 },
      pair({
        chosen: [assistant("B")],
        rejected: [assistant("A")],
        p: 0.75,
        side: "second",
        models: { chosen: "y", rejected: "x" },
        annotator: "human",
      }),
    ],
    [
      "AlpacaEval, a draw of old files",
      "alpaca-eval",
      { ...evaluation, preference: 0 },
      pair({ p: 0.5, side: "first", models, annotator: "human" }),
    ],
    [
      "XSTest prompts",
      "xstest",
      { id: "1", prompt: "Hi", type: "homonyms", label: "safe", focus: "kill", note: "violence" },
      {
        kind: "prompt",
        prompt: [user("Hi")],
        extra: { id: "1", type: "homonyms", label: "safe", focus: "kill", note: "violence" },
        place,
      },
    ],
    [
      "OpenAI moderation",
      "openai-moderation",
      { prompt: "Hi", S: 0, V2: 1 },
      { kind: "prompt", prompt: [user("Hi")], extra: { S: 0, V2: 1 }, place },
    ],
    [
      "Anthropic's evaluations",
      "anthropic-evals",
      {
        question: "Hi?",
        statement: "Hi",
        label_confidence: 0.6,
        answer_matching_behavior: " Yes",
        answer_not_matching_behavior: " No",
      },
      {
        kind: "prompt",
        prompt: [user("Hi?")],
        extra: {
          answer_matching_behavior: " Yes",
          answer_not_matching_behavior: " No",
          statement: "Hi",
          label_confidence: 0.6,
        },
        place,
      },
    ],
  ])("%s", (_name, format, columns, expected) => {
    expect(read(columns, format)).toEqual(expected);
  });

  test("Fine-Grained RLHF: the judged pairs in their order", () => {
    const row = {
      question: "Q?",
      passages: [["Title", "One.", "Two."]],
      gold: "G",
      "prediction 1": "a",
      "prediction 2": "b",
      "prediction 3": "c",
      "prediction 4": "d",
      feedback: {},
      preference: [1, 0, 2, 1, 2, 0],
    };
    const record = read(row, "fine-grained-rlhf") as RecordOf<"ranked">;
    expect(record.prompt).toEqual([user("Title\nOne. Two.\n\nQ?")]);
    expect(record.completions.map(({ completion }) => completion)).toEqual(
      ["a", "b", "c", "d"].map((content) => [assistant(content)]),
    );
    expect(record.comparisons).toEqual([
      { first: 0, second: 1, p: 1 },
      { first: 0, second: 2, p: 0.5 },
      { first: 0, second: 3, p: 0 },
      { first: 1, second: 2, p: 1 },
      { first: 1, second: 3, p: 0 },
      { first: 2, second: 3, p: 0.5 },
    ]);
    expect(record.extra).toEqual({
      question: "Q?",
      passages: row.passages,
      gold: "G",
      feedback: {},
    });
  });

  test("battles of several turns and of images cannot be compared", () => {
    const turns = (answer: string) => [
      user("Hi"),
      assistant(answer),
      user("And?"),
      assistant(`${answer}!`),
    ];
    expect(() =>
      read({ ...arena33k, conversation_a: turns("A"), conversation_b: turns("B") }, "arena-33k"),
    ).toThrow(BadRow);
    const image = [{ role: "user", content: [{ type: "image", image: {} }] }];
    expect(() => read({ ...arena140k, conversation_a: image }, "arena-140k")).toThrow(BadRow);
  });
});

describe("what was written is read again", () => {
  const text = string({
    unit: constantFrom("a", "b", "1", " ", "\n", '"', ",", "\\", "é", "😀", "{", "["),
    minLength: 1,
    maxLength: 8,
  })
    .map((value) => value.trim())
    .filter((value) => value !== "");
  const turns = array(tuple(text, text), { maxLength: 2 }).map((exchanges) =>
    exchanges.flatMap(([question, answer]) => [user(question), assistant(answer)]),
  );
  const prompt: Arbitrary<Message[]> = tuple(option(text, { nil: undefined }), turns, text).map(
    ([first, before, question]) => [
      ...(first === undefined ? [] : [system(first)]),
      ...before,
      user(question),
    ],
  );
  const plain: Arbitrary<Message[]> = prompt.map((messages) =>
    messages.filter(({ role }) => role !== "system"),
  );
  const single: Arbitrary<Message[]> = text.map((content) => [user(content)]);
  const two = uniqueArray(text, { minLength: 2, maxLength: 2 }).map(
    ([a, b]) => [[assistant(a!)], [assistant(b!)]] as const,
  );
  const p = double({ min: 0, max: 1, noNaN: true }).map((value) =>
    Object.is(value, -0) ? 0 : value,
  );
  const name = constantFrom("x", "y z", "é");
  const models = record({ chosen: name, rejected: name });
  const side = constantFrom("first" as const, "second" as const);
  const pairOf = (
    prompts: Arbitrary<Message[] | string>,
    rest: Arbitrary<Partial<PreferenceRecord>>,
  ) =>
    tuple(prompts, two, rest).map(
      ([prompt, [chosen, rejected], more]): DataRecord =>
        compact({ ...pair(), prompt, chosen, rejected, ...more }) as PreferenceRecord,
    );
  const nothing = record({});
  const demonstration = (prompts: Arbitrary<Message[]>) =>
    tuple(prompts, text).map(([prompt, answer]): DataRecord => ({
      kind: "demonstration",
      prompt,
      completion: [assistant(answer)],
      place,
    }));
  const unpaired = tuple(prompt, text, boolean()).map(([prompt, answer, label]): DataRecord => ({
    kind: "unpaired",
    prompt,
    completion: [assistant(answer)],
    label,
    place,
  }));
  const conversation = tuple(prompt, text).map(([messages, answer]): DataRecord => ({
    kind: "conversation",
    messages: [...messages, assistant(answer)],
    place,
  }));
  const strings = tuple(text, uniqueArray(text, { minLength: 2, maxLength: 2 })).map(
    ([prompt, [chosen, rejected]]): DataRecord => ({
      kind: "preference",
      prompt,
      chosen: chosen!,
      rejected: rejected!,
      p: 1,
      place,
    }),
  );
  const provenance = {
    cluster: option(name, { nil: undefined }),
    source: option(name, { nil: undefined }),
    extra: option(record({ k: integer(), l: constantFrom(["a"], []) }), { nil: undefined }),
  };
  const rich = record({
    p,
    margin: option(
      double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      { nil: undefined },
    ),
    annotator: option(name, { nil: undefined }),
    side: option(side, { nil: undefined }),
    models: option(models, { nil: undefined }),
    ...provenance,
  }) as unknown as Arbitrary<Partial<PreferenceRecord>>;
  const ranked = tuple(
    single,
    uniqueArray(text, { minLength: 2, maxLength: 4 }),
    integer({ min: 0, max: 5 }),
  ).map(([prompt, answers, shift]): DataRecord => ({
    kind: "ranked",
    prompt,
    completions: answers.map((answer, index) => ({
      completion: [assistant(answer)],
      rank: 1 + ((index + shift) % answers.length),
    })),
    place,
  }));
  const judged = tuple(
    text,
    uniqueArray(text, { minLength: 4, maxLength: 4 }),
    array(constantFrom(0, 0.5, 1), { minLength: 6, maxLength: 6 }),
  ).map(([question, answers, judgements]): DataRecord => ({
    kind: "ranked",
    prompt: [user(question)],
    completions: answers.map((answer) => ({ completion: [assistant(answer)] })),
    comparisons: [
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
      [2, 3],
    ].map(([first, second], index) => ({ first: first!, second: second!, p: judgements[index]! })),
    extra: { question },
    place,
  }));
  const decided = record({ p: constantFrom(1) });
  /** The first side wins, the second does, or neither; the reader puts the winner first. */
  const battle = record({ p: constantFrom(1, 0.5), side, models }).map((item) =>
    item.p === 0.5 ? { ...item, side: "first" as const, extra: { winner: "tie" } } : item,
  );

  const cases: Record<string, Arbitrary<DataRecord>[]> = {
    trl: [
      strings,
      pairOf(prompt, decided),
      demonstration(prompt),
      unpaired,
      conversation,
      text.map((value): DataRecord => ({ kind: "text", text: value, place })),
      prompt.map((value): DataRecord => ({ kind: "prompt", prompt: value, place })),
    ],
    attune: [
      pairOf(prompt, rich),
      ranked,
      tuple(demonstration(prompt), record(provenance)).map(
        ([item, rest]) => compact({ ...item, ...rest }) as DataRecord,
      ),
    ],
    "anthropic-hh": [pairOf(plain, nothing)],
    "openai-preference": [pairOf(prompt, nothing)],
    "openai-chat": [conversation],
    sharegpt: [conversation, pairOf(prompt, nothing)],
    alpaca: [demonstration(prompt), pairOf(prompt, nothing)],
    "llama-factory-kto": [unpaired],
    ultrafeedback: [
      pairOf(
        prompt,
        record({
          extra: record({
            prompt_id: name,
            score_chosen: constantFrom(6, 7),
            score_rejected: integer({ min: 1, max: 5 }),
          }),
        }),
      ),
    ],
    "arena-33k": [
      pairOf(
        plain.map((messages) => messages.slice(0, 1)),
        tuple(battle, name).map(([item, annotator]) => ({ ...item, annotator })),
      ),
    ],
    "arena-140k": [
      pairOf(
        single,
        tuple(battle, name).map(([item, cluster]) => ({ ...item, cluster })),
      ),
    ],
    "fine-grained-rlhf": [judged],
    "alpaca-eval": [
      pairOf(single, record({ p: constantFrom(1, 0.75, 0.625), side, models, annotator: name })),
    ],
  };

  test("the names that option tables show are the formats'", () => {
    expect([...FORMAT_NAMES].toSorted()).toEqual(FORMATS.map(({ name }) => name).toSorted());
  });

  test("every format that writes is here", () => {
    expect(Object.keys(cases).toSorted()).toEqual(
      FORMATS.filter(({ write }) => write !== undefined)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  test.each(Object.entries(cases))("%s", (formatName, records) => {
    const format = formatNamed(formatName);
    for (const arbitrary of records) {
      assert(
        property(arbitrary, (item) => {
          expect(format.writes).toContain(item.kind);
          expect(lostFields(item, format)).toEqual([]);
          const written = writeRecord(item, format);
          if (!("row" in written)) throw new Error(`left out: ${written.leftOut}`);
          const row = {
            columns: JSON.parse(JSON.stringify(written.row)) as Record<string, unknown>,
            place,
          };
          // a supervised OpenAI file without its marks is TRL's
          if (formatName !== "openai-chat")
            expect(detectFormat([row]).name === formatName || formatName === "attune").toBe(true);
          expect(readRecord(row, format, silent)).toEqual(item);
        }),
        { numRuns: 100 },
      );
    }
  });

  test.each(["jsonl", "jsonl.gz", "json", "csv", "tsv", "parquet"])(
    "through a file of the kind %s",
    async (ending) => {
      for (const formatName of [
        "trl",
        "attune",
        "openai-preference",
        "sharegpt",
        "llama-factory-kto",
        "alpaca-eval",
      ]) {
        const format = formatNamed(formatName);
        for (const arbitrary of cases[formatName]!) {
          await assert(
            asyncProperty(array(arbitrary, { minLength: 1, maxLength: 4 }), async (items) => {
              const path = `${folder.path}/${formatName}.${ending}`;
              await writeRows(path, rowsOf(format, items));
              const read = (await collect(readRows(path))).map((row) =>
                readRecord(row, format, silent),
              );
              expect(read.map((item) => ({ ...item, place }))).toEqual(items);
            }),
            { numRuns: 4 },
          );
        }
      }
    },
  );

  async function* rowsOf(
    format: DataFormat,
    items: readonly DataRecord[],
  ): AsyncGenerator<Record<string, unknown>> {
    for (const item of items) {
      const written = writeRecord(item, format);
      if ("row" in written) yield { ...written.row };
    }
  }
});

describe("what cannot be written is left out, and said", () => {
  const left = (formatName: string, record: DataRecord): string => {
    const written = writeRecord(record, formatNamed(formatName));
    return "row" in written ? JSON.stringify(written.row) : written.leftOut;
  };
  test.each([
    ["trl", pair({ p: 0.5 }), "a tie: the format knows only a better and a worse one"],
    [
      "anthropic-hh",
      pair({ prompt: [system("S"), user("Hi")] }),
      "a turn that is neither the user's nor the assistant's",
    ],
    [
      "anthropic-hh",
      pair({ chosen: [assistant("A\n\nHuman: B")] }),
      "a turn whose text would be taken for the beginning of another turn",
    ],
    [
      "openai-preference",
      pair({ chosen: [assistant("A"), assistant("C")] }),
      "an answer of several messages",
    ],
    [
      "alpaca",
      pair({ prompt: [user("Hi"), user("there")] }),
      "turns that do not alternate between user and assistant",
    ],
    [
      "alpaca-eval",
      pair({ prompt: [user("Hi"), assistant("A"), user("B")] }),
      "a prompt of several turns",
    ],
    [
      "trl",
      { kind: "ranked", prompt: "Hi", completions: [], place } as DataRecord,
      "several answers to one prompt",
    ],
  ])("%s: %#", (formatName, record, expected) => {
    expect(left(formatName, record)).toBe(expected);
  });

  test("a pair that is more likely the other way is turned round", () => {
    expect(
      left("trl", pair({ prompt: "Hi", chosen: "A", rejected: "B", p: 0.2, margin: -1 })),
    ).toBe('{"prompt":"Hi","chosen":"B","rejected":"A","margin":1}');
  });

  test("fields that a format does not hold are named", () => {
    const record = pair({
      p: 0.8,
      margin: 1,
      annotator: "n",
      cluster: "c",
      split: "train",
      extra: { k: 1 },
    });
    expect(lostFields(record, formatNamed("trl"))).toEqual([
      "p",
      "annotator",
      "cluster",
      "split",
      "extra",
    ]);
    expect(lostFields(record, formatNamed("attune"))).toEqual([]);
    expect(lostFields(pair({ p: 0, extra: { winner: "tie" } }), formatNamed("arena-33k"))).toEqual(
      [],
    );
    expect(lossesOf(formatNamed("openai-preference"))).toEqual([
      "p and ties",
      "margin",
      "annotator",
      "side",
      "models",
      "cluster",
      "source",
      "split",
      "extra but for parallel_tool_calls",
      "template arguments",
      "thoughts",
      "marks of answers that are not learned",
    ]);
    expect(lossesOf(formatNamed("attune"))).toEqual([]);
  });
});

describe("rows that are wrong", () => {
  const refusals: [string, Record<string, unknown>, string][] = [
    [
      "unknown column",
      { prompt: "a", chosen: "b", rejected: "c", colour: "red" },
      "f.jsonl:1: the format trl has no column colour\n  got: prompt, chosen, rejected, " +
        "colour\n  expected: prompt, chosen, rejected, margin, p, annotator, side, cluster, " +
        "source\n  try: leave the column out with --ignore-columns colour",
    ],
    [
      "misspelled column",
      { prompt: "a", completon: "b" },
      "f.jsonl:1: the format trl has no column completon\n  got: prompt, completon\n  expected: " +
        "prompt, cluster, source\n  try: did you mean completion? Or leave the column out with " +
        "--ignore-columns completon",
    ],
    [
      "misspelled column of a pair",
      { prompt: "a", choosen: "b", rejected: "c" },
      "f.jsonl:1: the format trl has no column choosen\n  got: prompt, choosen, rejected\n  " +
        "expected: prompt, cluster, source\n  try: did you mean chosen? Or leave the column out " +
        "with --ignore-columns choosen",
    ],
    [
      "misspelled column before its partner",
      { prompt: "a", rejected: "c", choosen: "b" },
      "f.jsonl:1: the column rejected needs chosen beside it\n  got: prompt, rejected, " +
        "choosen\n  expected: prompt, rejected, choosen, chosen\n  try: rename choosen to chosen",
    ],
    [
      "column of another shape",
      { text: "a", label: 1 },
      "f.jsonl:1: the column label needs prompt, completion beside it\n  got: text, label\n  " +
        "expected: text, label, prompt, completion\n  try: it looks like a judgement: if it says " +
        "whether the answer is good, name it with --columns label=label (true or false)",
    ],
    [
      "no known format",
      { question: "a", anwser: "b" },
      "f.jsonl:1: the columns fit no known format\n  got: question, anwser\n",
    ],
    [
      "names of one's own",
      { question: "a", better: "b", worse: "c" },
      "f.jsonl:1: the columns fit no known format\n  got: question, better, worse\n  expected: " +
        "one of the formats trl,",
    ],
    [
      "names of one's own, and what to do about them",
      { question: "a", better: "b", worse: "c" },
      "\n  try: say which columns hold them: --columns " +
        "prompt=question,chosen=better,rejected=worse",
    ],
    [
      "misspelled everything",
      { instrction: "a", outptu: "b" },
      "f.jsonl:1: the columns fit no known format\n  got: instrction, outptu\n  expected: " +
        "instruction, output (alpaca, the nearest format; missing: instruction, output)\n  try: " +
        "rename instrction to instruction, rename outptu to output",
    ],
    [
      "an object of lists",
      { data: [{ prompt: "a" }] },
      "the file seems to hold one object of lists: rows must be a list of objects, or objects " +
        "line by line",
    ],
    ["no columns", {}, "f.jsonl:1: the columns fit no known format\n  got: no columns"],
    [
      "not a message",
      { messages: [{ role: "user", text: "a" }] },
      "f.jsonl:1: the column messages holds something that is no message\n  got: " +
        '{"role":"user","text":"a"}\n  expected: {"role": "system | developer | user | assistant ' +
        "| " +
        'tool", "content": text}',
    ],
    [
      "unknown role",
      { messages: [{ role: "boss", content: "a" }] },
      "f.jsonl:1: the column messages holds something that is no message",
    ],
    [
      "no conversation",
      { messages: "hello" },
      'f.jsonl:1: the column messages is no conversation\n  got: "hello"',
    ],
    [
      "a tool call",
      { messages: [user("a"), { role: "assistant", content: "", tool_calls: [{ id: 1 }] }] },
      "f.jsonl:1: the column messages holds a tool call without a name",
    ],
    [
      "a user's turn in an answer",
      { prompt: [user("a")], chosen: [user("b")], rejected: [assistant("c")] },
      'f.jsonl:1: the column chosen holds a turn of the user\n  got: "b"\n  expected: the ' +
        "assistant's turns alone; what comes before belongs into prompt",
    ],
    [
      "label",
      { prompt: "a", completion: "b", label: "perhaps" },
      'f.jsonl:1: the column label is no truth value\n  got: "perhaps"\n  expected: true or ' +
        "false, 1 or 0, or words such as good and bad",
    ],
    [
      "p",
      { prompt: "a", chosen: "b", rejected: "c", p: 1.5 },
      "f.jsonl:1: the column p is out of range\n  got: 1.5\n  expected: a number from 0 to 1",
    ],
    [
      "margin",
      { prompt: "a", chosen: "b", rejected: "c", margin: "big" },
      'f.jsonl:1: the column margin is no number\n  got: "big"\n  expected: a number',
    ],
    [
      "prompt of a wrong type",
      { prompt: 3, completion: "b" },
      "f.jsonl:1: the column prompt is neither a text nor a conversation\n  got: 3\n  expected: " +
        "a text, or a list of messages",
    ],
    [
      "half a pair",
      { prompt: "a", chosen: "b" },
      "f.jsonl:1: the column chosen needs rejected beside it\n  got: prompt, chosen\n  expected: " +
        "prompt, chosen, rejected\n  try: leave the column out with --ignore-columns chosen",
    ],
    [
      "a weight of 0",
      { messages: [user("a"), { ...assistant("b"), weight: 0 }] },
      "f.jsonl:1: every answer of the conversation is marked as one that is not learned",
    ],
    [
      "winner",
      {
        model_a: "x",
        model_b: "y",
        winner: "c",
        conversation_a: [user("a"), assistant("b")],
        conversation_b: [user("a"), assistant("c")],
      },
      'f.jsonl:1: the column winner holds an unknown word\n  got: "c"\n  expected: model_a, ' +
        "model_b, tie, tie (bothbad)",
    ],
    [
      "AlpacaEval out of range",
      { instruction: "a", output_1: "b", output_2: "c", preference: 3 },
      "f.jsonl:1: the column preference is out of range\n  got: 3\n  expected: a number from 1 " +
        "to 2",
    ],
    [
      "AlpacaEval without preference",
      { instruction: "a", output_1: "b", output_2: "c" },
      "f.jsonl:1: the column preference is missing\n  got: instruction, output_1, output_2",
    ],
    [
      "KTO that ends with the user",
      { messages: [user("a")], label: true },
      "f.jsonl:1: the conversation does not end with an answer\n  got: a last turn of the " +
        "user\n  expected: a last turn of the assistant, after a prompt",
    ],
    [
      "ranks",
      { prompt: "a", completions: [{ completion: "b" }, { completion: "c" }] },
      "f.jsonl:1: the column completions holds an answer without rank or score",
    ],
    [
      "comparisons",
      {
        prompt: "a",
        completions: [{ completion: "b" }, { completion: "c" }],
        comparisons: [{ first: 0, second: 2, p: 1 }],
      },
      "f.jsonl:1: the column comparisons holds something that is no comparison",
    ],
    [
      "Fine-Grained judgements",
      {
        question: "a",
        "prediction 1": "b",
        "prediction 2": "c",
        "prediction 3": "d",
        "prediction 4": "e",
        preference: [1, 2],
      },
      "f.jsonl:1: the column preference does not judge six pairs\n  got: [1,2]\n  expected: six " +
        "numbers, each 0, 1 or 2",
    ],
  ];
  test.each(refusals)("%s", async (_name, row, expected) => {
    const path = folder.write("f.jsonl", jsonLines(row));
    expect(await folder.refusal(() => loadDataset(path))).toContain(expected);
  });

  test("an unknown format is refused with the names of all", async () => {
    const path = folder.write("g.jsonl", jsonLines({ prompt: "a" }));
    const message = await folder.refusal(() => loadDataset(path, { format: "sharegtp" }));
    expect(message).toBe(
      "there is no data format named sharegtp\n  expected: alpaca, alpaca-eval, anthropic-evals, " +
        "anthropic-hh, arena-140k, arena-33k, argilla, attune, fine-grained-rlhf, " +
        "label-studio, llama-factory-kto, " +
        "openai-chat, openai-moderation, openai-preference, sharegpt, trl, ultrafeedback, " +
        "xstest\n  try: did you mean sharegpt?",
    );
  });

  test("a named format is not overruled by the columns", async () => {
    const path = folder.write("h.jsonl", jsonLines({ prompt: "a", completion: "b" }));
    expect(await folder.refusal(() => loadDataset(path, { format: "alpaca" }))).toMatch(
      /^h\.jsonl:1: the format alpaca has no column prompt/,
    );
  });
});
