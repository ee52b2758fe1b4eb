/**
 * Helpers of this room's tests: files in a folder of their own, and errors as the text that a user
 * sees.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AttuneError } from "../core/errors.ts";

export interface TestFolder {
  readonly path: string;
  /** Writes a file and gives its path. */
  write(name: string, content: string | Uint8Array): string;
  /**
   * The message of the AttuneError that the work ends in, this folder's path left out; throws where
   * it ends otherwise.
   */
  refusal(work: () => Promise<unknown>): Promise<string>;
  remove(): void;
}

export function testFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), "attune-data-"));
  return {
    path,
    write(name, content) {
      writeFileSync(join(path, name), content);
      return join(path, name);
    },
    async refusal(work) {
      try {
        await work();
      } catch (error) {
        if (error instanceof AttuneError && error.exitCode === 2)
          return error.message.replaceAll(`${path}/`, "");
        throw error;
      }
      throw new Error("nothing was refused");
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** One JSON object a line. */
export function jsonLines(...values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

/** Everything that a generator gives, as a list. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
