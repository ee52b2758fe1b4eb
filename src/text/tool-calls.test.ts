import { describe, expect, test } from "vitest";
import { createChatTemplate } from "./chat-template.ts";
import { FAMILIES, hasTemplate, openFamily, readFamily, TIME } from "./families-testing.ts";
import type { Message, TemplateInputs, ToolCall } from "./messages.ts";
import { byteTokenizer } from "./testing.ts";
import type { AnswerReader } from "./tool-calls.ts";
import { answerReader } from "./tool-calls.ts";

/** Forms of the published templates; those without one write no calls. */
const FORMS: Readonly<Record<(typeof FAMILIES)[number], string | undefined>> = {
  llama3_1: "llama",
  gemma3: undefined,
  qwen2_5: "hermes",
  qwen3: "hermes",
  mistral_nemo: "mistral",
  mistral_small: "mistral",
  phi3: undefined,
  phi4_mini: undefined,
  phi4_mini_llamacpp: "phi",
  smollm2: undefined,
  smollm3: "hermes",
};
const tools: NonNullable<TemplateInputs["tools"]> = [
  {
    type: "function",
    function: { name: "search", description: "d", parameters: { type: "object", properties: {} } },
  },
];
const call = (given: Record<string, unknown>, id = "abc123DEF"): ToolCall => ({
  id,
  type: "function",
  function: { name: "search", arguments: given },
});
const ODD = {
  text: 'a "b" </x> {[\n\\ 🙂',
  list: [1, 2.5, null, true],
  deep: { "}": ["]"] },
  "": "",
};

describe.each(FAMILIES)("%s", (name) => {
  const family = readFamily(name);
  const missing = !hasTemplate(name, family);

  test.skipIf(missing)("calls that the template writes are read back as they were", () => {
    const tokenizer = openFamily(name, family);
    const template = createChatTemplate(tokenizer, { time: TIME });
    const reader = answerReader(template, tokenizer);
    expect(reader.form).toBe(FORMS[name]);
    if (!template.skills.toolCalls) return;
    const user: Message = { role: "user", content: "q" };
    const prompt = template.render([user], { tools, generationPrompt: true });
    const read = (answer: Message): Message => {
      const whole = template.render([user, answer], { tools, generationPrompt: false });
      const ids = tokenizer.encode(whole.slice(prompt.length));
      // as a server decodes: control tokens go, but for the marks of calls
      const kept = ids
        .map((id) => tokenizer.tokenOf(id)!)
        .map((token, index) =>
          tokenizer.controlTokens.includes(token) && !reader.marks.includes(token)
            ? undefined
            : ids[index]!,
        );
      const text = tokenizer.decode(kept.filter((id) => id !== undefined));
      return {
        role: "assistant",
        ...reader.read(text),
        ...(answer.tool_calls ? {} : { tool_calls: [] }),
      };
    };
    const withoutIds = (message: Message): unknown => ({
      ...message,
      tool_calls: message.tool_calls?.map(({ function: named }) => named),
    });
    const several = reader.form === "llama" ? [] : [[call(ODD), call({}, "jklmnopqr")]];
    for (const calls of [[call({ city: "Köln", days: 3 })], [call(ODD)], [call({})], ...several]) {
      const answer: Message = { role: "assistant", content: "", tool_calls: calls };
      expect(withoutIds(read(answer))).toEqual(withoutIds(answer));
    }
  });
});

describe("answers", () => {
  const readerOf = (source: string): AnswerReader => {
    const tokenizer = byteTokenizer();
    return answerReader(createChatTemplate({ ...tokenizer, chatTemplate: source }), tokenizer);
  };
  const hermes = readerOf(
    "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>\n{{ " +
      "c.function | tojson }}\n</tool_call>{% endfor %}{% endfor %}{# </think> #}",
  );
  const words = (text: string): unknown => hermes.read(text);

  test.each([
    ["no call", "just words", { content: "just words" }],
    [
      "words and a call",
      'Let me look.\n<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>',
      {
        content: "Let me look.",
        tool_calls: [{ type: "function", function: { name: "f", arguments: { a: 1 } } }],
      },
    ],
    [
      "a call that ends with the answer",
      '<tool_call>\n{"name": "f", "arguments": {}}',
      { content: "", tool_calls: [{ type: "function", function: { name: "f", arguments: {} } }] },
    ],
    [
      "arguments as a text of JSON",
      '<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call>',
      {
        content: "",
        tool_calls: [{ type: "function", function: { name: "f", arguments: { a: 1 } } }],
      },
    ],
    [
      "broken JSON stays content",
      '<tool_call>{"name": "f", "arguments": {</tool_call>',
      { content: '<tool_call>{"name": "f", "arguments": {</tool_call>' },
    ],
    [
      "a broken call beside a good one",
      '<tool_call>oops</tool_call><tool_call>{"name": "f"}</tool_call>',
      {
        content: "<tool_call>oops</tool_call>",
        tool_calls: [{ type: "function", function: { name: "f", arguments: {} } }],
      },
    ],
    [
      "no name",
      '<tool_call>{"arguments": {}}</tool_call>',
      { content: '<tool_call>{"arguments": {}}</tool_call>' },
    ],
  ])("%s", (_name, text, expected) => void expect(words(text)).toEqual(expected));

  test("a template of elements", () => {
    const elements = readerOf(
      "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] " +
        "%}<tool_call>\n<function={{ c.function.name }}>\n{% for k, v in " +
        "c.function.arguments.items() %}<parameter={{ k }}>\n{{ v if v is string else v | tojson " +
        "}}\n</parameter>\n{% endfor %}</function>\n</tool_call>{% endfor %}{% endfor %}",
    );
    expect(elements.form).toBe("elements");
    expect(
      elements.read(
        "<tool_call>\n<function=f>\n<parameter=text>\ntwo\nlines\n</parameter>\n" +
          "<parameter=n>\n3\n</parameter>\n</function>\n</tool_call>",
      ).tool_calls,
    ).toEqual([
      { type: "function", function: { name: "f", arguments: { text: "two\nlines", n: 3 } } },
    ]);
  });

  test("later Mistral models name the call before its arguments", () => {
    const mistral = readerOf(
      "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}[TOOL_CALLS]{{ " +
        "c.function.name }}[ARGS]{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}",
    );
    expect(mistral.form).toBe("mistral");
    expect(mistral.read('x[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[ARGS]{}')).toEqual({
      content: "x",
      tool_calls: [
        { type: "function", function: { name: "f", arguments: { a: 1 } } },
        { type: "function", function: { name: "g", arguments: {} } },
      ],
    });
  });

  test("thoughts are told from words where the template knows them", () => {
    const thinking = readerOf(
      "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}",
    );
    expect(thinking.read("<think>\nhm\n</think>\n\nyes")).toEqual({
      content: "yes",
      reasoning_content: "hm",
    });
    expect(thinking.read("hm\n</think>\n\nyes", { openThought: true })).toEqual({
      content: "yes",
      reasoning_content: "hm",
    });
    expect(thinking.read("<think>\n\n</think>\n\nyes")).toEqual({ content: "yes" });
    expect(thinking.read("<think> and never done")).toEqual({
      content: "",
      reasoning_content: "and never done",
    });
    expect(thinking.read("a </think> b")).toEqual({ content: "a </think> b" });
    expect(readerOf("{{ messages[0].content }}").read("<think>x</think>y")).toEqual({
      content: "<think>x</think>y",
    });
  });
});
