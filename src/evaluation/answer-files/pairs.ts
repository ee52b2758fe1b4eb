/**
 * Pairs of answers with the models' names and a vote: Chatbot Arena's battles, AlpacaEval's
 * annotations, attune's own preferences with `models`. They hold both models' answers and what
 * somebody said of them.
 */
import { BadRow } from "../../data/bad-row.ts";
import { alpacaEval } from "../../data/formats/alpaca-eval.ts";
import { arena140k, arena33k } from "../../data/formats/arena.ts";
import { attune } from "../../data/formats/attune.ts";
import type { DataFormat } from "../../data/formats/format.ts";
import { hasColumns } from "../../data/formats/format.ts";
import { readRecord, refuseUnreadable } from "../../data/formats/index.ts";
import type { Row } from "../../data/readers/row.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { completionText } from "../../text/messages.ts";
import { promptIdentity } from "../compare/match.ts";
import type { AnswerFormat, FileToRead, ReadFile } from "./format.ts";
import { Answers, nothingToRead } from "./format.ts";
import { noteOn } from "./attune.ts";

const pairsOf = (
  format: DataFormat,
  title: string,
  detect: (row: Row) => boolean = (row) => format.detect(row),
): AnswerFormat => ({
  name: format.name,
  title,
  needs: format.shapes[0]!.required.join(", "),
  detect,
  read: (file) => readPairs(format, file),
});

/** Source: docs of the formats in data/formats/. */
export const PAIR_FORMATS: readonly AnswerFormat[] = [
  pairsOf(alpacaEval, "AlpacaEval's annotations: two models' answers and a preference"),
  pairsOf(arena140k, "Arena battles with sessions: two models' answers and a vote"),
  pairsOf(arena33k, "Chatbot Arena battles: two models' answers and a vote"),
  pairsOf(attune, "attune's preferences with the models that wrote them", (row) =>
    hasColumns(row, "chosen", "rejected"),
  ),
];

/** Columns that are not looked at. */
const NONE: ReadonlySet<string> = new Set();

function readPairs(format: DataFormat, { file, rows, notes }: FileToRead): ReadFile {
  const answers = new Answers();
  const votes: PreferenceRecord[] = [];
  for (const row of rows) {
    try {
      refuseUnreadable(row, format, NONE);
      const record = readRecord(row, format, noteOn(notes, row));
      if (record.kind === "preference") votes.push(record);
      else
        notes.count(`left out: rows that are no pairs but of the kind ${record.kind}`, row.place);
    } catch (error) {
      if (!(error instanceof BadRow)) throw error;
      notes.count(`left out: ${error.message}`, error.place);
    }
  }
  const battles = battlesOf(votes);
  for (const { vote, key } of battles) {
    const { prompt, chosen, rejected, models, cluster, extra, place } = vote;
    const more = {
      ...(key === undefined ? {} : { key }),
      ...(cluster === undefined ? {} : { cluster }),
      ...(extra === undefined ? {} : { columns: extra }),
      place,
    };
    const add = (model: string, text: string): void => {
      // with a key it stands there once for each battle
      if (key === undefined) answers.addOnce(model, { prompt, text, ...more });
      else answers.add(model, { prompt, text, ...more });
    };
    add(models.chosen, completionText(chosen));
    add(models.rejected, completionText(rejected));
  }
  if (votes.length === 0) nothingToRead(file, "the file holds no pair of answers");
  const nameless = votes.filter(({ models }) => models === undefined);
  for (const { place } of nameless)
    notes.count(
      "pairs that do not name their models: they are votes, and no model's answers",
      place,
    );
  const order = modelOrder(
    battles.map(({ vote }) => vote),
    notes,
  );
  return {
    answers: new Map(order.map((name) => [name, answers.byModel.get(name)!])),
    votes,
    metrics: [],
  };
}

type NamedVote = PreferenceRecord & { models: { chosen: string; rejected: string } };

/** Votes on the same two answers are one battle. */
function battlesOf(votes: readonly PreferenceRecord[]): { vote: NamedVote; key?: string }[] {
  const byPrompt = new Map<string, Map<string, NamedVote>>();
  for (const vote of votes) {
    if (vote.models === undefined) continue;
    const prompt = promptIdentity(vote.prompt);
    const battles = byPrompt.get(prompt) ?? new Map<string, NamedVote>();
    byPrompt.set(prompt, battles);
    const sides = JSON.stringify(textsOf(vote as NamedVote).toSorted());
    if (!battles.has(sides)) battles.set(sides, vote as NamedVote);
  }
  return [...byPrompt].flatMap(([prompt, battles]) => {
    const all = [...battles.values()];
    const texts = new Set(all.flatMap(textsOf));
    const models = new Set(all.flatMap(({ models: { chosen, rejected } }) => [chosen, rejected]));
    // a model with several answers: those that were voted on stand beside each other
    return texts.size > models.size
      ? all.map((vote, i) => ({ vote, key: `${prompt} (battle ${i + 1})` }))
      : all.map((vote) => ({ vote }));
  });
}

/** Model and text of both sides. */
const textsOf = ({ models, chosen, rejected }: NamedVote): string[] => [
  JSON.stringify([models.chosen, completionText(chosen)]),
  JSON.stringify([models.rejected, completionText(rejected)]),
];

/** The first is the baseline: whoever stands first in every pair, and never whoever lost. */
function modelOrder(votes: readonly NamedVote[], notes: FileToRead["notes"]): string[] {
  const sides = votes.map(({ side, models: { chosen, rejected } }) =>
    side === "second" ? ([rejected, chosen] as const) : ([chosen, rejected] as const),
  );
  const names = [...new Set(sides.flat())];
  const firsts = new Set(sides.map(([first]) => first));
  if (firsts.size === 1 && votes.every(({ side }) => side !== undefined)) return names;
  const sorted = names.toSorted();
  if (sorted.length > 1)
    notes.say(
      `no model stands first in every pair: the baseline is the first in the alphabet, ${sorted[0]!}`,
    );
  return sorted;
}
