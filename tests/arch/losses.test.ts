/** A loss is named in its table alone: options, checks and metrics are made of what it says. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { PREFERENCE_LOSSES } from "../../src/objectives/preference.ts";
import { readSources } from "../support/imports.ts";
import { repositoryRoot } from "../support/shared.ts";

/** Where a name means something else, or the default of the option stands. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  // an operation, and the default loss
  sigmoid: ["graph/", "memory/", "onnx/", "training/offline/dpo.config.ts"],
};

test("no shipped file but the table names a loss", () => {
  const shipped = readSources(join(repositoryRoot, "src")).filter(
    ({ name }) =>
      !/\.test\.ts$|(^|\/)testing(\/|\.ts$)/.test(name) && name !== "objectives/preference.ts",
  );
  expect(shipped.length).toBeGreaterThan(300);
  const named = shipped.flatMap(({ name, text }) =>
    PREFERENCE_LOSSES.filter(
      (loss) =>
        text.includes(`"${loss}"`) && !ELSEWHERE[loss]?.some((place) => name.startsWith(place)),
    ).map((loss) => `${name}: ${loss}`),
  );
  expect(named).toEqual([]);
});
