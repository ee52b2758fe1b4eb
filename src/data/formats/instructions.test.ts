/**
 * What data says about how it is to be learned: marks, calls, thoughts, tools, template arguments,
 * pictures. Read in every format.
 */
import { afterAll, describe, expect, test } from "vitest";
import type { Message } from "../../text/messages.ts";
import { loadDataset, recordsAs } from "../dataset.ts";
import type { RecordOf } from "../records.ts";
import { jsonLines, testFolder } from "../testing.ts";
import { writeRows } from "../writers/write-rows.ts";
import type { DataFormat } from "./format.ts";
import { lostFields } from "./format.ts";
import { FORMATS, formatNamed, readRecord, writeRecord } from "./index.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const place = { file: "f", row: 1 };
const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string, rest: Partial<Message> = {}): Message => ({
  role: "assistant",
  content,
  ...rest,
});
const definition = {
  name: "get_weather",
  description: "d",
  parameters: { type: "object", properties: { city: { type: "string" } } },
};
const tool = { type: "function", function: definition };
const call = (city: unknown, id?: string) => ({
  ...(id === undefined ? {} : { id }),
  type: "function" as const,
  function: { name: "get_weather", arguments: { city } },
});

let files = 0;
const load = async (...rows: unknown[]) =>
  loadDataset(folder.write(`${files++}.jsonl`, jsonLines(...rows)));
const refused = async (...rows: unknown[]): Promise<string> =>
  (await folder.refusal(() => load(...rows))).replace(/^\d+\.jsonl/, "f");
const messagesOf = async (...rows: unknown[]) =>
  ((await load(...rows)).records as RecordOf<"conversation">[]).map(({ messages }) => messages);

describe("marks of answers that are not learned", () => {
  test.each([
    [
      "OpenAI's weight",
      {
        messages: [
          user("q"),
          { ...assistant("a"), weight: 0 },
          user("r"),
          { ...assistant("b"), weight: 1 },
        ],
      },
    ],
    [
      "Axolotl's train",
      {
        messages: [
          user("q"),
          { ...assistant("a"), train: false },
          user("r"),
          { ...assistant("b"), train: true },
        ],
      },
    ],
    [
      "Axolotl's training",
      { messages: [user("q"), { ...assistant("a"), training: false }, user("r"), assistant("b")] },
    ],
    [
      "ms-swift's loss",
      {
        messages: [
          user("q"),
          { ...assistant("a"), loss: false },
          user("r"),
          { ...assistant("b"), loss: null },
        ],
      },
    ],
    [
      "ShareGPT's train",
      {
        conversations: [
          { from: "human", value: "q" },
          { from: "gpt", value: "a", train: false },
          { from: "human", value: "r" },
          { from: "gpt", value: "b" },
        ],
      },
    ],
    [
      "ShareGPT's weight",
      {
        conversations: [
          { from: "human", value: "q" },
          { from: "gpt", value: "a", weight: 0 },
          { from: "human", value: "r" },
          { from: "gpt", value: "b", weight: 1 },
        ],
      },
    ],
  ])("%s", async (_name, row) => {
    expect(await messagesOf(row)).toEqual([
      [user("q"), assistant("a", { weight: 0 }), user("r"), assistant("b")],
    ]);
  });

  test("one that comes after the rows that tell the format is honoured too", async () => {
    const plain = Array.from({ length: 25 }, (_, index) => ({
      messages: [user(`q${index}`), assistant("a")],
    }));
    const read = await messagesOf(...plain, {
      messages: [user("q"), { ...assistant("bad"), weight: 0 }, user("r"), assistant("good")],
    });
    expect(read.at(-1)).toEqual([
      user("q"),
      assistant("bad", { weight: 0 }),
      user("r"),
      assistant("good"),
    ]);
  });

  test.each([
    [
      "a degree",
      { weight: 0.5 },
      "f:1: the weight of a message in the column messages is neither 0 nor 1\n  got: 0.5",
    ],
    [
      "a word",
      { train: "no" },
      'f:1: the train of a message in the column messages is neither 0 nor 1\n  got: "no"',
    ],
    [
      "two that contradict",
      { weight: 0, train: true },
      "f:1: a message of the column messages has marks that contradict each other\n" +
        "  got: weight: 0, train: true",
    ],
    [
      "parts of a turn",
      { train_detail: [{ begin_offset: 0, end_offset: 1, train: false }] },
      "f:1: a message of the column messages has the key train_detail, which marks parts of a turn",
    ],
  ])("%s is refused", async (_name, mark, expected) => {
    expect(await refused({ messages: [user("q"), { ...assistant("a"), ...mark }] })).toContain(
      expected,
    );
  });

  test("a row of which nothing is learned is a bad row, and so is an answer to compare that is not to be learned", async () => {
    expect(await refused({ messages: [user("q"), { ...assistant("a"), weight: 0 }] })).toContain(
      "f:1: every answer of the conversation is marked as one that is not learned",
    );
    expect(
      await refused({
        prompt: [user("q")],
        chosen: [{ ...assistant("a"), weight: 0 }],
        rejected: [assistant("b")],
      }),
    ).toContain("f:1 (chosen): the answer is marked as one that is not learned");
    expect(
      await refused({
        chosen: [user("q"), { ...assistant("a"), weight: 0 }],
        rejected: [user("q"), assistant("b")],
      }),
    ).toContain("f:1: the answer is marked as one that is not learned");
  });

  test("a mark that asks to learn another's turn is noted", async () => {
    const dataset = await load({ messages: [{ ...user("q"), train: true }, assistant("a")] });
    expect(dataset.notes.map(({ what, rows, first }) => [what, rows, first.row])).toEqual([
      ["the mark train of turns that are not the assistant's, which are never learned alone", 1, 1],
    ]);
  });

  test("a conversation becomes its last answer that is learned; a prompt's answers stay unlearned in a conversation", async () => {
    const dataset = await load({
      messages: [user("q"), assistant("a"), user("r"), { ...assistant("b"), weight: 0 }],
    });
    expect(
      recordsAs(dataset, "demonstration").map(({ prompt, completion }) => [prompt, completion]),
    ).toEqual([[[user("q")], [assistant("a")]]]);
    const answered = await load({
      prompt: [user("q"), assistant("a"), user("r")],
      completion: [assistant("b")],
    });
    expect(recordsAs(answered, "conversation")[0]!.messages).toEqual([
      user("q"),
      assistant("a", { weight: 0 }),
      user("r"),
      assistant("b"),
    ]);
  });
});

