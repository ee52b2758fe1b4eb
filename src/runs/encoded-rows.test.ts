import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hashRows } from "./encoded-rows.ts";
import { Run } from "./run.ts";

const rows = [
  { ids: Int32Array.of(1, 2, 3), supervised: Uint8Array.of(0, 1, 1) },
  [Int32Array.of(4)],
];

test("rows are told apart by ids, masks and where they end, not by what was computed from them", () => {
  const hash = (changed: unknown): string => hashRows([changed]).hash;
  expect(hash({ ids: Int32Array.of(1, 2), value: Float32Array.of(1) })).toBe(
    hash({ ids: Int32Array.of(1, 2), value: Float32Array.of(2) }),
  );
  const different = [
    { ids: Int32Array.of(1, 2) },
    { ids: Int32Array.of(1, 3) },
    [Int32Array.of(1), Int32Array.of(2)],
    { ids: Int32Array.of(1, 2), mask: Uint8Array.of(1, 1) },
    { ids: Int32Array.of(1, 2), mask: Uint8Array.of(0, 1) },
  ];
  expect(new Set(different.map(hash)).size).toBe(different.length);
  expect(hashRows(rows)).toMatchObject({ rows: 2, tokens: 4 });
});

test("a run that goes on refuses rows that are encoded differently", async () => {
  const folder = join(mkdtempSync(join(tmpdir(), "attune-rows-")), "run");
  const run = Run.create(folder, {
    command: "test",
    seed: 1,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
  });
  run.keepRows(hashRows(rows));
  run.close();
  const { run: again } = await Run.open(folder);
  again.keepRows(hashRows(rows));
  expect(() => again.keepRows(hashRows([{ ids: Int32Array.of(1, 2, 9) }]))).toThrow(
    new RegExp(
      "rows are encoded differently from when the run began" +
        String.raw`\n {2}got: 1 row, 3 tokens, [0-9a-f]{12}` +
        String.raw`\n {2}expected: 2 rows, 4 tokens`,
    ),
  );
  again.close();
});
