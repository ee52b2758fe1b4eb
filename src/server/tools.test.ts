/**
 * Tool calls and thoughts, as OpenAI's client and the AI SDK see them, in the forms of the
 * families' published templates.
 */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, tool } from "ai";
import { OpenAI } from "openai";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Scores } from "../sampling/scores.ts";
import { Automaton } from "../sampling/grammar/automaton.ts";
import type { Encoder } from "../text/encoder.ts";
import { createEncoder } from "../text/encoder.ts";
import { openFamily, readFamily } from "../text/families-testing.ts";
import { byteTokenizer } from "../text/testing.ts";
import type { RunningServer } from "./listen.ts";
import { AnswerParser } from "./answer-parser.ts";
import { send, startTiny, tinyOf } from "./testing.ts";
import { callGrammar } from "./tool-grammar.ts";

const ROOM = 3072;
let server: RunningServer | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await server?.close(0);
  server = undefined;
});

const familyEncoder = (name: string): Encoder =>
  createEncoder(openFamily(name, readFamily(name)), { maxLength: ROOM });
const templateEncoder = (template: string): Encoder =>
  createEncoder({ ...byteTokenizer(), chatTemplate: template }, { maxLength: ROOM });
/** Llama 3.1's form, whose template may not be copied. */
const LLAMA =
  '{% for m in messages %}{% if m.tool_calls %}{{ \'<assistant>{"name": "\' + ' +
  'm.tool_calls[0].function.name + \'", "parameters": \' + (m.tool_calls[0].function.arguments ' +
  "| tojson) + '}<end>' }}{% else %}{{ '<' + ('user' if m.role == 'tool' else m.role) + '>' + " +
  "m.content + '<end>' }}{% endif %}{% if loop.first and tools %}{% for t in tools %}{{ t | " +
  "tojson }}{% endfor %}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' " +
  "}}{% endif %}";

async function serve(speaks: Encoder): Promise<OpenAI> {
  server = await startTiny({
    models: [{ name: "tiny", model: tinyOf(speaks, ROOM), fingerprint: "00" }],
    speaks,
    limits: { room: ROOM, slots: 2 },
  });
  return new OpenAI({ baseURL: server.baseUrl, apiKey: "none", maxRetries: 0 });
}

/** The model says this, whatever it is asked. */
function says({ tokenizer, stopIds }: Encoder, text: string): void {
  const ids = [...tokenizer.encode(text), stopIds[0]!];
  let next = 0;
  vi.spyOn(Scores.prototype, "best").mockImplementation(() => ids[next++ % ids.length]!);
}

const messages = [{ role: "user" as const, content: "Weather in Kiel?" }];
const parameters = {
  type: "object",
  properties: { city: { enum: ["Kiel", "K\u00f6ln"] }, days: { type: "integer" } },
  required: ["city"],
  additionalProperties: false,
};
const weather = {
  type: "function" as const,
  function: { name: "get_weather", description: "The weather of a city", parameters },
};
const other = {
  type: "function" as const,
  function: {
    name: "stop_now",
    parameters: { type: "object", properties: {}, additionalProperties: false },
  },
};
const ask = {
  model: "tiny",
  messages,
  tools: [weather, other],
  temperature: 1,
  seed: 3,
  max_tokens: 300,
};

const ENCODERS: Record<string, () => Encoder> = {
  ...Object.fromEntries(
    ["qwen2_5", "qwen3", "mistral_nemo", "mistral_small"].map((name) => [
      name,
      () => familyEncoder(name),
    ]),
  ),
  llama: () => templateEncoder(LLAMA),
};

