import { describe, expect, it } from "vitest";
import { type RunCurve, runCurves } from "../../report/run-curves.ts";
import type { RunDetails } from "../../runs/compare.ts";
import { plotCurve, plotCurves, showsUnicode } from "./plot.ts";

type Points = readonly (readonly [step: number, value: number])[];

const curveOf = (training: Points, heldOut: Points = [], name = "loss"): RunCurve => {
  const series = [
    [name, training],
    [`eval_${name}`, heldOut],
  ] as const;
  const entries = series
    .filter(([, points]) => points.length > 0)
    .map(([each, points]) => [each, points.map(([step, value]) => ({ step, value }))] as const);
  return runCurves({ series: new Map(entries) } as unknown as RunDetails).main[0]!;
};
const fromOne = (values: readonly number[]): Points => values.map((value, i) => [i + 1, value]);
const lines = (curve: RunCurve, { width = 40, unicode = true } = {}): string[] =>
  plotCurve(curve, { width, unicode }).split("\n");
const noisy = Array.from({ length: 100 }, (_, i) => 2 * Math.exp(-i / 30) + 0.2 * Math.sin(i * 9));

describe("a curve as text", () => {
  it("has values and steps along its axes, and held-out values as marks, in Braille", () => {
    expect(
      lines(
        curveOf(
          [
            [1, 2],
            [2, 1],
            [4, 1],
            [5, 0],
          ],
          [
            [2, 1.5],
            [5, 1],
          ],
        ),
        { width: 52 },
      ),
    ).toEqual([
      "loss (nats)             ⠒⠒ training 0   ● held-out 1",
      " 2.0 ┤⠢⢄",
      "     │  ⠉⠢⣀",
      " 1.5 ┤     ⠑⠢⣀   ●",
      "     │        ⠑⠤⡀",
      " 1.0 ┤          ⠈⠑⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠢⢄         ●",
      "     │                                    ⠉⠢⣀",
      " 0.5 ┤                                       ⠑⠢⣀",
      "     │                                          ⠑⠤⡀",
      " 0.0 ┤                                            ⠈⠑",
      "     └┬──────────┬───────────┬──────────┬──────────┬",
      "step  1          2           3          4          5",
    ]);
  });

  it("is ASCII where a terminal shows no more", () => {
    const drawn = lines(
      curveOf(
        [
          [1, 2],
          [2, 1],
          [4, 1],
          [5, 0],
        ],
        [
          [2, 1.5],
          [5, 1],
        ],
      ),
      { width: 52, unicode: false },
    );
    expect(drawn).toEqual([
      "loss (nats)             .. training 0   O held-out 1",
      " 2.0 +'..",
      "     |   '.",
      " 1.5 +     ''.   O",
      "     |        '..",
      " 1.0 +           ''''''''''''''''''''''''..        O",
      "     |                                     '.",
      " 0.5 +                                       ''.",
      "     |                                          '..",
      " 0.0 +                                             '",
      "     ++----------+-----------+----------+----------+",
      "step  1          2           3          4          5",
    ]);
    expect(drawn.join("")).toMatch(/^[ -~]*$/);
  });

  it("stands where its steps are, not evenly", () => {
    expect(
      lines(
        curveOf([
          [1, 0],
          [91, 0],
          [101, 1],
        ]),
      ),
    ).toEqual([
      "loss (nats)                ⠒⠒ training 1",
      "1.00 ┤                                 ⢰",
      "     │                                 ⡇",
      "0.75 ┤                                ⢸",
      "     │                                ⡎",
      "0.50 ┤                               ⢠⠃",
      "     │                               ⡜",
      "0.25 ┤                              ⢀⠇",
      "     │                              ⡸",
      "0.00 ┤⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠃",
      "     └────────────────┬────────────────┬",
      "step                 50              100",
    ]);
  });

  it("of one step is a mark in the middle", () => {
    expect(lines(curveOf([[7, 3]]))).toEqual([
      "loss (nats)                ⠒⠒ training 3",
      "   5 ┤",
      "     │",
      "   4 ┤",
      "     │",
      "   3 ┤                 ⣿",
      "     │",
      "   2 ┤",
      "     │",
      "   1 ┤",
      "     └─────────────────┬────────────────",
      "step                   7",
    ]);
  });

  it("of equal values is a line in the middle", () => {
    expect(lines(curveOf(fromOne([1, 1, 1])))).toEqual([
      "loss (nats)                ⠒⠒ training 1",
      "1.50 ┤",
      "     │",
      "1.25 ┤",
      "     │",
      "1.00 ┤⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒",
      "     │",
      "0.75 ┤",
      "     │",
      "0.50 ┤",
      "     └┬────────────────┬───────────────┬",
      "step  1                2               3",
    ]);
  });

  it("marks spikes at its edge instead of flattening the rest, and says how far they go", () => {
    expect(
      lines(
        curveOf(fromOne(noisy.map((value, i) => (i === 40 ? 1e9 : i === 70 ? -1e5 : value))), [
          [50, 1],
          [100, 1e8],
        ]),
      ),
    ).toEqual([
      "loss (nats)   ⠒⠒ -0.1135   ● 100,000,000",
      " 2.4 ┤             ▲                   ▲",
      "     │⢲⣆           ⢸",
      " 1.6 ┤⠈⠸⠶⣰⡄        ⢸",
      "     │   ⠹⠹⢢⡶⡀⡀⡀   ⡇⡇ ●",
      " 0.8 ┤      ⠁⠋⢳⡟⠶⣆⡄⡇⡇",
      "     │           ⠙⠉⠇⠷⠢⡟⡴⣰⢧⣰⣰⣄⡄⢠⢀⣤ ⢠⡀ ⣀ ⡀",
      " 0.0 ┤                  ⠈⠈ ⠛⠈⢸⡞⠙⠸⠋⠎⠷⠳⡟⠗⢳",
      "     │                       ⢸⠃",
      "-0.8 ┤                       ▼",
      "     └────────────────┬────────────────┬",
      "step                 50              100",
      "  3 values lie outside the chart, the",
      "  farthest at 1.00e+9",
    ]);
  });

  it("leaves out what is not finite, and shows that the last value is none", () => {
    expect(lines(curveOf(fromOne([3, NaN, 1, Infinity])))).toEqual([
      "loss (nats)         ⠒⠒ training Infinity",
      " 3.0 ┤⠒⠤⣀",
      "     │   ⠉⠒⠤⣀",
      " 2.5 ┤       ⠉⠒⠤⣀",
      "     │           ⠉⠑⠢⢄⡀",
      " 2.0 ┤               ⠈⠑⠢⢄⡀",
      "     │                   ⠈⠑⠢⠤⣀",
      " 1.5 ┤                        ⠉⠒⠤⣀",
      "     │                            ⠉⠒⠤⣀",
      " 1.0 ┤                                ⠉⠒",
      "     └┬────────────────┬───────────────┬",
      "step  1                2               3",
      "  2 values are not finite, the first at",
      "  step 2, and left out",
    ]);
    expect(lines(curveOf(fromOne([NaN, NaN])))).toEqual([
      "loss (nats)              ⠒⠒ training NaN",
      "  2 values are not finite, the first at",
      "  step 1, and left out",
    ]);
  });

  it("writes great and small values as powers of ten, and as many digits as tell them apart", () => {
    const labels = (values: readonly number[]): string[] =>
      lines(curveOf(fromOne(values))).flatMap((line) => /^ *(\S+) ┤/.exec(line)?.[1] ?? []);
    expect(labels([1.2e7, 2.5e7])).toEqual(["2.8e7", "2.4e7", "2.0e7", "1.6e7", "1.2e7"]);
    expect(labels([1e-9, 2.5e-8])).toEqual(["3.2e-8", "2.4e-8", "1.6e-8", "8e-9", "0"]);
    expect(labels([0.7654321, 0.7654324])).toEqual([
      "0.76543240",
      "0.76543232",
      "0.76543224",
      "0.76543216",
      "0.76543208",
    ]);
    expect(labels([-30, 170])).toEqual(["180", "120", "60", "0", "-60"]);
    expect(labels([0, 1])).toEqual(["1.00", "0.75", "0.50", "0.25", "0.00"]);
  });

  it.each([1, 30, 60, 80, 120])("of awkward values keeps to %i columns", (width) => {
    const awkward: Points[] = [
      [],
      [[3, NaN]],
      [
        [1, 5e-324],
        [2, 0],
      ],
      [
        [1, 1e299],
        [2, -1e300],
        [3, 5e307],
      ],
      [
        [1, -1e-310],
        [1_000_000, 2e-309],
      ],
      fromOne(noisy),
      Array.from({ length: 5000 }, (_, i) => [i * 7, Math.tan(i)]),
    ];
    for (const training of awkward) {
      for (const unicode of [true, false]) {
        const drawn = lines(
          curveOf(
            training,
            [
              [2, 1],
              [5, NaN],
            ],
            "rewards/accuracies",
          ),
          { width, unicode },
        );
        expect(Math.max(...drawn.map(({ length }) => length))).toBeLessThanOrEqual(
          Math.max(30, width),
        );
        expect(drawn.join("")).not.toMatch(/undefined|NaN ┤/);
      }
    }
  });
});

