/**
 * Blocks of few bits, byte for byte those of the gguf package (scripts/golden/gguf_quantize.py).
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { dequantizeInto } from "./gguf-quants.ts";
import type { QuantName } from "./gguf-quantize.ts";
import { QUANT_BYTES, quantize } from "./gguf-quantize.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { golden } from "./testing.ts";

const TYPES: Readonly<Record<QuantName, number>> = { Q8_0: 8, Q4_0: 2, Q4_1: 3 };
const names = Object.keys(QUANT_BYTES) as QuantName[];

describe.each(names)("%s", (name) => {
  test("byte for byte what the gguf package writes", async () => {
    const file = await SafetensorsFile.open(golden("quantize.safetensors"));
    const [numbers, expected] = [await file.read("numbers"), await file.readRaw(name)];
    await file.close();
    const actual = quantize(numbers, name);
    const size = QUANT_BYTES[name];
    expect(actual.length).toBe(expected.length);
    for (let block = 0; block * size < expected.length; block++) {
      expect(
        [...actual.subarray(block * size, (block + 1) * size)],
        `block ${block}: ${numbers.subarray(block * 32, (block + 1) * 32).join(", ")}`,
      ).toEqual([...expected.subarray(block * size, (block + 1) * size)]);
    }
  });

  test("read back, no number is further off than its block allows", () => {
    const numbers = Random.for(1, "quantize").fillNormal(new Float32Array(32 * 500), 1);
    const back = new Float32Array(numbers.length);
    dequantizeInto(quantize(numbers, name), TYPES[name], back);
    for (let start = 0; start < numbers.length; start += 32) {
      const block = [...numbers.subarray(start, start + 32)];
      const [least, most] = [Math.min(...block), Math.max(...block)];
      const outermost = Math.max(-least, most);
      // Half a step; 4 bits around zero have 7 steps on the side that is not the outermost. Scales
      // are halves themselves.
      const allowed =
        { Q8_0: outermost / 254, Q4_0: outermost / 8, Q4_1: (most - least) / 30 }[name] +
        2e-3 * outermost;
      block.forEach((x, i) => expect(Math.abs(back[start + i]! - x)).toBeLessThanOrEqual(allowed));
    }
  });

  test("numbers beyond halves are refused, those too small become zero", () => {
    expect(() => quantize(new Float32Array(32).fill(1e9), name)).toThrow(
      "too large to be quantised",
    );
    const back = new Float32Array(32).fill(1);
    dequantizeInto(quantize(new Float32Array(32).fill(1e-44), name), TYPES[name], back);
    expect([...back].every((x) => x === 0)).toBe(true);
  });
});