describe.each(Object.keys(ENCODERS))("%s", (name) => {
  test("a demanded call comes in OpenAI's form, whole and streamed, and goes back as history", async () => {
    const speaks = ENCODERS[name]!();
    const client = await serve(speaks);
    const demanding = {
      ...ask,
      tool_choice: { type: "function" as const, function: { name: "get_weather" } },
    };
    const { choices, usage } = await client.chat.completions.create(demanding);
    expect(usage!.prompt_tokens).toBe(
      speaks.encodePrompt(messages, { tools: [weather, other] }).length,
    );
    const [choice] = choices;
    expect(choice!.finish_reason).toBe("tool_calls");
    expect(choice!.message).toMatchObject({ role: "assistant", content: null, refusal: null });
    const calls = choice!.message.tool_calls!;
    expect(calls).toHaveLength(1);
    const [call] = calls as OpenAI.ChatCompletionMessageFunctionToolCall[];
    expect(call).toEqual({
      id: expect.stringMatching(/^(call_\w{24}|\w{9})$/),
      type: "function",
      function: { name: "get_weather", arguments: expect.any(String) },
    });
    const given = JSON.parse(call!.function.arguments) as { city: string };
    expect(parameters.properties.city.enum).toContain(given.city);

    const streamed: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of await client.chat.completions.create({ ...demanding, stream: true }))
      streamed.push(chunk);
    const deltas = streamed.flatMap(({ choices: [each] }) => each?.delta.tool_calls ?? []);
    expect(deltas.map(({ index, function: called }) => [index, called])).toEqual([
      [0, call!.function],
    ]);
    expect(streamed.flatMap(({ choices: [each] }) => each?.finish_reason ?? [])).toEqual([
      "tool_calls",
    ]);
    expect(streamed.map(({ choices: [each] }) => each?.delta.content ?? "").join("")).toBe("");

    const history = [
      ...messages,
      choice!.message,
      { role: "tool" as const, tool_call_id: call!.id, content: "Rain" },
    ];
    const again = await client.chat.completions.create({
      ...ask,
      messages: history,
      max_tokens: 4,
    });
    const turns = [
      ...messages,
      {
        role: "assistant" as const,
        content: "",
        tool_calls: [
          {
            id: call!.id,
            type: "function" as const,
            function: { name: "get_weather", arguments: given },
          },
        ],
      },
      { role: "tool" as const, tool_call_id: call!.id, content: "Rain" },
    ];
    expect(again.usage!.prompt_tokens).toBe(
      speaks.encodePrompt(turns, { tools: [weather, other] }).length,
    );
  });

  test("any of several tools, several times or once", async () => {
    const client = await serve(ENCODERS[name]!());
    const names = new Set<string>();
    for (const seed of [1, 2]) {
      const { choices } = await client.chat.completions.create({
        ...ask,
        seed,
        tool_choice: "required",
        parallel_tool_calls: false,
      });
      const calls = choices[0]!.message
        .tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[];
      expect([choices[0]!.finish_reason, calls.length]).toEqual(["tool_calls", 1]);
      names.add(calls[0]!.function.name);
    }
    expect([...names].every((each) => ["get_weather", "stop_now"].includes(each))).toBe(true);
  });
});

