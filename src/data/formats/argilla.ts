/**
 * Argilla's exports, version 2: nested as `records.to_json` writes them, and flat as
 * `records.to_list(flatten=True)`, `to_datasets` and the Hub have them. Names of fields and
 * questions are the project's own (foreign-tools.ts).
 * Source: argilla 2.8.0, records/_io (scripts/golden/argilla_export.py).
 */
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { Answered, ForeignRow } from "./foreign-tools.ts";
import { foreignRecords } from "./foreign-tools.ts";
import type { DataFormat, Notes } from "./format.ts";
import { BAD_ROWS } from "../bad-row.ts";

/** Of a flat record. */
const RESPONSES = ".responses";
const SUGGESTION = ".suggestion";
const OWN = new Set(["id", "status", "_server_id", "vectors", "inserted_at", "updated_at"]);

const isNested = ({ columns }: Row): boolean =>
  column.asObject(columns["fields"]) !== undefined &&
  column.asObject(columns["responses"]) !== undefined;
const flatQuestions = ({ columns }: Row): string[] =>
  Object.keys(columns).flatMap((name) =>
    name.endsWith(RESPONSES) && `${name}.users` in columns
      ? [name.slice(0, -RESPONSES.length)]
      : [],
  );

export const argilla: DataFormat = {
  name: "argilla",
  title: "Argilla's export: records with the responses of several people",
  shapes: [
    {
      kind: "preference",
      required: ["fields", "responses"],
      optional: ["suggestions", "vectors", "_server_id"],
    },
  ],
  metadata: ["status"],
  knowsAllColumns: true,
  leavesOut: [BAD_ROWS.noPrompt],
  detect: (row) => isNested(row) || flatQuestions(row).length > 0,
  read: (row, notes) => readArgilla(row, notes)[0]!,
  readAll: readArgilla,
  writes: [],
  keeps: [],
};

function readArgilla(row: Row, notes: Notes) {
  return foreignRecords(isNested(row) ? nested(row) : flat(row, notes), row, notes);
}

function nested({ columns }: Row): ForeignRow {
  const { fields, responses, suggestions, metadata, id } = columns;
  const people = new Map<string, Map<string, unknown>>();
  for (const [question, given] of Object.entries(column.asObject(responses) ?? {}))
    for (const each of Array.isArray(given) ? given : []) {
      const { value, user_id: user } = column.asObject(each) ?? {};
      answer(people, String(user), { question, value });
    }
  return {
    fields: column.asObject(fields) ?? {},
    answered: [
      ...peopleOf(people),
      ...suggested(
        Object.entries(column.asObject(suggestions) ?? {}).map(([question, each]) => [
          question,
          column.asObject(each)?.["value"],
        ]),
      ),
    ],
    extra: { ...column.asObject(metadata), ...(id === undefined ? {} : { id }) },
  };
}

function flat(row: Row, notes: Notes): ForeignRow {
  const { columns } = row;
  const people = new Map<string, Map<string, unknown>>();
  const questions = flatQuestions(row);
  for (const question of questions) {
    const list = (end: string): readonly unknown[] => {
      const found = columns[`${question}${RESPONSES}${end}`];
      return Array.isArray(found) ? found : [];
    };
    const [values, users, states] = [list(""), list(".users"), list(".status")];
    for (const [n, value] of values.entries()) {
      const state = states[n] ?? "submitted";
      if (state === "submitted") answer(people, String(users[n]), { question, value });
      else notes.note(`answers that are ${state === "draft" ? "drafts" : String(state)}`);
    }
  }
  const named = (name: string): boolean =>
    /\.(responses|suggestion)(\.(users|status|score|agent))?$/.test(name) || OWN.has(name);
  const texts = Object.entries(columns).filter(
    ([name, value]) => !named(name) && value !== null && value !== undefined,
  );
  const { id } = columns;
  return {
    fields: Object.fromEntries(texts),
    answered: [
      ...peopleOf(people),
      ...suggested(
        Object.entries(columns).flatMap(([name, value]) =>
          name.endsWith(SUGGESTION) ? [[name.slice(0, -SUGGESTION.length), value]] : [],
        ),
      ),
    ],
    extra: id === undefined || id === null ? {} : { id },
  };
}

function answer(
  people: Map<string, Map<string, unknown>>,
  user: string,
  { question, value }: { question: string; value: unknown },
): void {
  const own = people.get(user) ?? new Map<string, unknown>();
  people.set(user, own);
  if (value !== null && value !== undefined) own.set(question, value);
}

const peopleOf = (people: ReadonlyMap<string, Map<string, unknown>>): Answered[] =>
  [...people].map(([annotator, values]) => ({ annotator, values }));

/** What a model suggested, as nobody's answer. */
function suggested(given: readonly (readonly unknown[])[]): Answered[] {
  const values = new Map(
    given.filter(([, value]) => value !== null && value !== undefined) as [string, unknown][],
  );
  return values.size === 0 ? [] : [{ values }];
}
