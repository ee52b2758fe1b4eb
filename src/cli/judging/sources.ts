/** What is compared: models that answer, and answers that are there already. */
import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { isAnswersPath, placeOfAnswers, readAnswers } from "../../evaluation/answer-files/read.ts";
import type { AnswerSet } from "../../evaluation/compare/answer-set.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import { shellWord } from "../display/words.ts";

/** A model that has to be asked. */
export interface ModelSource {
  kind: "model";
  name: string;
  /** As it was given. */
  model: string;
}

export interface AnswersSource {
  kind: "answers";
  name: string;
  set: AnswerSet;
}

export type Source = ModelSource | AnswersSource;

export interface Sources {
  /** In the order in which they were given; those of one file together. */
  sources: Source[];
  votes: PreferenceRecord[];
  metrics: string[];
  /** What was left out of files or guessed. */
  notes: string[];
}

/**
 * Reads what is there, and names everything.
 * @param options metric: the score that answers are read for
 * @throws AttuneError `data`, `usage`
 */
export async function readSources(
  given: readonly string[],
  { names, metric }: { names: readonly string[]; metric: string | undefined },
): Promise<Sources> {
  const found: Omit<Sources, "sources"> & { sources: Source[] } = {
    sources: [],
    votes: [],
    metrics: [],
    notes: [],
  };
  for (const each of given) {
    if (!isAnswersPath(placeOfAnswers(each))) {
      found.sources.push({ kind: "model", name: nameOfModel(each), model: each });
      continue;
    }
    const read = await readAnswers(each, { metric });
    if (read.sets.length === 0)
      throw new AttuneError("data", "the file names no model that wrote its answers", {
        file: each,
        hint: "it can judge other answers: --judge votes:FILE",
      });
    found.votes.push(...read.votes);
    found.metrics.push(...read.metrics.filter((name) => !found.metrics.includes(name)));
    found.notes.push(...read.notes);
    if (read.sets.length > 2) {
      const [one, other] = read.sets.map((set) => shellWord(`${each}#${set.name}`));
      found.notes.push(
        `${each} holds answers of ${countOf(read.sets.length, "model")}, compared where all of ` +
          `them answered (of --judge votes alone, where any two did); two alone: ${one!} ${other!}`,
      );
    }
    for (const set of read.sets) found.sources.push({ kind: "answers", name: set.name, set });
  }
  return { ...found, sources: named(found.sources, names) };
}

/** `dpo` of `runs/dpo`, `model` of `model.gguf`, `gpt-4o` of `openai:gpt-4o`. */
export function nameOfModel(model: string): string {
  if (model.startsWith(SERVER_PREFIX)) return model.slice(SERVER_PREFIX.length);
  const path = existsSync(model) ? resolve(model) : model;
  const own = basename(path);
  // the folder of a run's result says nothing
  const name = own === "model" ? basename(dirname(path)) : own;
  return name.replace(/\.(gguf|safetensors)$/i, "");
}

function named(sources: readonly Source[], names: readonly string[]): Source[] {
  if (names.length > 0 && names.length !== sources.length)
    throw new AttuneError("usage", "--names names another number of models", {
      got: `${names.length}`,
      expected: `${sources.length}: ${sources.map(({ name }) => name).join(", ")}`,
    });
  const wanted = sources.map(({ name }, index) => inOneLine(names[index] ?? name));
  return sources.map((source, index) => {
    const twice = wanted.filter((name) => name === wanted[index]).length > 1;
    const name = twice && names.length === 0 ? longer(source, sources, index) : wanted[index]!;
    return source.kind === "model"
      ? { ...source, name }
      : { ...source, name, set: { ...source.set, name } };
  });
}

/** A name stands in sentences and tables. */
const inOneLine = (name: string): string => name.replaceAll(/\s+/g, " ").trim() || "unnamed";

/** Two of one name are told apart by where they lie. */
function longer(source: Source, sources: readonly Source[], index: number): string {
  const place = placeOf(source);
  const parent = basename(dirname(resolve(place)));
  const name = `${parent}/${source.name}`;
  const clash = sources.some(
    (other, at) =>
      at !== index &&
      other.name === source.name &&
      basename(dirname(resolve(placeOf(other)))) === parent,
  );
  return clash ? `${source.name} (${index + 1})` : name;
}

const placeOf = (source: Source): string =>
  source.kind === "model" ? source.model : source.set.source.replace(/#.*$/, "");
