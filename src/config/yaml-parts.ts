/** A YAML file of parts by name, some of them sections of options, with the lines where they stand. */
import { LineCounter, isMap, isScalar, parseDocument } from "yaml";
import type { ParsedNode } from "yaml";
import { AttuneError, nearest } from "../core/errors.ts";
import { canonical } from "./sources.ts";

/** One part of the file, with its line. */
export interface YamlPart {
  node: ParsedNode | null;
  row: number;
}

/** What every part is read with. */
export interface YamlSource {
  text: string;
  file: string;
}

/**
 * The parts of the file by name, in camel case.
 * @param options.names the parts that there may be
 * @param options.init the command that writes such a file
 * @throws AttuneError `config` with file and line
 */
export function readParts(
  { text, file }: YamlSource,
  { names, init }: { names: readonly string[]; init: string },
): Map<string, YamlPart> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken)
    throw new AttuneError("config", `not valid YAML: ${broken.message}`, {
      file,
      row: lines.linePos(broken.pos[0]).line,
      cause: broken,
    });
  if (!isMap(document.contents))
    throw new AttuneError("config", "the file holds no sections", {
      file,
      expected: `\`${init}\` writes one to start from`,
    });
  const parts = new Map<string, YamlPart>();
  for (const { key, value } of document.contents.items as {
    key: ParsedNode;
    value: ParsedNode | null;
  }[]) {
    const written = String(isScalar(key) ? key.value : key);
    const name = canonical(written);
    const row = lines.linePos(key.range[0]).line;
    if (!names.includes(name)) {
      const near = nearest(name, names);
      throw new AttuneError("config", `${written} is not a part of this file`, {
        file,
        row,
        expected: names.join(", "),
        ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
      });
    }
    const before = parts.get(name);
    if (before)
      throw new AttuneError("config", `${name} is there twice`, {
        file,
        row,
        got: `also on line ${before.row}`,
      });
    parts.set(name, { node: value, row });
  }
  return parts;
}

/**
 * The lines of a section alone, where they stand, so that errors name their lines.
 * @param options.command whose options the section holds
 */
export function sectionText(
  { text, file }: YamlSource,
  { node, row }: YamlPart,
  { name, command }: { name: string; command: string },
): string {
  if (!isMap(node))
    throw new AttuneError("config", `${name} holds the options of \`attune ${command}\``, {
      file,
      row,
      expected: "lines such as `data: pairs.jsonl`, indented below it",
    });
  const [start, end] = node.range;
  const before = text.slice(0, start);
  const line = before.lastIndexOf("\n") + 1;
  const indent = /^\s*$/.test(before.slice(line)) ? before.slice(line) : "";
  return "\n".repeat(before.split("\n").length - 1) + indent + text.slice(start, end);
}
