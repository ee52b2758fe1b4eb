/**
 * Takes apart what a chat template writes: the prompt as it stood when the assistant was asked,
 * what the assistant said to it, and what lies between two answers.
 *
 * Every answer is learned in the rendering that it had when it was said. Templates that rewrite
 * earlier turns once the conversation goes on (Qwen3 drops their thoughts) therefore give several
 * rows for one conversation, each with the turns before it as they were seen then. Where a template
 * opens a thought in the prompt and writes none in the answer (DeepSeek R1, QwQ), the answer begins
 * with its own thought, or with an empty one.
 *
 * Differences from TRL: it replaces known templates by versions of its own that never rewrite, so
 * that the model is trained on prompts which its own template does not write; and only warns where
 * prompt and answer cannot be told apart.
 */
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError, preview } from "../core/errors.ts";
import type { ChatTemplate, RenderOptions, RenderedText } from "./chat-template.ts";
import { joinRendered, sliceRendered } from "./rendered.ts";
import type { Message, TemplateInputs } from "./messages.ts";
import type { EncodeOptions } from "./pipeline.ts";
import type { Slices } from "./slices.ts";
import type { TextPart } from "./text-parts.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * The row that is encoded: what its template is given, and where it stands for errors. A data
 * record is one.
 */
export interface EncodingRow extends TemplateInputs {
  /** File and row, for errors. */
  place?: ErrorPlace;
  /**
   * Its texts are plain, and no turns of anybody: parts of one text, or a text that the model goes
   * on with.
   */
  plain?: true;
}

/** Who writes turns, and the tokens that end one: the template's own first. */
export interface TurnWriter {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly stopIds: readonly number[];
}

/** Tokens that follow each other in a row. */
export interface Part {
  ids: number[];
  /** Whether they are labels. */
  learned: boolean;
}

/** A prompt, then answers with what lies between them. */
export interface TurnRow {
  prompt: number[];
  parts: Part[];
  /** The assistant's turns among its parts, by index. */
  turns: number[];
  /** An answer got an empty thought, which its prompt opens. */
  emptyThought: boolean;
}

/** What a row gives every rendering of it. */
function inputsOf({
  tools,
  templateArguments,
  place,
}: EncodingRow): Omit<RenderOptions, "generationPrompt"> {
  return {
    ...(tools === undefined ? {} : { tools }),
    ...(templateArguments === undefined ? {} : { templateArguments }),
    ...(place === undefined ? {} : { place }),
  };
}

/** The turns with the opening of the assistant's answer. */
function opened(
  { template }: TurnWriter,
  messages: readonly Message[],
  row: EncodingRow,
): RenderedText {
  return template.renderSafely(messages, { ...inputsOf(row), generationPrompt: true });
}

function written(
  { template }: TurnWriter,
  messages: readonly Message[],
  row: EncodingRow,
): RenderedText {
  return template.renderSafely(messages, { ...inputsOf(row), generationPrompt: false });
}

/** Ids of a prompt that a model answers. */
export function* promptSlices(
  writer: TurnWriter,
  messages: readonly Message[],
  { row, options }: { row: EncodingRow; options?: EncodeOptions },
): Slices<number[]> {
  return withSingleBos(
    writer.tokenizer,
    yield* writer.template.encodeSlices(opened(writer, messages, row), options),
  );
}

/** A prompt that several answers follow: rendered and encoded once. */
export interface OpenedPrompt {
  rendered: RenderedText;
  ids: number[];
}

export function openPrompt(
  writer: TurnWriter,
  messages: readonly Message[],
  row: EncodingRow,
): OpenedPrompt {
  const rendered = opened(writer, messages, row);
  return { rendered, ids: withSingleBos(writer.tokenizer, writer.template.encode(rendered)) };
}

/** Ids of a whole conversation as it is written at its end. */
export function conversationIds(
  writer: TurnWriter,
  messages: readonly Message[],
  row: EncodingRow,
): number[] {
  return withSingleBos(writer.tokenizer, writer.template.encode(written(writer, messages, row)));
}

/** A template that writes BOS and a tokenizer that adds it must not give two. */
export function withSingleBos({ bosId }: Tokenizer, ids: readonly number[]): number[] {
  const start =
    bosId === undefined
      ? 0
      : ids.findIndex((id, index) => id !== bosId || ids[index + 1] !== bosId);
  return ids.slice(Math.max(0, start));
}

