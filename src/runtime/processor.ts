/** What the processor is and which of its instructions matter to ONNX Runtime's products. */
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform } from "node:os";
import { spawnSync } from "node:child_process";

export interface Processor {
  /** The processor's own name; empty where it does not say. */
  name: string;
  /** Logical processors that this process may use. */
  cores: number;
  /** Instructions that matter, as people call them, oldest first: `AVX2`, `AMX int8`. */
  features: string[];
}

/** Names for people by the system's own: Linux's flags on x64 and arm64, and macOS's. */
const FEATURES: readonly (readonly [string, RegExp])[] = [
  ["AVX2", /\bavx2\b/],
  ["FMA", /\bfma\b/],
  ["AVX-512", /\bavx512f\b/],
  ["AVX-512 VNNI", /\bavx512_vnni\b/],
  ["AVX VNNI", /\bavx_vnni\b/],
  ["AVX-512 bfloat16", /\bavx512_bf16\b/],
  ["AMX int8", /\bamx_int8\b/],
  ["AMX bfloat16", /\bamx_bf16\b/],
  ["NEON", /\basimd\b|hw\.optional\.neon: 1/],
  ["dot product", /\basimddp\b|FEAT_DotProd: 1/],
  ["int8 matrices", /\bi8mm\b|FEAT_I8MM: 1/],
  ["bfloat16", /(?<![\w_])bf16\b|FEAT_BF16: 1/],
  ["SVE", /\bsve\b/],
];

/** @param words what the system says of the processor: a line of flags, or macOS's table */
export function featuresIn(words: string): string[] {
  return FEATURES.filter(([, pattern]) => pattern.test(words)).map(([name]) => name);
}

function systemWords(): string {
  try {
    if (platform() === "linux")
      return /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    if (platform() === "darwin")
      return spawnSync("sysctl", ["hw.optional"], { encoding: "utf8" }).stdout ?? "";
  } catch {
    // a system that does not tell
  }
  return "";
}

export function readProcessor(): Processor {
  return {
    name: cpus()[0]?.model.trim().replaceAll(/\s+/g, " ") || arch(),
    cores: availableParallelism(),
    features: featuresIn(systemWords()),
  };
}
