/**
 * Anthropic's HH transcripts: `chosen` and `rejected` are whole dialogues with `\n\nHuman:` and
 * `\n\nAssistant:` turns.
 * Source: anthropics/hh-rlhf README; Bai et al. 2022.
 *
 * The prompt is what both share (pairs.ts); a few rows of the published files differ earlier than
 * in the last answer. Space around a turn is taken off. Two turns of one speaker in a row, which
 * chat templates refuse, become one, joined by a blank line.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Message } from "../../text/messages.ts";
import type { DataRecord, PreferenceRecord } from "../records.ts";
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { DataFormat, Notes, WrittenRow } from "./format.ts";
import { withBetterAsChosen, extraOf, TIE } from "./format.ts";
import { completionMessages, promptMessages } from "./messages.ts";
import { splitConversations } from "./pairs.ts";

const TURN = /\n\n(Human|Assistant):/g;
const LAST_ANSWER = "\n\nAssistant:";
const isTranscript = (value: unknown): boolean =>
  typeof value === "string" && /^\s*(Human|Assistant):/.test(value);

export const anthropicHh: DataFormat = {
  name: "anthropic-hh",
  title: "Anthropic's HH transcripts, the prompt inside both",
  shapes: [{ kind: "preference", required: ["chosen", "rejected"] }],
  metadata: [],
  detect: ({ columns }) =>
    isTranscript(columns["chosen"]) &&
    isTranscript(columns["rejected"]) &&
    columns["prompt"] === undefined,
  read(row, notes) {
    const [chosen, rejected] = [column.text(row, "chosen"), column.text(row, "rejected")];
    const pair = splitConversations(
      parse(chosen, "chosen", row, notes),
      parse(rejected, "rejected", row, notes),
      row.place,
    );
    const differ = beforeLastAnswer(chosen) !== beforeLastAnswer(rejected);
    const extra = extraOf(row, anthropicHh);
    return {
      kind: "preference",
      prompt: pair.prompt,
      chosen: pair.chosen,
      rejected: pair.rejected,
      p: 1,
      ...(differ ? { contextsDiffer: true as const } : {}),
      ...(extra ? { extra } : {}),
      place: row.place,
    };
  },
  writes: ["preference"],
  keeps: [],
  loses: ["space around a turn"],
  write(record) {
    const decided = withBetterAsChosen(record as PreferenceRecord);
    if (decided === undefined) return { leftOut: TIE };
    return writePair(decided);
  },
};

function parse(transcript: string, name: string, row: Row, notes: Notes): Message[] {
  const text = `\n\n${transcript.trimStart()}`;
  const marks = [...text.matchAll(TURN)];
  if (marks[0]?.index !== 0)
    throw new AttuneError("data", `the column ${name} is no transcript`, {
      ...row.place,
      got: preview(transcript, 60),
      expected: "a dialogue that begins with \\n\\nHuman:",
    });
  const turns: Message[] = [];
  for (const [index, mark] of marks.entries()) {
    const role = mark[1] === "Human" ? "user" : "assistant";
    const content = text
      .slice(mark.index + mark[0].length, marks[index + 1]?.index ?? text.length)
      .trim();
    const last = turns.at(-1);
    if (last?.role !== role) turns.push({ role, content });
    else {
      notes.note("the break between two turns of one speaker in a row");
      last.content = [last.content, content].filter((part) => part !== "").join("\n\n");
    }
  }
  return turns;
}

function beforeLastAnswer(transcript: string): string {
  return transcript.slice(0, Math.max(0, transcript.lastIndexOf(LAST_ANSWER)));
}

function writePair({ prompt, chosen, rejected }: DataRecord & { kind: "preference" }): WrittenRow {
  const context = promptMessages(prompt);
  const turns = [...context, ...completionMessages(chosen), ...completionMessages(rejected)];
  if (turns.some(({ role }) => role !== "user" && role !== "assistant"))
    return { leftOut: "a turn that is neither the user's nor the assistant's" };
  if (turns.some(({ content }) => /\n\n(Human|Assistant):/.test(content)))
    return { leftOut: "a turn whose text would be taken for the beginning of another turn" };
  if (context.at(-1)?.role === "assistant")
    return { leftOut: "a prompt that ends with the assistant's turn" };
  const text = (messages: readonly Message[]): string =>
    messages
      .map(({ role, content }) => `\n\n${role === "user" ? "Human" : "Assistant"}: ${content}`)
      .join("");
  return {
    row: {
      chosen: text([...context, ...completionMessages(chosen)]),
      rejected: text([...context, ...completionMessages(rejected)]),
    },
  };
}