/**
 * Rows in which the given turns of the assistant are parts of their own. A row goes on while its
 * text is the beginning of the next turn's prompt.
 * @param turns indices of messages, rising
 * @param first the prompt of the first of them, where it is known
 */
export function turnRows(
  writer: TurnWriter,
  messages: readonly Message[],
  { turns, row, first }: { turns: readonly number[]; row: EncodingRow; first?: OpenedPrompt },
): TurnRow[] {
  const { template, tokenizer, stopIds } = writer;
  const rows: TurnRow[] = [];
  let done: string | undefined;
  for (const index of turns) {
    const known = rows.length === 0 ? first : undefined;
    const prompt = known?.rendered ?? opened(writer, messages.slice(0, index), row);
    const goesOn = done !== undefined && prompt.text.startsWith(done);
    if (goesOn)
      rows.at(-1)!.parts.push({
        ids: template.encode(sliceRendered(prompt, done!.length), { continues: true }),
        learned: false,
      });
    else
      rows.push({
        prompt: known?.ids ?? withSingleBos(tokenizer, template.encode(prompt)),
        parts: [],
        turns: [],
        emptyThought: false,
      });
    const current = rows.at(-1)!;
    const answer = answerTo(writer, prompt, { messages, index, row });
    current.parts.push({ ids: answer.ids, learned: messages[index]!.weight !== 0 });
    current.turns.push(index);
    current.emptyThought ||= answer.emptyThought;
    done = answer.done;
  }
  for (const { parts } of rows) endInStop(parts.at(-1)!, stopIds);
  return rows;
}

/**
 * Every turn as a part of its own, with the template's frame around it.
 * @throws AttuneError `data` where turns cannot be told apart
 */
export function everyTurn(
  writer: TurnWriter,
  messages: readonly Message[],
  row: EncodingRow,
): Part[] {
  const { template, tokenizer } = writer;
  let done = "";
  return messages.map(({ weight }, index): Part => {
    const text = written(writer, messages.slice(0, index + 1), row);
    if (!text.text.startsWith(done))
      throw new AttuneError(
        "data",
        "turns of weight 0 cannot be told apart from the others: the chat template rewrites " +
          "earlier turns",
        { ...row.place, hint: "loss completion, or no weights" },
      );
    const turn = sliceRendered(text, done.length);
    const isLastAnswer = index === messages.length - 1 && messages[index]!.role === "assistant";
    const ids = template.encode(isLastAnswer ? upToStop(writer, turn) : turn, {
      continues: index > 0,
    });
    done = text.text;
    return { ids: index === 0 ? withSingleBos(tokenizer, ids) : ids, learned: weight !== 0 };
  });
}

/**
 * An answer up to its end: the template's own stop token, else another one, else all of it. What
 * follows (a newline) is nobody's answer.
 */
function upToStop(
  { tokenizer, stopIds: [stopId, ...others] }: TurnWriter,
  text: RenderedText,
): RenderedText {
  const endAfter = (id: number): number => endOfLast(text, tokenizer.tokenOf(id) ?? "");
  return sliceRendered(
    text,
    0,
    endAfter(stopId!) || Math.max(0, ...others.map(endAfter)) || text.text.length,
  );
}

/**
 * Offset behind the last place where the template itself writes the token; 0 where it never does.
 */
function endOfLast({ text, runs }: RenderedText, token: string): number {
  if (token === "") return 0;
  for (
    let start = text.lastIndexOf(token);
    start >= 0;
    start = start === 0 ? -1 : text.lastIndexOf(token, start - 1)
  ) {
    const end = start + token.length;
    if (!runs.some((run) => run.start < end && run.end > start)) return end;
  }
  return 0;
}

/** Where the template writes no stop token, the last answer of a row still ends in one. */
function endInStop({ ids }: Part, stopIds: readonly number[]): void {
  if (!stopIds.includes(ids.at(-1)!)) ids.push(stopIds[0]!);
}

interface Answer {
  ids: number[];
  /** Everything up to the end of the answer, as it was said. */
  done: string;
  emptyThought: boolean;
}

const OPEN = "<think>";
const CLOSE = "</think>";
const OPENED_THOUGHT = /<think>\s*(<\/think>\s*)?$/;

