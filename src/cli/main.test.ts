/** The executable as a process: exit status, streams and signals. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Compiled, compileRooms } from "../../tests/support/compiled.ts";

let compiled: Compiled;
let script: string;

/** Two commands: one that stops when asked, one that does not. */
const PROGRAM = `
const { runProgram } = await import(process.argv[2]);
const { AttuneError } = await import(process.argv[3]);
const command = (work) => async () => ({ configure: (command, bind) => void command.action(bind(work)) });
const forever = () => new Promise((resolve) => setTimeout(resolve, 60_000));
const entries = [
  { name: "polite", summary: "s", group: "g", load: command(async ({ context: { signal, reporter } }) => {
    reporter.note("ready");
    const timer = setInterval(() => undefined, 1000);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    clearInterval(timer);
    reporter.note("saved a checkpoint");
    throw signal.reason;
  }) },
  { name: "stubborn", summary: "s", group: "g", load: command(async ({ context: { reporter } }) => { reporter.note("ready"); await forever(); }) },
];
process.exitCode = await runProgram(process.argv.slice(4), { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, signals: process }, entries);
`;

beforeAll(() => {
  compiled = compileRooms("core", "runs", "cli");
  script = join(compiled.root, "program.mjs");
  writeFileSync(script, PROGRAM);
});
afterAll(() => compiled.remove());

function attune(...parameters: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiled.module("cli/main"), ...parameters], { encoding: "utf8", cwd: compiled.root });
  return { status, stdout, stderr };
}

describe("the executable", () => {
  it("exits with 0, 2 and 1 where it should", () => {
    expect(attune("--version")).toMatchObject({ status: 0, stderr: "" });
    expect(attune("--help").stdout).toMatch(/^Usage: attune /);
    expect(attune("rums")).toEqual({ status: 2, stdout: "", stderr: 'error: there is no command "rums"\n  try: did you mean `attune runs`?\n' });
    expect(attune("runs", "nowhere", "--json")).toMatchObject({ status: 2, stderr: "", stdout: expect.stringMatching(/^\{"type":"error","code":"run",.*"exitCode":2\}\n$/) });
  });

  it("does not mind when its reader leaves", async () => {
    const child = spawn(process.execPath, [compiled.module("cli/main"), "--help"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let complaints = "";
    child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
    const [status] = (await once(child, "close")) as [number];
    expect([status, complaints]).toEqual([0, ""]);
  });
});

/** Sends the signals one after the other, each when the process has said the words. */
async function interrupted(name: string, steps: readonly (readonly [words: string, signal: NodeJS.Signals])[]): Promise<{ status: number | null; signal: string | null; stderr: string }> {
  const child = spawn(process.execPath, [script, compiled.module("cli/program"), compiled.module("core/errors"), name], { stdio: ["ignore", "ignore", "pipe"] });
  const [pending, closed] = [[...steps], once(child, "close") as Promise<[number | null, string | null]>];
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    while (pending.length > 0 && stderr.includes(pending[0]![0])) child.kill(pending.shift()![1]);
  });
  const [status, signal] = await closed;
  return { status, signal, stderr };
}

describe("signals", () => {
  it.each<NodeJS.Signals>(["SIGINT", "SIGTERM"])("%s asks for a checkpoint and a clean stop", async (name) => {
    expect(await interrupted("polite", [["ready", name]])).toEqual({
      status: 1,
      signal: null,
      stderr: "ready\nstopping: what is done is kept; Ctrl-C again ends at once\nsaved a checkpoint\nstopped before the end\n",
    });
  });

  it("a second one ends the process at once", async () => {
    const outcome = await interrupted("stubborn", [["ready", "SIGINT"], ["stopping", "SIGINT"]]);
    expect(outcome).toEqual({ status: 130, signal: null, stderr: "ready\nstopping: what is done is kept; Ctrl-C again ends at once\n" });
  });
});
