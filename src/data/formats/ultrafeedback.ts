/**
 * UltraFeedback binarized: `prompt` is a text, `chosen` and `rejected` are whole conversations that
 * begin with it, and `messages` repeats chosen. Chosen has the best overall score; rejected is a
 * random other answer, so the scores may be equal: such a pair is a tie.
 * Source: HuggingFaceH4/ultrafeedback_binarized, data set card.
 */
import type { Message } from "../../text/messages.ts";
import type { PreferenceRecord } from "../records.ts";
import { compact } from "../records.ts";
import * as column from "./columns.ts";
import type { DataFormat } from "./format.ts";
import { withBetterAsChosen, extraOf, hasColumns, TIE } from "./format.ts";
import {
  completionMessages,
  plainMessages,
  promptMessages,
  readMessages,
  sameMessage,
} from "./messages.ts";
import { splitConversations } from "./pairs.ts";
import { TRL_PARTS } from "./trl.ts";

const sameTurns = (a: readonly Message[], b: readonly Message[]): boolean =>
  a.length === b.length && a.every((turn, index) => sameMessage(turn, b[index]));

export const ultrafeedback: DataFormat = {
  name: "ultrafeedback",
  title: "UltraFeedback binarized: conversations with scores",
  shapes: [
    {
      kind: "preference",
      required: ["prompt", "chosen", "rejected"],
      optional: ["score_chosen", "score_rejected"],
    },
  ],
  metadata: ["prompt_id", "source"],
  derived: ["messages"],
  detect: (row) =>
    typeof row.columns["prompt"] === "string" &&
    Array.isArray(row.columns["chosen"]) &&
    (hasColumns(row, "messages") || hasColumns(row, "score_chosen", "score_rejected")),
  read(row, notes) {
    const [best, other] = [
      column.optionalNumber(row, "score_chosen"),
      column.optionalNumber(row, "score_rejected"),
    ];
    const chosen = readMessages(row, "chosen", notes);
    if (
      chosen.find(({ role }) => role === "user")?.content.trim() !==
      column.text(row, "prompt").trim()
    )
      notes.note("the column prompt, which is not how chosen begins");
    if (hasColumns(row, "messages") && !sameTurns(chosen, readMessages(row, "messages", notes)))
      notes.note("the column messages, which is not what chosen says");
    const pair = splitConversations(chosen, readMessages(row, "rejected", notes), row.place);
    const scores = compact({ score_chosen: best, score_rejected: other });
    const extra = { ...extraOf(row, ultrafeedback), ...scores };
    return compact({
      kind: "preference" as const,
      ...pair,
      p: best !== undefined && best === other ? 0.5 : 1,
      extra: Object.keys(extra).length > 0 ? extra : undefined,
      place: row.place,
    }) as PreferenceRecord;
  },
  writes: ["preference"],
  keeps: [],
  keepsParts: TRL_PARTS,
  keepsTies: true,
  keepsExtra: ["prompt_id", "score_chosen", "score_rejected"],
  loses: ["ties without scores"],
  write(record) {
    const { p, extra } = record as PreferenceRecord;
    // a tie stays one where equal scores say so
    const isEqual =
      p === 0.5 &&
      extra?.["score_chosen"] !== undefined &&
      extra["score_chosen"] === extra["score_rejected"];
    const decided = isEqual
      ? (record as PreferenceRecord)
      : withBetterAsChosen(record as PreferenceRecord);
    if (decided === undefined) return { leftOut: TIE };
    const turns = promptMessages(decided.prompt);
    const question = turns.find(({ role }) => role === "user");
    if (question === undefined) return { leftOut: "a prompt without a turn of the user" };
    const chosen = plainMessages([...turns, ...completionMessages(decided.chosen)], TRL_PARTS);
    const rejected = plainMessages([...turns, ...completionMessages(decided.rejected)], TRL_PARTS);
    const { prompt_id, score_chosen, score_rejected } = extra ?? {};
    const scores =
      decided === record
        ? { score_chosen, score_rejected }
        : { score_chosen: score_rejected, score_rejected: score_chosen };
    return {
      row: compact({
        prompt: question.content,
        prompt_id,
        chosen,
        rejected,
        messages: chosen,
        ...scores,
      }),
    };
  },
};