interface Asked {
  messages: readonly Message[];
  index: number;
  row: EncodingRow;
}

/** What the assistant said to the prompt. */
function answerTo(
  writer: TurnWriter,
  prompt: RenderedText,
  { messages, index, row }: Asked,
): Answer {
  const { template } = writer;
  // a template that knows no thoughts writes contents as they are
  const thought = template.source.includes(CLOSE) ? thoughtOf(messages[index]!) : "";
  const whole = template.renderSafely(messages.slice(0, index + 1), {
    ...inputsOf(row),
    generationPrompt: false,
    ownThought: thought !== "",
  });
  if (whole.text.startsWith(prompt.text)) {
    const rest = sliceRendered(whole, prompt.text.length);
    if (thought !== "" && !rest.text.includes(CLOSE))
      return asSaid(writer, prompt, withThought(thought, rest, `${OPEN}\n`));
    return asSaid(writer, prompt, { before: [], words: rest, emptyThought: false });
  }
  const opening = OPENED_THOUGHT.exec(prompt.text);
  const frame = prompt.text.slice(0, opening?.index ?? 0);
  if (opening === null || !whole.text.startsWith(frame)) throw cannotTell(prompt, whole, row);
  const said = sliceRendered(whole, frame.length);
  const own = /^<think>\s*(<\/think>\s*)?/.exec(said.text);
  if (opening[1] === undefined && own === null)
    return asSaid(writer, prompt, withThought(thought, said, ""));
  if (opening[1] !== undefined && own !== null && own[1] === undefined) {
    throw new AttuneError(
      "data",
      "the answer has a thought, but the template's arguments switch thinking off",
      {
        ...row.place,
        got: preview(said.text),
        hint: "arguments that let this row's answer think, or a row without thoughts",
      },
    );
  }
  // both write the same opening with other white space, and the prompt's is what the model sees
  const opens = opening[1] === undefined ? /^<think>\s*/ : /^(<think>\s*<\/think>\s*)?/;
  return asSaid(writer, prompt, {
    before: [],
    words: sliceRendered(said, opens.exec(said.text)![0].length),
    emptyThought: false,
  });
}

interface Said {
  /** The thought, which the template leaves out. */
  before: TextPart[];
  words: RenderedText;
  emptyThought: boolean;
}

/** The words after the thought that the model had to write before them. */
function withThought(thought: string, words: RenderedText, open: string): Said {
  const before: TextPart[] = [
    { text: open, plain: false },
    { text: `${thought}\n`, plain: true },
  ];
  const bare = words.text.trimStart();
  const closed = bare.startsWith(CLOSE)
    ? words
    : joinRendered(`${CLOSE}\n\n`, sliceRendered(words, words.text.length - bare.length));
  return { before, words: closed, emptyThought: thought === "" };
}

function asSaid(
  writer: TurnWriter,
  prompt: RenderedText,
  { before, words, emptyThought }: Said,
): Answer {
  const { tokenizer, template } = writer;
  const thought = before.filter(({ text }) => text !== "");
  const answer = upToStop(writer, words);
  const ids = [
    ...(thought.length === 0 ? [] : tokenizer.encodeParts(thought, { continues: true })),
    ...template.encode(answer, { continues: true }),
  ];
  return {
    ids,
    done: `${prompt.text}${thought.map(({ text }) => text).join("")}${answer.text}`,
    emptyThought,
  };
}

/** The thought of an answer, from its own key or from before `</think>` in its words. */
function thoughtOf({ reasoning_content: own, content }: Message): string {
  return (
    own ??
    (content.includes(CLOSE)
      ? content.slice(0, content.lastIndexOf(CLOSE)).split(OPEN).at(-1)!
      : "")
  ).trim();
}

function cannotTell(
  prompt: RenderedText,
  whole: RenderedText,
  { place }: EncodingRow,
): AttuneError {
  return new AttuneError(
    "data",
    "the chat template writes the prompt differently once the answer follows, so the answer " +
      "cannot be told apart",
    {
      ...place,
      got: JSON.stringify(whole.text.slice(0, prompt.text.length).slice(-60)),
      expected: JSON.stringify(prompt.text.slice(-60)),
      hint: "a chat template whose output only grows as turns are added",
    },
  );
}
