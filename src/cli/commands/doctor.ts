/** `attune doctor`: what this machine can do, and what is in the way. Changes nothing. */
import { countOf } from "../../core/counts.ts";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, stat, statfs } from "node:fs/promises";
import { freemem, platform, release, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { busyNote, calibrate } from "../../planning/calibrate.ts";
import type { Machine } from "../../planning/calibrate.ts";
import { hubCacheFolder } from "../../models/weights/hub-access.ts";
import { cacheFolder } from "../../runs/cache-folder.ts";
import { versions } from "../../runs/versions.ts";
import { hasExactBytes } from "../../runtime/bytes.ts";
import type { Processor } from "../../runtime/processor.ts";
import { readProcessor } from "../../runtime/processor.ts";
import type { WebgpuDriver } from "../../runtime/webgpu-driver.ts";
import { findDriver } from "../../runtime/webgpu-driver.ts";
import type { CommandModule } from "../command.ts";
import { addBelowHelp } from "../display/help-text.ts";
import { formatBytes, formatTable, wrapText } from "../display/words.ts";

export interface FolderUse {
  path: string;
  /** Bytes that its disk has left; undefined where that is not told. */
  free: number | undefined;
  /** Bytes of the files in it; absent where nobody counted. */
  used?: number;
  /** Models and data sets, for the hub's cache. */
  entries?: number;
}

export interface Webgpu {
  driver: WebgpuDriver | undefined;
  /** Why it does not work; undefined where it does. */
  problem: string | undefined;
}

export interface Diagnosis {
  versions: Readonly<Record<string, string>>;
  system: string;
  processor: Processor;
  /** Whether products of bytes are exact, so that --precision int8 may be used. */
  exactBytes: boolean;
  machine: Machine;
  /** Bytes. */
  memory: { total: number; available: number };
  folders: { here: FolderUse; cache: FolderUse; hub: FolderUse };
  webgpu: Webgpu;
}

const PROBE_SECONDS = 60;

/**
 * Tries WebGPU in a process of its own, with the driver that is there.
 * @param program file that adds two numbers on it
 */
export async function tryWebgpu(
  driver: WebgpuDriver | undefined,
  program: string,
): Promise<Webgpu> {
  if (driver === undefined)
    return {
      driver,
      problem:
        "no Vulkan driver was found; a GPU's driver brings one, and on Debian `apt-get install " +
        "chromium` a slow one for tests",
    };
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, ...driver.environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PROBE_SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4000)));
  const ended = await new Promise<string | undefined>((done) => {
    child.once("error", (error) => done(error.message));
    child.once("close", (status, signal) =>
      done(status === 0 ? undefined : (signal ?? `status ${status}`)),
    );
  });
  if (ended === undefined) return { driver, problem: undefined };
  const reason = /got: (.+)/.exec(said)?.[1] ?? /^\w*Error: (.+)/m.exec(said)?.[1];
  return { driver, problem: reason ?? `the trial ended with ${ended}` };
}

/** Bytes that programs can still take: what the kernel could let go of included. */
function availableMemory(): number {
  return process.availableMemory?.() ?? freemem();
}

async function folderFacts(path: string): Promise<FolderUse> {
  let there = resolve(path);
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  const free = await statfs(there).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  );
  return { path, free };
}

async function counted(path: string): Promise<FolderUse> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  let used = 0;
  for (const entry of entries)
    if (entry.isFile())
      used += await stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      );
  return {
    ...(await folderFacts(path)),
    used,
    entries: entries.filter(
      ({ name, parentPath }) => parentPath === path && /^(model|dataset)s--/.test(name),
    ).length,
  };
}

export async function diagnose(): Promise<Diagnosis> {
  const probe = fileURLToPath(new URL("../../runtime/webgpu-probe.js", import.meta.url));
  return {
    versions: versions(),
    system: `${platform()} ${release()}`,
    processor: readProcessor(),
    exactBytes: await hasExactBytes(),
    machine: await calibrate(),
    memory: { total: totalmem(), available: availableMemory() },
    folders: {
      here: await folderFacts("."),
      cache: await counted(cacheFolder()),
      hub: await counted(hubCacheFolder()),
    },
    webgpu: await tryWebgpu(findDriver(), probe),
  };
}

