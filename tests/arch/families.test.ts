/** A model family is named in its file and the registry alone: everything else asks its record. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { FAMILIES } from "../../src/models/registry.ts";
import { readSources } from "../support/imports.ts";
import { repositoryRoot } from "../support/shared.ts";

/** Where a name means something else, or one family is chosen. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  // kinds of tokenizers in GGUF, and of tool calls
  llama: ["models/export/gguf-vocabulary.ts", "server/tool-grammar.ts", "quickstart/"],
  gpt2: ["models/export/gguf-vocabulary.ts"],
  mistral: ["server/"],
  qwen2: ["models/export/gguf-vocabulary.ts"],
};

test("no shipped file but its own names a family", () => {
  const shipped = readSources(join(repositoryRoot, "src")).filter(
    ({ name }) =>
      !/\.test\.ts$|(^|\/)testing(\/|\.ts$)/.test(name) &&
      // text/ speaks of tokenizers and templates, which bear names of models
      !/^(models\/families|text)\//.test(name),
  );
  expect(shipped.length).toBeGreaterThan(250);
  const names = FAMILIES.flatMap(({ modelType, otherTypes = [] }) => [modelType, ...otherTypes]);
  const named = shipped.flatMap(({ name, text }) =>
    names
      .filter(
        (family) =>
          text.includes(`"${family}"`) &&
          !ELSEWHERE[family]?.some((place) => name.startsWith(place)),
      )
      .map((family) => `${name}: ${family}`),
  );
  expect(named).toEqual([]);
});
