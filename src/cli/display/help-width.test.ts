import { Command } from "commander";
import { expect, test } from "vitest";
import { COMMANDS } from "../commands/index.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

async function helpOf(...words: string[]): Promise<string> {
  const io = fakeIo();
  await runProgram([...words, "--help"], io);
  return io.stdout.text;
}

async function subcommands(entry: (typeof COMMANDS)[number]): Promise<string[][]> {
  const command = new Command(entry.name);
  (await entry.load()).configure(command, () => async () => undefined);
  return [[entry.name], ...command.commands.map((child) => [entry.name, child.name()])];
}

test("every command's help fits into 80 columns", async () => {
  const all = [[], ...(await Promise.all(COMMANDS.map(subcommands))).flat()];
  const wide: string[] = [];
  for (const words of all) {
    const text = await helpOf(...words);
    expect(text).toContain(`Usage: attune ${words.join(" ")}`.trim());
    wide.push(
      ...text
        .split("\n")
        .filter((line) => line.length > 80)
        .map((line) => `${words.join(" ")}: ${line}`),
    );
  }
  expect(wide).toEqual([]);
});
