import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, formatNumber, formatShort, formatTable, printable } from "./words.ts";

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
    expect([980, 1234, 12_345, 134_515_008, 1.24e9].map(formatShort)).toEqual(["980", "1.2k", "12k", "135M", "1.2B"]);
    expect([12, 12_345, 12_345_678, 1.39e9].map(formatBytes)).toEqual(["12 bytes", "12.3 kB", "12.3 MB", "1.4 GB"]);
  });
});

describe("words for a terminal", () => {
  it("aligns columns", () => {
    expect(formatTable([["a", "bb", ""], ["ccc", "d", "e"]])).toBe("a    bb\nccc  d   e");
  });

  it("shows control characters instead of obeying them", () => {
    expect(printable("\u001b[2Jä\r\n\tok\u009b\u0007")).toBe("\\x1b[2Jä\\x0d\n\tok\\x9b\\x07");
  });
});
