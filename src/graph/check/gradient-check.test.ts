/** The harness itself: a wrong output, a wrong gradient or a NaN must not pass. */
import { expect, test } from "vitest";
import { float32 } from "../../core/tensor.ts";
import { Session } from "../../runtime/session.ts";
import { difference } from "./compare.ts";
import type { CheckOptions } from "./gradient-check.ts";
import { checkSample } from "./gradient-check.ts";
import { fromHost } from "../interpreter/plain.ts";
import { samplesOf } from "./samples.ts";

/** Sessions whose result of the given name has its last entry changed. */
function tampering(name: string, change: (entry: number) => number): CheckOptions["compile"] {
  return async (graph, outputs) => {
    const session = await Session.create(graph, outputs, { device: "cpu", threads: 1 });
    return {
      run: async (feeds) => {
        const results = await session.run(feeds);
        const data = results[name]!.data as Float32Array;
        data[data.length - 1] = change(data.at(-1)!);
        return results;
      },
      close: () => session.close(),
    };
  };
}

const sample = samplesOf("multiply").find(({ name }) => name === "a row")!;
const check = (name: string, change: (entry: number) => number): Promise<string[]> =>
  checkSample("multiply", sample, { compile: tampering(name, change) });

test("an untouched session passes", async () => {
  expect(await check("output 0", (x) => x)).toEqual([]);
});

test("a wrong output is named with op, sample, sizes and index", async () => {
  const [first] = await check("output 0", (x) => x + 1e-3);
  expect(first).toMatch(
    new RegExp(
      String.raw`^multiply, a row, sizes \{"n":2,"m":3\}: output 0: 1 of 6 differ; worst at ` +
        String.raw`\[1, 2\]: got .*, want .* \(difference 0\.00[01]`,
    ),
  );
});

test.each([
  ["a flipped sign", (x: number) => -x],
  ["an error of 1e-3", (x: number) => x + 1e-3],
  ["a NaN", () => NaN],
  ["an infinity", () => Infinity],
])("a gradient with %s fails", async (_, change) => {
  const complaints = await check("gradient of input 1", change);
  expect(complaints.join("\n")).toMatch(/gradient of input 1: 1 of 3 differ; worst at \[2\]/);
  expect(complaints.join("\n")).toMatch(/directional derivative/);
});

test("a gradient that depends on what else is asked for fails", async () => {
  expect((await check("gradient of input 0 alone", (x) => x + 1e-3)).join("\n")).toMatch(
    /gradient of input 0 asked for alone/,
  );
});

test("tensors that differ are shown with their worst index and first pairs", () => {
  const got = fromHost(float32([2, 3], [1, 2, 3, 4, 5, 6]));
  const want = fromHost(float32([2, 3], [1, 2.5, 3, 4, 5, 8]));
  expect(difference(got, got, { tolerance: 0 })).toBeUndefined();
  expect(difference(got, want, { tolerance: 0.01 })).toBe(
    "2 of 6 differ; worst at [1, 2]: got 6, want 8 (difference 2); first got / want: 1 / 1, 2 / " +
      "2.5, 3 / 3, 4 / 4, 5 / 5",
  );
  expect(difference(got, fromHost(float32([6], [1, 2, 3, 4, 5, 6])), { tolerance: 1 })).toBe(
    "got float32[2, 3], want float32[6]",
  );
  const open = fromHost(float32([2, 3], [1, 2, 3, 4, 5, NaN]));
  expect(difference(got, open, { tolerance: 0, open: true })).toBeUndefined();
  expect(difference(got, open, { tolerance: 1 })).toMatch(/want NaN/);
});
