/**
 * Anthropic's HH transcripts: `chosen` and `rejected` are whole dialogues with `\n\nHuman:` and `\n\nAssistant:` turns.
 * Source: anthropics/hh-rlhf README (Bai et al. 2022). A few rows differ before their last turn; the longest common
 * beginning is then the prompt, and what follows belongs to the answers.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { ErrorPlace } from "../../core/errors.ts";
import type { Message } from "../../text/messages.ts";
import type { Row } from "../rows.ts";
import * as column from "./columns.ts";
import type { DataFormat } from "./format.ts";

const TURN = /\n\n(Human|Assistant):/g;

function parseTranscript(transcript: string, name: string, place: ErrorPlace): Message[] {
  const marks = [...transcript.matchAll(TURN)];
  if (marks.length === 0 || marks[0]!.index !== 0) throw new AttuneError("data", `the column ${name} is no transcript`, { ...place, got: preview(transcript, 60), expected: "a dialogue that starts with \\n\\nHuman:" });
  return marks.map((mark, index): Message => {
    const end = marks[index + 1]?.index ?? transcript.length;
    return { role: mark[1] === "Human" ? "user" : "assistant", content: transcript.slice(mark.index + mark[0].length, end).trim() };
  });
}

const sameTurn = (a: Message | undefined, b: Message | undefined): boolean => a !== undefined && b !== undefined && a.role === b.role && a.content === b.content;

export const anthropicHh: DataFormat = {
  name: "anthropic-hh",
  columns: ["chosen", "rejected"],
  metadata: [],
  detect: ({ columns }) => typeof columns["chosen"] === "string" && columns["chosen"].startsWith("\n\nHuman:"),
  read(row: Row) {
    const [chosen, rejected] = (["chosen", "rejected"] as const).map((name) => parseTranscript(column.text(row, name), name, row.place)) as [Message[], Message[]];
    let common = 0;
    while (common < Math.min(chosen.length, rejected.length) - 1 && sameTurn(chosen[common], rejected[common])) common++;
    // An answer must begin with the assistant: a common last turn by the assistant goes to the answers.
    while (common > 0 && chosen[common - 1]!.role === "assistant") common--;
    if (common === 0) throw new AttuneError("data", "chosen and rejected have no turn in common", { ...row.place, expected: "two dialogues that share their first turns" });
    return { kind: "preference", prompt: chosen.slice(0, common), chosen: chosen.slice(common), rejected: rejected.slice(common), p: 1, place: row.place };
  },
};
