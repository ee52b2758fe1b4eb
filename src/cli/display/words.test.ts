import { describe, expect, it, test } from "vitest";
import {
  commandLine,
  formatBytes,
  formatDuration,
  formatNumber,
  formatHeadedTable,
  formatShort,
  formatTable,
  printable,
  unitsOf,
  wrapText,
} from "./words.ts";

test("a command is quoted where the shell would take it apart", () => {
  expect(commandLine(["compare", "my runs/a", "b", "--rubric", "it's $5"])).toBe(
    "attune compare 'my runs/a' b --rubric 'it'\\''s $5'",
  );
});

describe("words for numbers", () => {
  it.each<[number, string]>([
    [0.625, "0.6250"],
    [-1.5, "-1.5000"],
    [0, "0"],
    [12, "12"],
    [12345, "12,345"],
    [123.456, "123.5"],
    [0.0001, "1.00e-4"],
    [-0.00002, "-2.00e-5"],
    [NaN, "NaN"],
    [-Infinity, "-Infinity"],
  ])("number %d", (value, expected) => expect(formatNumber(value)).toBe(expected));

  it.each<[number, string]>([
    [0.4, "0s"],
    [59.6, "1m 00s"],
    [123, "2m 03s"],
    [3900, "1h 05m"],
    [Infinity, "?"],
  ])("duration %d", (value, expected) => expect(formatDuration(value)).toBe(expected));

  it("shortens counts and bytes", () => {
    expect([980, 1234, 12_345, 134_515_008, 1.24e9].map(formatShort)).toEqual([
      "980",
      "1.2k",
      "12k",
      "135M",
      "1.2B",
    ]);
    expect([12, 12_345, 12_345_678, 1.39e9].map(formatBytes)).toEqual([
      "12 bytes",
      "12.3 kB",
      "12.3 MB",
      "1.4 GB",
    ]);
  });
});

describe("words for a terminal", () => {
  it("aligns columns", () => {
    expect(
      formatTable([
        ["a", "bb", ""],
        ["ccc", "d", "e"],
      ]),
    ).toBe("a    bb\nccc  d   e");
  });

  it("shows control characters instead of obeying them", () => {
    expect(printable("\u001b[2Jä\r\n\tok\u009b\u0007")).toBe("\\x1b[2Jä\\x0d\n\tok\\x9b\\x07");
  });
});

test("a table keeps to its width: the last column goes on below, and a headed one becomes blocks", () => {
  expect(
    formatTable(
      [
        ["a", "one two three four five six"],
        ["bcd", "x"],
      ],
      30,
    ),
  ).toBe("a    one two three four five\n     six\nbcd  x");
  expect(formatHeadedTable(["", "left", "right"], [["rate", "1", "2"]], 20)).toBe(
    "      left  right\nrate  1     2",
  );
  expect(
    formatHeadedTable(
      ["", "left", "the right"],
      [
        ["rate", "0.00001", "0.00002"],
        ["loss", "", "x"],
      ],
      20,
    ),
  ).toBe("rate\n  left       0.00001\n  the right  0.00002\nloss\n  the right  x");
  expect(wrapText("a bb ccc\ndddddd e", 4)).toBe("a bb\nccc\ndddddd\ne");
});

test("work is counted in units without an s where it is one", () => {
  expect([unitsOf(1.9, "steps"), unitsOf(12, "roll-outs"), unitsOf(0, "rows")]).toEqual([
    "1 step",
    "12 roll-outs",
    "0 rows",
  ]);
});
