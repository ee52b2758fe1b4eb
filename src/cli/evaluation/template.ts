/** The file that `attune eval --init` writes: every part with the options that it needs. */
import type { ConfigDefinition } from "../../config/config.ts";
import { describeType } from "../../config/types.ts";
import { PARTS, PART_DEFINITIONS, sectionOf } from "./parts.ts";

const START = `# attune eval --config eval.yaml
# What stands beside the sections holds for every part that has such an option.
out: runs/eval
seed: 42

# The model that is evaluated: a folder, a GGUF file, a run, a Hugging Face id, or openai:NAME.
# model: runs/dpo
`;

/** @returns a file whose sections are comments: an evaluation asks for what it names */
export function evalTemplate(): string {
  const sections = Object.entries(PARTS).map(([name, { title, summary, shortcut }]) =>
    [
      `# ${title}: ${summary}`,
      `# ${sectionOf(name)}:`,
      ...optionLines(PART_DEFINITIONS.get(name)!, shortcut),
    ].join("\n"),
  );
  return `${START}\n${sections.join("\n\n")}\n`;
}

/** Those that have no default, and the one that asks for the part. */
function optionLines({ name, options }: ConfigDefinition, shortcut: string): string[] {
  const shown = options.filter(
    ({ path, field }) =>
      path === shortcut || (field.kind === "required" && path !== "model" && path !== "seed"),
  );
  return [
    ...shown.map(({ path, field }) => {
      const isList = describeType(field.type).type.startsWith("list");
      const list = field.type.safeParse(["FILE"]).success ? "[FILE]" : "[FILE, FILE]";
      return `#   ${path}: ${isList ? list : "FILE"}   # ${field.description}`;
    }),
    `#   # every option: attune ${name} --help`,
  ];
}
