/** `attune serve` as a process of its own, as its users run it. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot } from "../support/shared.ts";

export interface Served {
  /** With `/v1`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a model under the name `tiny`. */
export async function serve(model: string, ...options: string[]): Promise<Served> {
  const child = spawn(
    process.execPath,
    [
      join(repositoryRoot, "dist", "cli", "main.js"),
      "serve",
      `--model=${model}`,
      "--name=tiny",
      "--port=0",
      "--json",
      ...options,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const url = await addressOf(child);
  return {
    url,
    async close() {
      child.kill("SIGINT");
      await ended;
    },
  };
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let [out, err] = ["", ""];
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      const address = /"url":"([^"]+)"/.exec(out)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once("close", () => reject(new Error(`attune serve ended:\n${out}${err}`)));
  });
}
