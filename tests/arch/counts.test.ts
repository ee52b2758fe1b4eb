import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../../src");
/** What commands, trainers and reports count; sizes in bytes and limits are never 1. */
const NOUNS = [
  "steps|rows|pairs|tokens|answers|epochs|prompts|examples|records|requests|turns|checkpoints",
  "principles",
].join("|");
const COUNTS = String.raw`length|size|[cC]ount|rows|steps|total|event\.\w+|pairs|prompts|answers`;
/** A count beside a plural, `${n} steps`: not a constant, and not a limit. */
const WRITTEN = new RegExp(
  [
    String.raw`(?<!at most |more than |fewer than )`,
    String.raw`\$\{(?!countOf|short|mean|formatShort)[^{}\`]*(?:${COUNTS})\)*\}`,
    String.raw` (?:${NOUNS})\b`,
  ].join(""),
);

/** Messages for those who write attune, where a number may stand beside a plural. */
const EXEMPT = /"internal"|RangeError|TemplateError|new ThriftError/;

test("counts are written by one helper, which knows what 1 of them is called", () => {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.includes("testing"),
  );
  const found = files.flatMap((name) =>
    readFileSync(join(root, name), "utf8")
      .split("\n")
      .flatMap((line, index, lines) =>
        WRITTEN.test(line) && !EXEMPT.test(lines.slice(Math.max(0, index - 2), index + 1).join(" "))
          ? [`${name}:${index + 1}: ${WRITTEN.exec(line)![0]}`]
          : [],
      ),
  );
  expect(found).toEqual([]);
});
