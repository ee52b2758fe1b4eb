import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSources } from "../../tests/support/compiled.ts";
import { acquireLock, isLocked } from "./lock.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writeLock(owner: object): void {
  writeFileSync(join(folder, "lock"), JSON.stringify(owner));
}

describe("the lock of a run", () => {
  it("lets one in at a time, and leaves nothing behind", () => {
    const lock = acquireLock(folder);
    expect(isLocked(folder)).toBe(true);
    expect(readdirSync(folder)).toEqual(["lock"]);
    expect(() => acquireLock(folder)).toThrow(
      `${folder}: another process is working on this run\n  got: process ${process.pid} on ` +
        `${hostname()}\n  try: wait for it, or stop it`,
    );
    lock.release();
    expect(isLocked(folder)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    acquireLock(folder).release();
  });

  it("takes over the lock of a process that is gone", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    writeLock({ pid: child.pid, host: hostname(), started: null, token: "x" });
    expect(isLocked(folder)).toBe(false);
    acquireLock(folder).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.skipIf(process.platform !== "linux")(
    "takes over where the number belongs to a younger process",
    () => {
      acquireLock(folder);
      const owner = JSON.parse(readFileSync(join(folder, "lock"), "utf8")) as { started: string };
      expect(owner.started).toMatch(/^[0-9a-f-]{36}\/\d+$/);
      writeLock({ ...owner, started: `${owner.started}0` });
      expect(isLocked(folder)).toBe(false);
      acquireLock(folder).release();
    },
  );

  it("takes over a damaged lock, and not one from another machine", () => {
    writeFileSync(join(folder, "lock"), "{");
    acquireLock(folder).release();
    writeLock({ pid: 1, host: "elsewhere", started: null, token: "x" });
    expect(() => acquireLock(folder)).toThrow(
      'if nothing runs on elsewhere any more, delete the file "lock" in the run folder',
    );
  });

  it("does not release what somebody else has taken over", () => {
    const lock = acquireLock(folder);
    writeLock({ pid: process.pid, host: hostname(), started: null, token: "other" });
    lock.release();
    expect(readdirSync(folder)).toEqual(["lock"]);
  });

  it("lets exactly one of many processes take a stale lock", async () => {
    const compiled = compileSources();
    try {
      const script = join(compiled.root, "contender.mjs");
      // holds the lock until its standard input ends, so that the winner is alive while the others
      // try
      writeFileSync(
        script,
        `const { acquireLock } = await import(${JSON.stringify(compiled.module("runs/lock"))});
         try { acquireLock(process.argv[2]); console.log("won"); } catch (error) { console.log(error.code); }
         process.stdin.resume();`,
      );
      const gone = spawnSync(process.execPath, ["-e", ""]);
      writeLock({ pid: gone.pid, host: hostname(), started: null, token: "stale" });
      const children = Array.from({ length: 4 }, () =>
        spawn(process.execPath, [script, folder], { stdio: ["pipe", "pipe", "inherit"] }),
      );
      const answers = await Promise.all(
        children.map(async (child) => String((await once(child.stdout, "data"))[0]).trim()),
      );
      for (const child of children) child.stdin.end();
      await Promise.all(children.map((child) => once(child, "exit")));
      expect(answers.toSorted()).toEqual(["run", "run", "run", "won"]);
    } finally {
      compiled.remove();
    }
  });
});
