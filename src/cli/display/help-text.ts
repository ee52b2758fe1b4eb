/** What stands below a command's options in `--help`, within the width that the options have. */
import type { Command, Option } from "commander";
import { wrapText } from "./words.ts";

/** @param render gives the text for so many columns */
export function addBelowHelp(command: Command, render: (width: number) => string): Command {
  return command.addHelpText(
    "after",
    ({ command: asked }) => `\n${render(asked.configureOutput().getOutHelpWidth?.() ?? 80)}`,
  );
}

/** `--beta <number>`; `--[no-]packing` for what can be turned on and off. */
export function optionTerm(option: Option, command: Command): string {
  const name = option.long?.replace(/^--/, "");
  const isPair = command.options.some(({ long }) => long === `--no-${name}`);
  return isPair ? `--[no-]${name}` : option.flags;
}

/**
 * Command lines under their heading; a long one goes on after a backslash, as a shell takes it, and
 * a comment stands above its line.
 */
export function examplesText(lines: readonly string[], width: number): string {
  const shown = lines.flatMap((line) => {
    const [command, comment] = line.split(/\s+# /) as [string, string | undefined];
    return comment === undefined || line.length + INDENT.length <= width
      ? onLines(line, width)
      : [`${INDENT}# ${comment}`, ...onLines(command, width)];
  });
  return ["Examples:", ...shown].join("\n");
}

const INDENT = "  ";

function onLines(command: string, width: number): string[] {
  if (INDENT.length + command.length <= width) return [INDENT + command];
  const lines: string[] = [];
  let line = INDENT;
  for (const part of command.split(/ (?=--)/)) {
    // the backslash and the space before it
    if (line.trim() !== "" && line.length + 1 + part.length > width - 2) {
      lines.push(`${line} \\`);
      line = INDENT.repeat(2) + part;
    } else line += line.trim() === "" ? part : ` ${part}`;
  }
  return [...lines, line];
}

/** Names with what they are, the latter wrapped beside them. */
export function itemsText(
  title: string,
  items: readonly (readonly [name: string, says: string])[],
  width: number,
): string {
  const column = INDENT.length + Math.max(...items.map(([name]) => name.length)) + 2;
  const wrapped = (says: string): string =>
    wrapText(says, width - column).replaceAll("\n", `\n${" ".repeat(column)}`);
  const shown = items.map(([name, says]) => `${(INDENT + name).padEnd(column)}${wrapped(says)}`);
  return [title, ...shown].join("\n");
}