describe("calls, tool turns and thoughts", () => {
  const answer = { role: "tool", content: "18 C" } as const;
  const plain = [
    user("q"),
    assistant("", { tool_calls: [call("Oslo")] }),
    { ...answer, name: "get_weather" },
    assistant("cold"),
  ];
  test.each([
    [
      "OpenAI's, arguments as text",
      {
        messages: [
          user("q"),
          {
            role: "assistant",
            content: null,
            tool_calls: [
              {
                id: "c1",
                type: "function",
                function: { name: "get_weather", arguments: '{"city": "Oslo"}' },
              },
            ],
          },
          { ...answer, tool_call_id: "c1" },
          assistant("cold"),
        ],
      },
      [
        user("q"),
        assistant("", { tool_calls: [call("Oslo", "c1")] }),
        { ...answer, tool_call_id: "c1" },
        assistant("cold"),
      ],
    ],
    [
      "transformers', arguments as an object",
      {
        messages: [
          user("q"),
          { role: "assistant", tool_calls: [call("Oslo")] },
          { ...answer, name: "get_weather" },
          assistant("cold"),
        ],
      },
      plain,
    ],
    [
      "a bare function",
      {
        messages: [
          user("q"),
          { role: "assistant", content: "", tool_calls: [call("Oslo").function] },
          { ...answer, name: "get_weather" },
          assistant("cold"),
        ],
      },
      plain,
    ],
    [
      "OpenAI's legacy form",
      {
        messages: [
          user("q"),
          {
            role: "assistant",
            content: null,
            function_call: { name: "get_weather", arguments: '{"city":"Oslo"}' },
          },
          { role: "function", name: "get_weather", content: "18 C" },
          assistant("cold"),
        ],
      },
      plain,
    ],
    [
      "LLaMA-Factory's turns",
      {
        conversations: [
          { from: "human", value: "q" },
          {
            from: "function_call",
            value: '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
          },
          { from: "observation", value: "18 C" },
          { from: "gpt", value: "cold" },
        ],
      },
      [user("q"), assistant("", { tool_calls: [call("Oslo")] }), answer, assistant("cold")],
    ],
    [
      "thoughts, by three names",
      {
        messages: [
          user("q"),
          { ...assistant("a"), reasoning: "because" },
          user("r"),
          { ...assistant("b"), thinking: "so", reasoning_content: null },
        ],
      },
      [
        user("q"),
        assistant("a", { reasoning_content: "because" }),
        user("r"),
        assistant("b", { reasoning_content: "so" }),
      ],
    ],
  ])("%s", async (_name, row, expected) => {
    const dataset = await load(row);
    expect((dataset.records[0] as RecordOf<"conversation">).messages).toEqual(expected);
    expect(dataset.notes).toEqual([]);
  });

  test("two calls in one turn, and no arguments at all", async () => {
    const value = JSON.stringify([{ name: "a", arguments: {} }, { name: "b" }]);
    const [messages] = await messagesOf({
      conversations: [
        { from: "human", value: "q" },
        { from: "function_call", value },
      ],
    });
    expect(messages![1]!.tool_calls!.map(({ function: called }) => called)).toEqual([
      { name: "a", arguments: {} },
      { name: "b", arguments: {} },
    ]);
  });

  const calling = (given: unknown) => ({
    messages: [
      user("q"),
      {
        role: "assistant",
        content: "",
        tool_calls: [{ type: "function", function: { name: "f", arguments: given } }],
      },
      assistant("a"),
    ],
  });
  test.each([
    [
      "arguments that are no JSON",
      calling("{city: Oslo}"),
      "f:1: the column messages holds a tool call whose arguments are no JSON object\n" +
        '  got: "{city: Oslo}"',
    ],
    [
      "arguments that are a list",
      calling("[1]"),
      "f:1: the column messages holds a tool call whose arguments are no JSON object",
    ],
    [
      "an integer that no double holds",
      calling('{"id": 9007199254740993}'),
      "f:1: the column messages holds a tool call with an integer beyond 2^53",
    ],
    [
      "another kind of call",
      {
        messages: [
          user("q"),
          { role: "assistant", content: "", tool_calls: [{ type: "custom", custom: {} }] },
        ],
      },
      "f:1: the column messages holds a tool call that is no call of a function",
    ],
    [
      "a call of the user",
      { messages: [{ ...user("q"), tool_calls: [call("Oslo")] }, assistant("a")] },
      "f:1: the column messages holds a tool call of the user",
    ],
    [
      "a call turn of prose",
      {
        conversations: [
          { from: "human", value: "q" },
          { from: "function_call", value: "call it" },
        ],
      },
      "f:1: the column conversations holds a turn function_call whose text is no JSON",
    ],
    [
      "a thought of the user",
      { messages: [{ ...user("q"), reasoning_content: "hm" }, assistant("a")] },
      "f:1: the column messages holds a thought of the user",
    ],
    [
      "two thoughts",
      { messages: [user("q"), { ...assistant("a"), reasoning: "x", thinking: "y" }] },
      "f:1: the column messages holds a message with two different thoughts",
    ],
    [
      "a tool's turn in an answer",
      {
        prompt: [user("q")],
        completion: [assistant("", { tool_calls: [call("Oslo")] }), answer, assistant("cold")],
      },
      "f:1: the column completion holds a turn of the tool",
    ],
    [
      "a message of null",
      { messages: [user("q"), { role: "assistant", content: null }] },
      "f:1: a message has no content: it is null",
    ],
  ])("%s: refused with the row", async (_name, row, expected) => {
    expect(await refused(row)).toContain(expected);
  });

  test("a call is an answer, and answers that differ in their calls or thoughts differ", async () => {
    const dataset = await load(
      {
        prompt: [user("q")],
        chosen: [{ role: "assistant", content: "", tool_calls: [call("Oslo")] }],
        rejected: [{ role: "assistant", content: "", tool_calls: [call("Rome")] }],
      },
      {
        prompt: [user("q")],
        chosen: [assistant("a", { reasoning_content: "x" })],
        rejected: [assistant("a", { reasoning_content: "y" })],
      },
    );
    expect(dataset.counts).toEqual({ preference: 2 });
    expect(
      await refused({
        prompt: [user("q")],
        chosen: [assistant("", { tool_calls: [call("Oslo")] })],
        rejected: [assistant("", { tool_calls: [call("Oslo")] })],
      }),
    ).toContain("chosen and rejected are identical");
  });
});

