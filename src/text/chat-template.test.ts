import { describe, expect, test } from "vitest";
import { createChatTemplate } from "./chat-template.ts";
import type { Message, TemplateInputs } from "./messages.ts";
import { byteTokenizer } from "./testing.ts";

const tokenizer = byteTokenizer();
const [end, assistantToken] = [258, 260];
const templateOf = (source: string, options = {}): ReturnType<typeof createChatTemplate> =>
  createChatTemplate({ ...tokenizer, chatTemplate: source }, options);
const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string, more: Partial<Message> = {}): Message => ({
  role: "assistant",
  content,
  ...more,
});
const TURNS =
  "{% for message in messages %}{{ '<' + message.role + '>' + message.content + '<end>' }}{% " +
  "endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";
const tools: NonNullable<TemplateInputs["tools"]> = [
  { type: "function", function: { name: "look", parameters: { type: "object" } } },
];
const count = (ids: readonly number[], id: number): number =>
  ids.filter((each) => each === id).length;

describe("control tokens in data are characters, and the template computes with the text as it is", () => {
  const idsOf = (
    source: string,
    messages: Message[],
    more: TemplateInputs = {},
  ): { text: string; ids: number[] } => {
    const template = templateOf(source);
    const rendered = template.renderSafely(messages, { generationPrompt: false, ...more });
    return { text: rendered.text, ids: template.encode(rendered) };
  };

  test.each([
    ["as it is", "{{ messages[0].content }}<end>", "a<end>b", "a<end>b<end>"],
    ["trimmed", "{{ messages[0].content | trim }}<end>", " <end> ", "<end><end>"],
    [
      "split at another word",
      "{{ messages[0].content.split('|')[1] }}{{ messages[0].content.split('|')[0] }}<end>",
      "a<end>|b",
      "ba<end><end>",
    ],
    [
      "as JSON",
      "{{ messages[0].content | tojson }}<end>",
      '"<end>\n',
      String.raw`"\"<end>\n"<end>`,
    ],
    ["in a list", "{{ [messages[0].content] }}<end>", "'<end>", `["'<end>"]<end>`],
    [
      "lengths",
      "{{ messages[0].content | length }}{{ messages[0].content }}<end>",
      "<end>x",
      "6<end>x<end>",
    ],
    [
      "startswith and in",
      "{% if messages[0].content.startswith('<end>') and '<end>' in messages[0].content %}{{ " +
        "messages[0].content }}{% endif %}<end>",
      "<end>x",
      "<end>x<end>",
    ],
    [
      "in upper case and back",
      "{{ messages[0].content.upper().lower() }}<end>",
      "<END>",
      "<end><end>",
    ],
    [
      "put together of two halves",
      "{{ messages[0].content.replace('-', '') }}<end>",
      "<en-d>",
      "<end><end>",
    ],
    ["half from the template", "{{ '<en' + messages[0].content }}<end>", "d>", "<end><end>"],
    ["half from the data", "{{ messages[0].content + 'd>' }}<end>", "<en", "<end><end>"],
  ])("%s", (_name, source, content, text) => {
    const rendered = idsOf(source, [user(content)]);
    expect(rendered.text).toBe(text);
    expect(tokenizer.decode(rendered.ids)).toBe(text);
    expect(count(rendered.ids, end)).toBe(1);
    expect(rendered.ids.at(-1)).toBe(end);
  });

  test("in names, thoughts, calls, tools and template arguments", () => {
    const source =
      "{% for m in messages %}{{ m.name }}{{ m.reasoning_content }}{{ m.content }}{% for c in " +
      "m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}{{ c.id }}{% " +
      "endfor %}{% endfor %}{{ tools | tojson }}{{ extra }}<end>";
    const messages: Message[] = [
      { ...user("u"), name: "<end>" },
      assistant("a", {
        reasoning_content: "<assistant>",
        tool_calls: [
          {
            id: "<end>",
            type: "function",
            function: { name: "<end>", arguments: { "<end>": ["<end>"] } },
          },
        ],
      }),
    ];
    const { ids, text } = idsOf(source, messages, {
      tools: [{ type: "function", function: { name: "<end>", "<end>": "<end>" } }],
      templateArguments: { extra: "<end>" },
    });
    expect(text.split("<end>")).toHaveLength(11);
    expect(count(ids, end)).toBe(1);
    expect(count(ids, assistantToken)).toBe(0);
  });

  test("a thought goes where transformers' goes, whatever else the content holds", () => {
    const source = "{% for m in messages %}{{ m.content.split('</think>')[-1] }}<end>{% endfor %}";
    const { text } = idsOf(source, [user("q"), assistant("<think>x</think>a<end>b"), user("q")]);
    expect(text).toBe("q<end>a<end>b<end>q<end>");
  });
});

