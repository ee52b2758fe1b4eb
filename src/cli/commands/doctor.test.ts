import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe as group, expect, test } from "vitest";
import { featuresIn } from "../../runtime/processor.ts";
import { findProblems, describe, tryWebgpu } from "./doctor.ts";
import type { Diagnosis } from "./doctor.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const QUIET: Diagnosis = {
  versions: { attune: "1.2.3", node: "20.19.0" },
  system: "linux 6.1",
  processor: { name: "Xeon", cores: 2, features: ["AVX2", "AMX int8"] },
  exactBytes: true,
  machine: {
    rate: 150e9,
    bandwidth: 18e9,
    slowerRate: 148e9,
    slowerBandwidth: 17.5e9,
    others: 0.02,
  },
  memory: { total: 25e9, available: 20e9 },
  folders: {
    here: { path: "/home/me", free: 60e9 },
    cache: { path: "/c/attune", free: 60e9, used: 1.5e6, entries: 0 },
    hub: { path: "/c/hub", free: 60e9, used: 3e9, entries: 4 },
  },
  webgpu: {
    driver: { name: "chromium's software driver", environment: { VK_ICD_FILENAMES: "/d.json" } },
    problem: undefined,
  },
};

test("instructions are told by the systems' own words for them", () => {
  expect(featuresIn(" fpu avx avx2 fma avx512f avx512_vnni avx512_bf16 amx_bf16 amx_int8")).toEqual(
    ["AVX2", "FMA", "AVX-512", "AVX-512 VNNI", "AVX-512 bfloat16", "AMX int8", "AMX bfloat16"],
  );
  expect(featuresIn(" fp asimd asimddp i8mm bf16")).toEqual([
    "NEON",
    "dot product",
    "int8 matrices",
    "bfloat16",
  ]);
  expect(
    featuresIn(
      "hw.optional.neon: 1\nhw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_I8MM: 0",
    ),
  ).toEqual(["NEON", "dot product"]);
  expect(featuresIn("")).toEqual([]);
});

test("a quiet machine in words, and nothing to complain of", () => {
  expect(findProblems(QUIET)).toEqual([]);
  const text = describe(QUIET);
  expect(text).toContain("processor       Xeon, 2 cores");
  expect(text).toContain("150 GFLOP/s in a large product");
  expect(text).toContain("/c/hub: 4 models and data sets, 3.0 GB, 60.0 GB left on its disk");
  expect(text).toMatch(
    /WebGPU +works with chromium's software driver[^]*VK_ICD_FILENAMES=\/d\.json\n +ATTUNE_DEVICE=webgpu$/,
  );
});

test("a busy machine, little memory, a full disk and an old processor are told", () => {
  const bad: Diagnosis = {
    ...QUIET,
    machine: { ...QUIET.machine, slowerRate: 90e9, others: 0.43 },
    memory: { total: 25e9, available: 5e8 },
    folders: { ...QUIET.folders, cache: { path: "/c/attune", free: 1e9 } },
    processor: { name: "old", cores: 1, features: ["FMA"] },
  };
  expect(findProblems(bad).map(({ id }) => id)).toEqual([
    "busy-machine",
    "little-memory",
    "little-disk",
    "slow-processor",
  ]);
  expect(findProblems(bad)[0]!.message).toMatch(
    new RegExp(
      "^the machine is busy: others used 43% of its processors while it was " +
        String.raw`measured, and two measurements gave 90\.0 and 150 GFLOP/s`,
    ),
  );
  // unsteady without others that could be seen, as on a shared host
  expect(
    findProblems({ ...QUIET, machine: { ...QUIET.machine, slowerBandwidth: 12e9 } }),
  ).toMatchObject([{ id: "busy-machine" }]);
});

group("WebGPU is tried in a process of its own", () => {
  const program = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const driver = { name: "a driver", environment: { DOCTOR_TEST: "here" } };

  test("it works, with what the driver's environment says", async () => {
    expect(
      await tryWebgpu(
        driver,
        program(
          "works.mjs",
          "if (process.env.DOCTOR_TEST !== 'here') process.exit(1); console.log('works')",
        ),
      ),
    ).toEqual({ driver, problem: undefined });
  });

  test("it does not: an error, a crash, no driver", async () => {
    expect(
      (await tryWebgpu(driver, program("error.mjs", "throw new Error('no adapter')"))).problem,
    ).toBe("no adapter");
    expect(
      (
        await tryWebgpu(
          driver,
          program("crash.mjs", "process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000)"),
        )
      ).problem,
    ).toBe("the trial ended with SIGSEGV");
    expect((await tryWebgpu(undefined, "never run")).problem).toMatch(/apt-get install chromium/);
  });
});