describe("tools and template arguments of a row", () => {
  const shapes: [string, Record<string, unknown>][] = [
    ["trl conversation", { messages: [user("q"), assistant("a")] }],
    ["trl pair", { prompt: [user("q")], chosen: [assistant("a")], rejected: [assistant("b")] }],
    ["trl prompt", { prompt: [user("q")] }],
    [
      "sharegpt",
      {
        conversations: [
          { from: "human", value: "q" },
          { from: "gpt", value: "a" },
        ],
      },
    ],
    ["alpaca", { instruction: "q", output: "a" }],
    ["llama-factory-kto", { messages: [user("q"), assistant("a")], label: true }],
    [
      "attune",
      { prompt: [user("q")], chosen: [assistant("a")], rejected: [assistant("b")], p: 0.7 },
    ],
  ];
  test.each(shapes)("%s", async (_name, row) => {
    const { records } = await load(
      { ...row, tools: [tool], chat_template_kwargs: { enable_thinking: false, padded: null } },
      { ...row, tools: JSON.stringify([tool]), chat_template_kwargs: '{"k": 1}' },
      { ...row, tools: [], chat_template_kwargs: {} },
      { ...row, tools: "[]" },
    );
    expect(
      records.map(({ tools, templateArguments, extra }) => [tools, templateArguments, extra]),
    ).toEqual([
      [[tool], { enable_thinking: false }, undefined],
      [[tool], { k: 1 }, undefined],
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
    ]);
  });

  test("OpenAI's input.tools and its legacy functions; LLaMA-Factory's bare definitions", async () => {
    const openai = {
      input: { messages: [user("q")], tools: [tool], parallel_tool_calls: false },
      preferred_output: [assistant("a")],
      non_preferred_output: [assistant("b")],
    };
    expect((await load(openai)).records[0]).toMatchObject({
      tools: [tool],
      extra: { parallel_tool_calls: false },
    });
    expect(
      (await load({ messages: [user("q"), assistant("a")], functions: [definition] })).records[0]!
        .tools,
    ).toEqual([tool]);
    expect(
      (
        await load({
          conversations: [
            { from: "human", value: "q" },
            { from: "gpt", value: "a" },
          ],
          tools: JSON.stringify([definition]),
        })
      ).records[0]!.tools,
    ).toEqual([tool]);
  });

  test.each([
    [
      "tools that are prose",
      { tools: "get_weather" },
      'f:1: the column tools is a text that is no JSON\n  got: "get_weather"',
    ],
    ["tools that are no list", { tools: { a: 1 } }, "f:1: the column tools is no list of tools"],
    [
      "a tool that is a number",
      { tools: [3] },
      "f:1: the column tools holds something that is no tool",
    ],
    [
      "arguments that are a list",
      { chat_template_kwargs: [1] },
      "f:1: the column chat_template_kwargs is no object",
    ],
    [
      "an argument that is the row's own",
      { chat_template_kwargs: { messages: [] } },
      "f:1: the column chat_template_kwargs sets messages, which the row says elsewhere",
    ],
  ])("%s: refused", async (_name, columns, expected) => {
    expect(await refused({ messages: [user("q"), assistant("a")], ...columns })).toContain(
      expected,
    );
  });

  test("they follow a record into every kind that it is converted to", async () => {
    const dataset = await load({
      prompt: [user("q")],
      chosen: [assistant("a")],
      rejected: [assistant("b")],
      tools: [tool],
      chat_template_kwargs: { k: 1 },
    });
    for (const kind of ["unpaired", "demonstration", "conversation", "prompt"] as const)
      expect(recordsAs(dataset, kind)[0]).toMatchObject({
        tools: [tool],
        templateArguments: { k: 1 },
      });
  });

  test("beside a text they are noted", async () => {
    const { notes, records } = await load({ text: "a", tools: [tool] });
    expect([notes.map(({ what }) => what), records[0]!.tools]).toEqual([
      ["tools and template arguments beside a text, which goes through no template"],
      undefined,
    ]);
  });
});

