/** The executable as a process: exit status, streams and signals. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Compiled, compileSources } from "../../tests/support/compiled.ts";

let compiled: Compiled;
let script: string;

/** Two commands: one that stops when asked, one that does not. */
const PROGRAM = `
const { runProgram } = await import(process.argv[2]);
const { AttuneError } = await import(process.argv[3]);
const { watchReaders } = await import(process.argv[4]);
const command = (work) => async () => ({ configure: (command, bind) => void command.action(bind(work)) });
const forever = () => new Promise((resolve) => setTimeout(resolve, 60_000));
const entries = [
  { name: "polite", summary: "s", group: "g", load: command(async ({ context: { signal, reporter } }) => {
    reporter.note("ready");
    const timer = setInterval(() => undefined, 1000);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    clearInterval(timer);
    await new Promise((resolve) => setImmediate(resolve));
    reporter.note("saved a checkpoint");
    throw signal.reason;
  }) },
  { name: "talker", summary: "s", group: "g", load: command(async ({ context: { signal, reporter } }) => {
    while (!signal.aborted) {
      reporter.result({ text: "more" }, "more");
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw signal.reason;
  }) },
  { name: "answers", summary: "s", group: "g", load: async () => ({
    endsWithReader: true,
    ...(await entries[1].load()),
  }) },
  { name: "stubborn", summary: "s", group: "g", load: command(async ({ context: { reporter } }) => {
    reporter.note("ready");
    await forever();
  }) },
];
const { stdin, stdout, stderr } = process;
const readerGone = watchReaders([stdout, stderr]);
const io = { stdin, stdout, stderr, signals: process, readerGone };
process.exitCode = await runProgram(process.argv.slice(5), io, entries);
`;

beforeAll(() => {
  compiled = compileSources();
  script = join(compiled.root, "program.mjs");
  writeFileSync(script, PROGRAM);
});
afterAll(() => compiled.remove());

function attune(...parameters: string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [compiled.module("cli/main"), ...parameters],
    { encoding: "utf8", cwd: compiled.root },
  );
  return { status, stdout, stderr };
}

describe("the executable", () => {
  it("exits with 0, 2 and 1 where it should", () => {
    expect(attune("--version")).toMatchObject({ status: 0, stderr: "" });
    expect(attune("--help").stdout).toMatch(/^Usage: attune /);
    expect(attune("rums")).toEqual({
      status: 2,
      stdout: "",
      stderr: 'error: there is no command "rums"\n  try: did you mean `attune runs`?\n',
    });
    expect(attune("runs", "nowhere", "--json")).toMatchObject({
      status: 2,
      stderr: "",
      stdout: expect.stringMatching(/^\{"type":"error","code":"run",.*"exitCode":2\}\n$/),
    });
  });

  it("does not mind when its reader leaves", async () => {
    const child = spawn(process.execPath, [compiled.module("cli/main"), "--help"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let complaints = "";
    child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
    const [status] = (await once(child, "close")) as [number];
    expect([status, complaints]).toEqual([0, ""]);
  });
});

const words = (name: string): string[] => [
  script,
  compiled.module("cli/program"),
  compiled.module("core/errors"),
  compiled.module("cli/reader"),
  name,
];

/** Sends the signals one after the other, each when the process has said the words. */
async function interrupted(
  name: string,
  steps: readonly (readonly [words: string, signal: NodeJS.Signals])[],
): Promise<{ status: number | null; signal: string | null; stderr: string }> {
  const child = spawn(process.execPath, words(name), { stdio: ["ignore", "ignore", "pipe"] });
  const [pending, closed] = [
    [...steps],
    once(child, "close") as Promise<[number | null, string | null]>,
  ];
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    while (pending.length > 0 && stderr.includes(pending[0]![0])) child.kill(pending.shift()![1]);
  });
  const [status, signal] = await closed;
  return { status, signal, stderr };
}

/** Reads the first words of a stream, and leaves. */
async function leftBy(
  stream: "stdout" | "stderr",
  ...command: string[]
): Promise<{ status: number | null; signal: string | null; rest: string }> {
  const child = spawn(process.execPath, [...words(command[0]!), ...command.slice(1)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let rest = "";
  child[stream].once("data", () => child[stream].destroy());
  (stream === "stdout" ? child.stderr : child.stdout).on(
    "data",
    (chunk: Buffer) => (rest += chunk.toString()),
  );
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  return { status, signal, rest };
}

describe("a reader that leaves", () => {
  it.each([[[]], [["--json"]]])(
    "is a request to stop: the rest is kept and the status is not 0 (%s)",
    async (flags) => {
      const { status, signal, rest } = await leftBy("stdout", "talker", ...flags);
      expect({ status, signal }).toEqual({ status: 1, signal: null });
      expect(rest).toMatch(/stopped: what reads the output is gone\n$/);
    },
  );

  it("of standard error is one too", async () => {
    const child = spawn(process.execPath, words("polite"), { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.once("data", () => {
      child.stderr.destroy();
      child.kill("SIGHUP");
    });
    expect(await once(child, "close")).toEqual([1, null]);
  });

  it("has had enough of a command that only answers", async () => {
    expect(await leftBy("stdout", "answers")).toMatchObject({ status: 0, signal: null });
  });
});

describe("signals", () => {
  it("a terminal that closes may say so twice, and a system that shuts down beside SIGTERM", async () => {
    for (const signals of [
      ["SIGHUP", "SIGHUP"],
      ["SIGTERM", "SIGHUP"],
      ["SIGHUP", "SIGTERM"],
    ] as const) {
      const outcome = await interrupted("polite", [
        ["ready", signals[0]],
        ["ready", signals[1]],
      ]);
      expect(outcome).toMatchObject({
        status: 1,
        signal: null,
        stderr: expect.stringContaining("saved a checkpoint"),
      });
    }
  });

  it.each<NodeJS.Signals>(["SIGINT", "SIGTERM", "SIGHUP"])(
    "%s asks for a checkpoint and a clean stop",
    async (name) => {
      expect(await interrupted("polite", [["ready", name]])).toEqual({
        status: 1,
        signal: null,
        stderr:
          "ready\nstopping: what is done is kept; Ctrl-C again ends at once\nsaved a " +
          "checkpoint\nstopped before the end\n",
      });
    },
  );

  it("a second one ends the process at once", async () => {
    const outcome = await interrupted("stubborn", [
      ["ready", "SIGINT"],
      ["stopping", "SIGINT"],
    ]);
    expect(outcome).toEqual({
      status: 130,
      signal: null,
      stderr: "ready\nstopping: what is done is kept; Ctrl-C again ends at once\n",
    });
  });
});