const giga = (value: number): string => (value / 1e9).toFixed(value < 1e11 ? 1 : 0);

function webgpuRows({ driver, problem }: Webgpu): string[][] {
  if (problem !== undefined) return [["WebGPU", `no: ${problem}`]];
  const settings = { ...driver!.environment, ATTUNE_DEVICE: "webgpu" };
  return [
    ["WebGPU", `works with ${driver!.name}; what the environment must say to use it:`],
    ...Object.entries(settings).map(([name, value]) => ["", `${name}=${value}`]),
  ];
}

const heldWords = ({ used, entries }: FolderUse): string =>
  (entries! > 0 ? `${countOf(entries!, "model or data set", "models and data sets")}, ` : "") +
  formatBytes(used!);

const folderWords = (folder: FolderUse): string => {
  const { path, free, used } = folder;
  return [
    path,
    ...(used === undefined ? [] : [heldWords(folder)]),
    ...(free === undefined ? [] : [`${formatBytes(free)} left on its disk`]),
  ]
    .join(": ")
    .replace(/: (?=[^:]*left on)/, ", ");
};

/** Both columns for people; what is wrong is told apart. */
export function describe({
  versions: found,
  system,
  processor,
  exactBytes,
  machine,
  memory,
  folders,
  webgpu,
}: Diagnosis): string {
  const bytes = exactBytes
    ? "exact: --precision int8 may be used, and is faster than float32"
    : "not exact on this processor: --precision int8 is refused";
  return formatTable([
    [
      "versions",
      [...Object.entries(found).map(([name, version]) => `${name} ${version}`), system].join(", "),
    ],
    ["processor", `${processor.name}, ${countOf(processor.cores, "core")}`],
    ["  instructions", processor.features.join(", ") || "the system does not tell"],
    ["  float32", `${giga(machine.rate)} GFLOP/s in a large product`],
    ["  8 bits", bytes],
    [
      "memory",
      `${formatBytes(memory.total)}, of which ${formatBytes(memory.available)} can be used; read ` +
        `at ${giga(machine.bandwidth)} GB/s`,
    ],
    ["working folder", folderWords({ ...folders.here, path: resolve(folders.here.path) })],
    ["attune's cache", folderWords(folders.cache)],
    ["hub's cache", folderWords(folders.hub)],
    ...webgpuRows(webgpu),
  ]);
}

/** A run of a small model needs about this much. */
const LITTLE_MEMORY = 1e9;
const LITTLE_DISK = 2e9;

/** What is in the way. */
export function findProblems({
  machine,
  memory,
  folders,
  processor,
}: Diagnosis): { id: string; message: string }[] {
  const busy = busyNote(machine);
  const full = [folders.here, folders.cache, folders.hub].find(
    ({ free }) => free !== undefined && free < LITTLE_DISK,
  );
  return [
    ...(busy === undefined ? [] : [{ id: "busy-machine", message: busy }]),
    ...(memory.available < LITTLE_MEMORY
      ? [
          {
            id: "little-memory",
            message:
              `only ${formatBytes(memory.available)} of memory can be used; \`attune plan\` ` +
              "tells what a run needs",
          },
        ]
      : []),
    ...(full === undefined
      ? []
      : [
          {
            id: "little-disk",
            message: `the disk of ${resolve(full.path)} has ${formatBytes(full.free!)} left`,
          },
        ]),
    ...(processor.features.length > 0 &&
    !processor.features.some((name) => /AVX2|AVX-512|NEON/.test(name))
      ? [
          {
            id: "slow-processor",
            message:
              "the processor has neither AVX2 nor NEON: products are many times slower than " +
              "elsewhere",
          },
        ]
      : []),
  ];
}

export const command: CommandModule = {
  configure(command, bind) {
    addBelowHelp(command, (width) =>
      wrapText(
        "Measures for some seconds, tries WebGPU in a process of its own, and changes nothing.",
        width,
      ),
    );
    command.action(
      bind(async ({ context: { reporter } }) => {
        const diagnosis = await diagnose();
        for (const { id, message } of findProblems(diagnosis)) reporter.warn(id, message);
        reporter.result({ ...diagnosis, complaints: findProblems(diagnosis) }, describe(diagnosis));
      }),
    );
  },
};