describe("pictures, films and sound", () => {
  const row = { prompt: [user("q")], chosen: [assistant("a")], rejected: [assistant("b")] };
  test.each(["images", "image", "videos", "audio", "Image"])(
    "a column %s makes a bad row",
    async (name) => {
      expect(await refused({ ...row, [name]: ["cat.png"] })).toBe(
        (
          `f:1: the row has pictures, films or sound, which are not learned from\n  got: ` +
          `${name}: ` +
          `["cat.png"]; 1 bad row of 1\n  expected: at most 1% of the rows bad\n  try: have such ` +
          "rows left out and counted with --on-bad drop, or learn from their texts alone with " +
          "--ignore-columns and the column's name"
        ).replace("f:1:", `f:1 (${name}):`),
      );
    },
  );

  test("an empty column passes, a named one is passed over, `*` is no name, and such rows can be left out", async () => {
    expect(
      (await load({ ...row, images: [], video: null, audio: "" })).records[0]!.extra,
    ).toBeUndefined();
    const path = folder.write("pictures.jsonl", jsonLines({ ...row, images: ["cat.png"] }, row));
    expect((await loadDataset(path, { ignoreColumns: ["images"] })).records).toHaveLength(2);
    expect(await folder.refusal(() => loadDataset(path, { ignoreColumns: ["*"] }))).toContain(
      "pictures, films or sound",
    );
    expect(await loadDataset(path, { onBad: "drop" })).toMatchObject({
      counts: { preference: 1 },
      dropped: { "the row has pictures, films or sound, which are not learned from": 1 },
    });
  });

  test("in a message too", async () => {
    expect(
      await refused({ messages: [{ ...user("q"), images: ["x"] }, assistant("a")] }),
    ).toContain('got: images: ["x"]');
    expect(
      await refused({
        messages: [
          { role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] },
          assistant("a"),
        ],
      }),
    ).toContain('a message holds something other than text\n  got: {"type":"image_url"');
  });
});

