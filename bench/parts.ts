/**
 * Parts of a measurement that need a process of their own, so that memory and warm-up are theirs
 * alone.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("child.js", import.meta.url));

/**
 * Runs a program and gives what it printed on its last line, as JSON; its standard error is passed
 * on.
 */
export async function lastLine(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<unknown> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: environment });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once("close", resolve).once("error", reject),
  );
  const text = Buffer.concat(chunks).toString("utf8").trimEnd();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
  return JSON.parse(text.slice(text.lastIndexOf("\n") + 1)) as unknown;
}

/** A measurement or a part of one, by its name in child.ts. */
export const runPart = (name: string, ...args: readonly (number | string)[]): Promise<unknown> =>
  lastLine(process.execPath, [CHILD, name, ...args.map(String)]);
