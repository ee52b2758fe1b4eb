/**
 * What holds for all tests (docs/decisions/tests.md): dear files are marked as such, and none has a
 * limit of its own.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../support/shared.ts";

const files = ["src", "tests"].flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(folder, name)),
);
const textOf = (file: string): string => readFileSync(join(repositoryRoot, file), "utf8");

test("a file named slow carries the tag by which it is run, and no other does", () => {
  expect(files.length).toBeGreaterThan(100);
  const tagged = files.filter((file) => /^ \* @module-tag dear$/m.test(textOf(file)));
  expect(tagged.toSorted()).toEqual(
    files.filter((file) => file.endsWith(".slow.test.ts")).toSorted(),
  );
});

test("no test has a limit of time of its own: a loaded machine would reach it", () => {
  const limited = files.filter((file) =>
    new RegExp(
      String.raw`^\s*\}, (?:\d+_\d{3}|\d{5,})\);$|[{,] timeout: (?:\d{1,3}_\d{3}|\d{1,6}) ` +
        String.raw`\}, (?:async|\()|\bwaitFor\(|\bsetConfig\(\{ testTimeout`,
      "m",
    ).test(textOf(file)),
  );
  expect(limited.filter((file) => !file.endsWith(join("arch", "tests.test.ts")))).toEqual([]);
});