describe("written and read again", () => {
  const messages = [
    user("q"),
    assistant("", { tool_calls: [call("Oslo", "c1")] }),
    { role: "tool" as const, content: "18 C", tool_call_id: "c1" },
    assistant("cold", { reasoning_content: "because", weight: 0 }),
    user("r"),
    assistant("b"),
  ];
  const record: RecordOf<"conversation"> = {
    kind: "conversation",
    messages,
    tools: [tool],
    templateArguments: { k: 1 },
    place,
  };
  const writers = FORMATS.filter(({ writes }) => writes.includes("conversation"));

  test.each(writers.map((format) => [format.name, format] as const))(
    "%s holds it, or says what is lost",
    (_name, format: DataFormat) => {
      const written = writeRecord(record, format);
      if (!("row" in written)) throw new Error(written.leftOut);
      const again = readRecord(
        { columns: JSON.parse(JSON.stringify(written.row)) as Record<string, unknown>, place },
        format,
        { note: () => undefined },
      );
      const lost = new Set(lostFields(record, format));
      const kept = messages.map(
        ({ tool_call_id, reasoning_content, weight, tool_calls, ...rest }): Message => {
          const calls = lost.has("ids of calls")
            ? tool_calls?.map(({ type, function: called }) => ({ type, function: called }))
            : tool_calls;
          return {
            ...rest,
            ...(calls === undefined ? {} : { tool_calls: calls }),
            ...(tool_call_id === undefined || lost.has("ids of calls") ? {} : { tool_call_id }),
            ...(reasoning_content === undefined || lost.has("thoughts")
              ? {}
              : { reasoning_content }),
            ...(weight === undefined || lost.has("marks of answers that are not learned")
              ? {}
              : { weight }),
          };
        },
      );
      expect(again).toEqual({
        kind: "conversation",
        messages: kept,
        ...(lost.has("tools") ? {} : { tools: [tool] }),
        ...(lost.has("templateArguments") ? {} : { templateArguments: { k: 1 } }),
        place,
      });
      expect([...lost]).toEqual(
        {
          trl: ["marks of answers that are not learned"],
          attune: [],
          "openai-chat": ["templateArguments", "thoughts"],
          sharegpt: ["templateArguments", "ids of calls", "thoughts"],
        }[format.name as "trl"],
      );
    },
  );

  test("a record with calls does not go where they cannot", () => {
    const pair = {
      kind: "preference" as const,
      prompt: [user("q")],
      chosen: [assistant("", { tool_calls: [call("Oslo")] })],
      rejected: [assistant("b")],
      p: 1,
      place,
    };
    for (const name of ["alpaca", "anthropic-hh", "arena-33k", "alpaca-eval"])
      expect(writeRecord(pair, formatNamed(name))).toEqual({ leftOut: "a turn that calls a tool" });
  });

  test.each(["jsonl", "json", "csv", "parquet"])(
    "through a file of the kind %s",
    async (ending) => {
      const path = `${folder.path}/all.${ending}`;
      const other: RecordOf<"conversation"> = {
        kind: "conversation",
        messages: [user("x"), assistant("y")],
        tools: [{ type: "function", function: { name: "other", parameters: { deep: [1, null] } } }],
        place,
      };
      async function* rows() {
        for (const each of [record, other]) {
          const written = writeRecord(each, formatNamed("attune"));
          if ("row" in written) yield written.row;
        }
      }
      await writeRows(path, rows());
      expect((await loadDataset(path)).records.map((each) => ({ ...each, place }))).toEqual([
        record,
        other,
      ]);
    },
  );
});