it("curves stand side by side where the terminal is wide", () => {
  const curves = ["loss", "kl", "accuracy"].map((name) => curveOf(fromOne([1, 2]), [], name));
  const titles = (width: number): string[] =>
    plotCurves(curves, { width, unicode: true })
      .split("\n")
      .filter((line) => line.includes("training"));
  expect(titles(80)).toHaveLength(3);
  expect(titles(120).map((line) => line.split("training").length - 1)).toEqual([2, 1]);
  expect(titles(200).map((line) => line.split("training").length - 1)).toEqual([3]);
  expect(plotCurves([], { width: 80, unicode: true })).toBe("");
});

it.each<[NodeJS.ProcessEnv, boolean]>([
  [{ LANG: "en_GB.UTF-8", TERM: "xterm" }, true],
  [{ LANG: "C.utf8" }, true],
  [{}, true],
  [{ LANG: "C" }, false],
  [{ LANG: "en_GB.UTF-8", LC_ALL: "POSIX" }, false],
  [{ LANG: "C", LC_CTYPE: "C.UTF-8" }, true],
  [{ LANG: "de_DE.ISO-8859-1" }, false],
  [{ LANG: "en_GB.UTF-8", TERM: "linux" }, false],
  [{ LANG: "en_GB.UTF-8", TERM: "dumb" }, false],
])("in %j more than ASCII is shown: %s", (environment, expected) => {
  expect(showsUnicode(environment)).toBe(expected);
});
