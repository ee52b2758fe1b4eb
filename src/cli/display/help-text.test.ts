import { Command } from "commander";
import { beforeAll, expect, test } from "vitest";
import type { ConfigDefinition } from "../../config/config.ts";
import { compareConfig } from "../../constitution/compare.config.ts";
import { reviseConfig } from "../../constitution/revise.config.ts";
import { planConfigOf } from "../../planning/method-config.ts";
import { METHODS } from "../../planning/work.ts";
import { serveConfig } from "../../server/serve.config.ts";
import { TRAINER_CONFIGS } from "../../training/configs.ts";
import { chatConfig } from "../commands/chat.ts";
import { generateConfig } from "../commands/generate.ts";
import { COMMANDS } from "../commands/index.ts";
import { runProgram } from "../program.ts";
import { fakeIo, TextSink } from "../testing.ts";

const WIDTHS = [80, 120];

async function helpOf(words: readonly string[], columns: number): Promise<string> {
  const stdout = new TextSink(true, columns);
  await runProgram([...words, "--help"], { ...fakeIo(), stdout });
  return stdout.text;
}

/** What `--help` says of each option, by its long flag, on one line. */
function optionsIn(help: string): Map<string, string> {
  const entries = help.split(/\n {2}(?=-)/).slice(1);
  return new Map(
    entries.map((entry) => {
      const text = entry.split("\n\n")[0]!.replaceAll(/\s+/g, " ");
      return [/--(?:\[no-\])?[\w-]+/.exec(text)![0].replace("[no-]", ""), text];
    }),
  );
}

async function subcommands(entry: (typeof COMMANDS)[number]): Promise<string[][]> {
  const command = new Command(entry.name);
  (await entry.load()).configure(command, () => async () => undefined);
  return [[entry.name], ...command.commands.map((child) => [entry.name, child.name()])];
}

// every command's module is loaded here once, so that no test waits for that
let all: string[][] = [];
beforeAll(async () => {
  all = [[], ...(await Promise.all(COMMANDS.map(subcommands))).flat()];
});

test("every command's help fits into the terminal", async () => {
  const wide: string[] = [];
  for (const columns of WIDTHS)
    for (const words of all) {
      const text = await helpOf(words, columns);
      expect(text).toContain(`Usage: attune ${words.join(" ")}`.trim());
      wide.push(
        ...text
          .split("\n")
          .filter((line) => line.length > columns)
          .map((line) => `${columns}: ${words.join(" ")}: ${line}`),
      );
    }
  expect(wide).toEqual([]);
});

const DEFINITIONS: readonly (readonly [words: string, ConfigDefinition])[] = [
  ...Object.values(TRAINER_CONFIGS).map((definition) => [definition.name, definition] as const),
  ["generate", generateConfig],
  ["chat", chatConfig],
  ["serve", serveConfig],
  ["constitution revise", reviseConfig],
  ["constitution compare", compareConfig],
  ...METHODS.map((method) => [`plan ${method}`, planConfigOf(method)] as const),
];

test.each(DEFINITIONS)("attune %s shows every default with its source", async (words, config) => {
  for (const columns of WIDTHS) {
    const shown = optionsIn(await helpOf(words.split(" "), columns));
    const given = config.options.filter(({ field }) => field.kind === "optional");
    expect(given.length).toBeGreaterThan(0);
    for (const { flag, field } of given) {
      if (field.kind !== "optional") continue;
      const text = shown.get(flag);
      expect(text, flag).toMatch(/ default \S+/);
      for (const { source } of [field, ...(field.defaultWhen ?? [])])
        expect(text).toContain(`[${source}]`);
    }
  }
});

test("what can be turned on and off is one line of the help", async () => {
  const help = await helpOf(["sft"], 120);
  expect(help).toMatch(/\n {2}--\[no-\]packing +several texts in one row/);
  expect(help).not.toMatch(/\n {2}--(no-)?packing/);
});