describe("what a model says of itself", () => {
  const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Kiel"}}\n</tool_call>';
  const speaks = familyEncoder("qwen2_5");
  const asking = { ...ask, temperature: 0 };
  const called = { name: "get_weather", arguments: '{"city":"Kiel"}' };

  test("words and calls are told apart, whole and streamed", async () => {
    const client = await serve(speaks);
    says(speaks, `Let me look. ${CALL}\n${CALL.replace("Kiel", "K\u00f6ln")}`);
    const { message, finish_reason } = (await client.chat.completions.create(asking)).choices[0]!;
    expect([message.content, finish_reason]).toEqual(["Let me look.", "tool_calls"]);
    const calls = message.tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[];
    expect(calls.map((each) => each.function)).toEqual([
      called,
      { ...called, arguments: '{"city":"K\u00f6ln"}' },
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    vi.restoreAllMocks();
    says(speaks, `Let me look. ${CALL}`);
    const pieces = [];
    for await (const chunk of await client.chat.completions.create({ ...asking, stream: true }))
      pieces.push(chunk.choices[0]!);
    expect(pieces.map(({ delta }) => delta.content ?? "").join("")).toBe("Let me look.");
    expect(pieces.filter(({ delta }) => delta.content).length).toBeGreaterThan(2);
    expect(
      pieces.flatMap(({ delta }) => delta.tool_calls?.map((each) => each.function) ?? []),
    ).toEqual([called]);
  });

  test("one call alone, where several were not wanted, and none where tools are not offered", async () => {
    const client = await serve(speaks);
    says(speaks, `${CALL}\n${CALL}`);
    expect(
      (await client.chat.completions.create({ ...asking, parallel_tool_calls: false })).choices[0]!
        .message.tool_calls,
    ).toHaveLength(1);
    vi.restoreAllMocks();
    says(speaks, CALL);
    const { tools: _tools, ...without } = asking;
    for (const body of [without, { ...asking, tool_choice: "none" as const }]) {
      vi.restoreAllMocks();
      says(speaks, CALL);
      const { choices, usage } = await client.chat.completions.create(body);
      expect([
        choices[0]!.message.content,
        choices[0]!.message.tool_calls,
        choices[0]!.finish_reason,
      ]).toEqual([CALL, undefined, "stop"]);
      expect(usage!.prompt_tokens).toBe(speaks.encodePrompt(messages).length);
    }
  });

  test("a strict tool's arguments satisfy its schema also where the model is free to call or not", async () => {
    const client = await serve(speaks);
    const strict = { ...weather, function: { ...weather.function, strict: true } };
    for (const seed of [1, 2]) {
      const { choices } = await client.chat.completions.create({
        ...ask,
        seed,
        tools: [strict],
        max_tokens: 20,
      });
      expect(["stop", "length", "tool_calls"]).toContain(choices[0]!.finish_reason);
    }
    const grammar = new Automaton(
      callGrammar(
        { form: "hermes", marks: [], source: "" },
        { tools: [{ name: "f", parameters }], demanded: false, several: true, openThought: false },
      ),
      "root",
    );
    const written = (given: string) =>
      `<tool_call>\n{"name": "f", "arguments": ${given}}\n</tool_call>`;
    for (const [text, allowed] of [
      ["just words", true],
      [written('{"city":"Kiel"}'), true],
      [`Well. ${written('{"city":"Kiel"}')}\n${written('{"city":"Kiel"}')}`, true],
      [written('{"city":"Bonn"}'), false],
      ["<tool_call>", false],
    ] as const)
      expect([text, grammar.accepts(text)]).toEqual([text, allowed]);
  });

  test("thoughts come apart from words, whether the model or the prompt opens them", async () => {
    for (const [name, text, args] of [
      ["qwen3", "<think>\nHm, 2.\n</think>\n\nTwo.", {}],
      ["deepseek", "Hm, 2.\n</think>\n\nTwo.", {}],
    ] as const) {
      const thinking =
        name === "qwen3"
          ? familyEncoder("qwen3")
          : templateEncoder(
              "{% for m in messages %}{{ '<' + m.role + '>' + (m.content.split('</think>') | " +
                "last) + '<end>' }}{% endfor %}{% if add_generation_prompt %}{{ " +
                "'<assistant><think>\\n' }}{% endif %}",
            );
      const client = await serve(thinking);
      says(thinking, text);
      const { tools: _tools, ...without } = asking;
      const { message } = (
        await client.chat.completions.create({
          ...without,
          chat_template_kwargs: args,
        } as typeof without)
      ).choices[0]!;
      expect(message).toMatchObject({ content: "Two.", reasoning_content: "Hm, 2." });
      vi.restoreAllMocks();
      says(thinking, text);
      const pieces = [];
      for await (const chunk of await client.chat.completions.create({ ...without, stream: true }))
        pieces.push(chunk.choices[0]!.delta as { content?: string; reasoning_content?: string });
      expect(pieces.map(({ content }) => content ?? "").join("")).toBe("Two.");
      expect(pieces.map(({ reasoning_content: thought }) => thought ?? "").join("")).toBe("Hm, 2.");
      vi.restoreAllMocks();
      await server!.close(0);
    }
  });

  test("template arguments reach the template, and history keeps its thoughts where the template does", async () => {
    const thinking = familyEncoder("qwen3");
    const client = await serve(thinking);
    const count = async (body: object) =>
      (
        await client.chat.completions.create({
          model: "tiny",
          messages,
          max_tokens: 1,
          ...body,
        } as typeof ask)
      ).usage!.prompt_tokens;
    expect(await count({ chat_template_kwargs: { enable_thinking: false } })).toBe(
      thinking.encodePrompt(messages, { templateArguments: { enable_thinking: false } }).length,
    );
    expect(await count({ chat_template_kwargs: { enable_thinking: false } })).not.toBe(
      await count({}),
    );
    const history = [
      ...messages,
      { role: "assistant" as const, content: "Two.", reasoning_content: "Hm." },
      { role: "user" as const, content: "Sure?" },
    ];
    expect(await count({ messages: history })).toBe(thinking.encodePrompt(history).length);
  });

  test("the AI SDK calls tools and reads their thoughts", async () => {
    await serve(speaks);
    const provider = createOpenAICompatible({
      name: "attune",
      baseURL: server!.baseUrl,
      apiKey: "none",
    });
    const { toolCalls, finishReason } = await generateText({
      model: provider("tiny"),
      prompt: "Weather in Kiel?",
      seed: 3,
      maxRetries: 0,
      maxOutputTokens: 300,
      toolChoice: "required",
      tools: {
        get_weather: tool({
          description: "The weather",
          inputSchema: jsonSchema<{ city: string }>(parameters as never),
        }),
      },
    });
    expect(finishReason).toBe("tool-calls");
    expect(toolCalls.length).toBeGreaterThan(0);
    for (const { toolName, input } of toolCalls)
      expect([
        toolName,
        parameters.properties.city.enum.includes((input as { city: string }).city),
      ]).toEqual(["get_weather", true]);
  });
});

describe("what cannot be done is refused by name", () => {
  const refusal = async (body: object) => {
    const reply = await send(server!, "/v1/chat/completions", { body: { ...ask, ...body } });
    return [reply.status, reply.json().error.code, reply.json().error.param];
  };

  test("of a model without a form of calls", async () => {
    await serve(createEncoder(byteTokenizer(), { maxLength: ROOM }));
    expect(await refusal({})).toEqual([400, "unsupported_parameter", "tools"]);
    expect(await refusal({ tools: [], tool_choice: "required" })).toEqual([
      400,
      "invalid_value",
      "tool_choice",
    ]);
    const called = [
      ...messages,
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
      },
    ];
    expect((await refusal({ tools: [], messages: called })).slice(0, 2)).toEqual([
      400,
      "invalid_request",
    ]);
    expect(
      (
        await send(server!, "/v1/chat/completions", {
          body: { ...ask, tool_choice: "none", max_tokens: 2 },
        })
      ).status,
    ).toBe(200);
  });

  test("of a model whose template does not read tools", async () => {
    await serve(familyEncoder("smollm3"));
    expect(await refusal({})).toEqual([400, "unsupported_parameter", "tools"]);
  });

  test("of a model with one", async () => {
    await serve(familyEncoder("qwen2_5"));
    expect(
      await refusal({ tool_choice: { type: "function", function: { name: "nobody" } } }),
    ).toEqual([400, "invalid_value", "tool_choice.function.name"]);
    expect(await refusal({ response_format: { type: "json_object" } })).toEqual([
      400,
      "unsupported_parameter",
      "response_format",
    ]);
    expect(await refusal({ chat_template_kwargs: { messages: [] } })).toEqual([
      400,
      "invalid_value",
      "chat_template_kwargs.messages",
    ]);
    expect(
      await refusal({
        tool_choice: "required",
        tools: [
          {
            type: "function",
            function: { name: "f", parameters: { type: "string", pattern: "a" } },
          },
        ],
      }),
    ).toEqual([400, "invalid_json_schema", "tools"]);
  });

  test("of a model that writes calls as elements", async () => {
    await serve(
      templateEncoder(
        "{% for m in messages %}{{ '<' + m.role + '>' + m.content }}{% for c in m.tool_calls or " +
          "[] %}<tool_call>\n<function={{ c.function.name }}>\n{% for k, v in " +
          "c.function.arguments.items() %}<parameter={{ k }}>\n{{ v if v is string else v | " +
          "tojson " +
          "}}\n</parameter>\n{% endfor %}</function>\n</tool_call>{% endfor %}<end>{% endfor " +
          "%}{% " +
          "if tools %}{{ tools | tojson }}{% endif %}{% if add_generation_prompt %}<assistant>{% " +
          "endif %}",
      ),
    );
    expect(await refusal({ tool_choice: "required" })).toEqual([
      400,
      "unsupported_parameter",
      "tool_choice",
    ]);
    expect(
      await refusal({ tools: [{ ...weather, function: { ...weather.function, strict: true } }] }),
    ).toEqual([400, "unsupported_parameter", "tools[].function.strict"]);
  });
});

describe("an answer that grows", () => {
  const parsers = {
    qwen3: new AnswerParser(familyEncoder("qwen3")),
    llama: new AnswerParser(templateEncoder(LLAMA)),
    mistral: new AnswerParser(familyEncoder("mistral_nemo")),
  };
  const texts = [
    "",
    "words",
    "  words  ",
    "a < b <t <tool",
    "{ not a call",
    '{"name": "f", "parameters": {"a": 1}}',
    'x <tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>',
    "<tool_call>broken</tool_call> words",
    "<think>hm</think>\n\nwords",
    "<think>\nhm </th",
    "<thin",
    '<think>hm</think>\n<tool_call>{"name": "f"}</tool_call>',
    '[TOOL_CALLS] [{"name": "f", "arguments": {}}]',
    "[TOOL_CA",
    '<|python_tag|>{"name": "f"}',
  ];
  const reading = { calls: "all" as const, openThought: false };

  test.each(Object.keys(parsers))(
    "%s: its pieces, joined, are what is read of the whole",
    (name) => {
      const parser = parsers[name as keyof typeof parsers];
      for (const openThought of parser.reader.thoughts ? [false, true] : [false]) {
        for (const text of texts) {
          for (const step of [1, 2, 7]) {
            const listener = parser.parseGrowing({ ...reading, openThought });
            const told = { content: "", reasoning: "" };
            const take = ({ content, reasoning }: typeof told): void =>
              void ((told.content += content), (told.reasoning += reasoning));
            for (let end = step; end < text.length; end += step)
              take(listener.read(text.slice(0, end)));
            const last = listener.end(text);
            take(last);
            const whole = parser.read(text, { ...reading, openThought });
            const unnamed = (calls: typeof whole.calls): unknown =>
              calls.map((each) => each.function);
            expect([text, told.content.trim(), told.reasoning, unnamed(last.calls)]).toEqual([
              text,
              whole.content.trim(),
              whole.reasoning ?? "",
              unnamed(whole.calls),
            ]);
          }
        }
      }
    },
  );
});
