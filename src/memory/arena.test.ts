import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Arena, arenaBytes } from "./arena.ts";
import type { MemoryStep } from "./liveness.ts";
import { peakBytes } from "./testing.ts";

const MiB = 2 ** 20;

describe("an arena, by hand", () => {
  test("sizes are rounded to 256 bytes, of which only what is asked for is touched", () => {
    const arena = new Arena();
    const [a, b] = [arena.take(1), arena.take(300)];
    expect([a.size, b.start, b.size]).toEqual([256, 256, 512]);
    expect(arena.touchedBytes).toBe(301);
  });

  test("the first region is of 1 MiB; the next is twice as large; what is larger than that gets the next power of two", () => {
    const arena = new Arena();
    const sizes = [MiB, MiB, 3 * MiB, 3 * MiB, 100].map((bytes) => arena.take(bytes));
    expect(arena.regionBytes).toEqual([MiB, 2 * MiB, 4 * MiB, 8 * MiB]);
    // what 1 of 2 MiB left
    expect(sizes[4]).toMatchObject({ region: sizes[1]!.region, start: MiB });
    arena.take(60 * MiB);
    arena.take(60 * MiB);
    expect(arena.regionBytes.slice(4)).toEqual([64 * MiB, 64 * MiB]);
  });

  test("regions do not grow above 1 GiB by themselves", () => {
    const arena = new Arena();
    for (const bytes of [300 * MiB, 500 * MiB, 500 * MiB, 500 * MiB]) arena.take(bytes);
    expect(arena.regionBytes).toEqual([512 * MiB, 512 * MiB, 512 * MiB, 512 * MiB]);
  });

  test("a chunk is split from twice the size on", () => {
    const arena = new Arena();
    const whole = arena.take(MiB / 2 + 256);
    expect(whole.size).toBe(MiB);
    arena.give(whole);
    const half = arena.take(MiB / 2);
    expect([half.size, arena.take(MiB / 2).start]).toEqual([MiB / 2, MiB / 2]);
  });

  test("a chunk of which 128 MiB would be unused is split, whatever its size", () => {
    const arena = new Arena();
    arena.give(arena.take(512 * MiB));
    expect(arena.take(384 * MiB).size).toBe(384 * MiB);
    const other = new Arena();
    other.give(other.take(512 * MiB));
    expect(other.take(384 * MiB + 256).size).toBe(512 * MiB);
  });

  test("the smallest chunk that fits is taken; of equal ones, that in the region made last", () => {
    const arena = new Arena();
    const [a, b, c] = [arena.take(MiB), arena.take(2 * MiB), arena.take(4 * MiB)];
    for (const chunk of [a, b, c]) arena.give(chunk);
    const fitting = arena.take(1.5 * MiB);
    expect(fitting.region).toBe(b.region);
    const equal = new Arena();
    const [first, second] = [equal.take(3 * MiB), equal.take(3 * MiB)];
    equal.give(first);
    equal.give(second);
    expect(equal.take(3 * MiB).region).toBe(second.region);
  });

  test("neighbours that are free become one", () => {
    const arena = new Arena();
    const parts = [0, 1, 2, 3].map(() => arena.take(MiB / 4));
    arena.give(parts[0]!);
    arena.give(parts[2]!);
    arena.give(parts[1]!);
    const [joined, rest] = parts[0]!.region.chunks;
    expect([joined!.start, joined!.size, joined!.free, rest!.start, rest!.free]).toEqual([
      0,
      (3 * MiB) / 4,
      true,
      (3 * MiB) / 4,
      false,
    ]);
    arena.give(parts[3]!);
    expect(parts[0]!.region.chunks.map(({ size }) => size)).toEqual([MiB]);
  });

  test("what was written twice counts once", () => {
    const arena = new Arena();
    for (const bytes of [100, 1000, 600]) arena.give(arena.take(bytes));
    expect(arena.touchedBytes).toBe(1000);
  });
});

describe("bytes of a session's runs", () => {
  const [a, b, c] = [{ bytes: "n" }, { bytes: 2 * MiB }, { bytes: "n" }];

  test("values that follow each other share memory", () => {
    const steps: MemoryStep[] = [
      { taken: [a], freed: [] },
      { taken: [b], freed: [a] },
      { taken: [c], freed: [b] },
    ];
    expect(arenaBytes(steps, { n: 1000 })).toBe(1000 + 2 * MiB);
  });

  test("runs of several sizes leave what the largest needed", () => {
    const steps: MemoryStep[] = [{ taken: [a], freed: [a] }];
    expect(arenaBytes(steps, { n: 1000 }, { n: 5000 })).toBe(5000);
    expect(arenaBytes(steps, { n: 5000 }, { n: 1000 })).toBe(5000);
  });

  test("a later run may write where the first did not", () => {
    // what needs more than half of a region of 4 MiB takes it whole, so the small value opens
    // another, which is as good in the next run
    const large = { bytes: 2 * MiB + 256 };
    const filled = { bytes: MiB };
    const steps: MemoryStep[] = [
      { taken: [filled], freed: [] },
      { taken: [large], freed: [] },
      { taken: [{ bytes: 256 }], freed: [large] },
    ];
    expect(arenaBytes(steps, {})).toBe(MiB + 2 * (2 * MiB + 256));
  });
});

/** Takes bytes, or gives back the chunk of this place among those that are taken. */
const actions = fc.array(
  fc.oneof(
    fc.record({ take: fc.integer({ min: 1, max: 5 * MiB }) }),
    fc.record({ give: fc.nat() }),
  ),
  { maxLength: 60 },
);

describe("whatever is taken and given back", () => {
  test("chunks lie side by side, those in use hold what was asked for, and what is touched is at least what was in use at once", () => {
    fc.assert(
      fc.property(actions, (all) => {
        const arena = new Arena();
        const used: { chunk: ReturnType<Arena["take"]>; bytes: number }[] = [];
        let peak = 0;
        for (const action of all) {
          if ("take" in action) used.push({ chunk: arena.take(action.take), bytes: action.take });
          else if (used.length > 0) arena.give(used.splice(action.give % used.length, 1)[0]!.chunk);
          peak = Math.max(
            peak,
            used.reduce((total, { bytes }) => total + bytes, 0),
          );
          for (const region of new Set(used.map(({ chunk }) => chunk.region))) {
            let end = 0;
            for (const chunk of region.chunks) {
              expect(chunk.start).toBe(end);
              end += chunk.size;
            }
          }
          for (const { chunk, bytes } of used) {
            expect(chunk.free).toBe(false);
            expect(chunk.region.chunks).toContain(chunk);
            expect(chunk.size).toBeGreaterThanOrEqual(bytes);
          }
        }
        expect(arena.touchedBytes).toBeGreaterThanOrEqual(peak);
        expect(arena.touchedBytes).toBeLessThanOrEqual(
          arena.regionBytes.reduce((total, bytes) => total + bytes, 0),
        );
      }),
    );
  });

  test("a session's arena holds at least the peak of its values", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3 * MiB }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 5 }), (bytes, kept) => {
        const blocks = bytes.map((size) => ({ bytes: size }));
        const steps = blocks.map((block, i): MemoryStep => ({
          taken: [block],
          freed: i >= kept ? [blocks[i - kept]!] : [],
        }));
        expect(arenaBytes(steps, {})).toBeGreaterThanOrEqual(peakBytes(steps, {}));
      }),
    );
  });
});