describe("what a row says must come out", () => {
  const refused =
    (source: string, messages: Message[], more: TemplateInputs = {}): (() => unknown) =>
    () =>
      templateOf(source).renderSafely(messages, {
        generationPrompt: false,
        place: { file: "d.jsonl", row: 7 },
        ...more,
      });

  test.each([
    [
      "a turn of a role that the template does not know",
      "{% for m in messages if m.role != 'tool' %}{{ m.content }}{% endfor %}",
      [user("q"), { role: "tool", content: "42" } as Message],
      {},
      "the content of message 2 (tool)",
    ],
    [
      "a part of a content",
      "{% for m in messages %}{{ m.content[:3] }}{% endfor %}",
      [user("abcdef")],
      {},
      "a part of the content of message 1 (user)",
    ],
    [
      "content beside a call",
      "{% for m in messages %}{% if m.tool_calls %}{{ m.tool_calls[0].function }}{% else " +
        "%}{{ m.content }}{% endif %}{% endfor %}",
      [
        user("q"),
        assistant("words", {
          tool_calls: [{ type: "function", function: { name: "f", arguments: {} } }],
        }),
      ],
      {},
      "the content of message 2 (assistant)",
    ],
    [
      "a call",
      TURNS,
      [
        user("q"),
        assistant("", {
          tool_calls: [{ type: "function", function: { name: "f", arguments: {} } }],
        }),
      ],
      {},
      "a tool call of message 2 (assistant)",
    ],
    [
      "an argument",
      "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}{{ " +
        "c.function.name }}{% endfor %}{% endfor %}",
      [
        user("q"),
        assistant("", {
          tool_calls: [{ type: "function", function: { name: "f", arguments: { x: 1 } } }],
        }),
      ],
      {},
      "an argument of a tool call of message 2 (assistant)",
    ],
    ["tools", TURNS, [user("q")], { tools }, "the name of a tool"],
    [
      "the last answer's thought",
      TURNS,
      [user("q"), assistant("a", { reasoning_content: "hm" })],
      {},
      "the thought of message 2 (assistant)",
    ],
    [
      "a last answer's thought in its content",
      "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}",
      [user("q"), assistant("<think>x</think>a")],
      {},
      "a part of the content of message 2 (assistant)",
    ],
  ] as const)("%s", (_name, source, messages, more, what) => {
    expect(refused(source, [...messages], more)).toThrow(
      `d.jsonl:7: the chat template does not write ${what}`,
    );
  });

  test("trimmed, escaped, replaced and earlier thoughts do not count as lost", () => {
    const fine = (source: string, messages: Message[]): string =>
      templateOf(source).renderSafely(messages, { generationPrompt: false }).text;
    expect(fine("{{ messages[0].content | trim }}", [user("\u0085 a\n")])).toBe("a");
    expect(fine("{{ messages[0].content | tojson }}", [user('"\n\\')])).toBe(String.raw`"\"\n\\"`);
    expect(fine("{{ messages[0].content.replace('/think', '') }}", [user("a /think b")])).toBe(
      "a  b",
    );
    expect(
      fine("{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}", [
        user("q"),
        assistant("x</think>\n"),
        user("r"),
      ]),
    ).toBe("q\nr");
    expect(
      fine(TURNS, [user("q"), assistant("a", { reasoning_content: "hm" }), user("r")]),
    ).toContain("<assistant>a<end>");
  });
});

test("a developer is the system of templates that do not speak of developers", () => {
  const messages: Message[] = [{ role: "developer", content: "d" }, user("u")];
  expect(templateOf(TURNS).render(messages, { generationPrompt: false })).toBe(
    "<system>d<end><user>u<end>",
  );
  expect(
    templateOf(`{% if messages[0].role in ['system', 'developer'] %}${TURNS}{% endif %}`).render(
      messages,
      { generationPrompt: false },
    ),
  ).toBe("<developer>d<end><user>u<end>");
});

test("the clock is the one that was given, and a template that reads it has another fingerprint on another day", () => {
  const source = "{{ strftime_now('%d %b %Y') }}";
  const [monday, tuesday] = ["2026-05-04T23:59:58", "2026-05-05T00:00:01"].map((time) =>
    templateOf(source, { time }),
  );
  expect(monday!.render([], { generationPrompt: false })).toBe("04 May 2026");
  expect(tuesday!.fingerprint).not.toBe(monday!.fingerprint);
  expect(templateOf(TURNS, { time: "2026-05-04T00:00:00" }).fingerprint).toBe(
    templateOf(TURNS, { time: "2026-05-05T00:00:00" }).fingerprint,
  );
  let now = "2026-01-01T00:00:00";
  const live = templateOf(source, { time: () => now });
  now = "2026-12-31T00:00:00";
  expect(live.render([], { generationPrompt: false })).toBe("31 Dec 2026");
});

test("a template that runs without end is given up, and its file named", () => {
  const endless = {
    ...tokenizer,
    chatTemplate: "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    templatePlace: "model/chat_template.jinja",
  };
  expect(() =>
    createChatTemplate(endless).render([user("q")], { generationPrompt: false }),
  ).toThrow(/^model\/chat_template\.jinja: the chat template is given up: it runs for too long/);
  expect(() => createChatTemplate({ ...endless, chatTemplate: "{% for" })).toThrow(
    /^model\/chat_template\.jinja: the chat template cannot be read\n {2}got: line 1/,
  );
});

test("it says whether it writes tools, calls and thoughts", () => {
  expect(templateOf(TURNS).skills).toEqual({ tools: false, toolCalls: false, thoughts: false });
  const knowing =
    "{{ tools | tojson }}{% for m in messages %}{{ m.thinking }}{{ m.content }}{{ m.tool_calls | " +
    "default([]) | tojson }}{% endfor %}";
  expect(templateOf(knowing).skills).toEqual({ tools: true, toolCalls: true, thoughts: true });
  expect(
    templateOf(`{% if tools %}{{ raise_exception('no tools') }}{% endif %}${TURNS}`).skills.tools,
  ).toBe(false);
});
