/** What a report says of where its models come from: when, by which options, from which data. */
import type { Table } from "../evaluation/table.ts";

/** A data file as it is now. */
export interface UsedFile {
  /** Stages that read it. */
  used: readonly string[];
  path: string;
  rows?: number;
  sha256?: string;
  /** Why it cannot be read. */
  problem?: string;
}

/** An option that is not at its default, and who says so. */
export interface UsedOption {
  stage: string;
  option: string;
  value: unknown;
  source: string;
}

/** Where everything comes from. */
export interface AlignProvenance {
  /** When the report was made. */
  date: Date;
  /** The pipeline's own file. */
  file: string;
  model: string;
  seed: number;
  options: readonly UsedOption[];
  files: readonly UsedFile[];
}

/** To the minute, the same everywhere. */
export const formatDate = (date: Date): string =>
  `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;

export function optionTable(options: readonly UsedOption[]): Table {
  const text = (value: unknown): string =>
    typeof value === "string"
      ? value
      : Array.isArray(value)
        ? value.join(", ")
        : JSON.stringify(value);
  return {
    caption: "Options that are not at their defaults",
    columns: [{ name: "stage" }, { name: "option" }, { name: "value" }, { name: "from" }],
    rows: options.map(({ stage, option, value, source }) => [stage, option, text(value), source]),
  };
}

export function fileTable({ files }: AlignProvenance): Table {
  return {
    caption: "Data files",
    columns: [
      { name: "file" },
      { name: "used by" },
      { name: "rows", align: "right" },
      { name: "SHA-256" },
    ],
    rows: files.map(({ path, used, rows, sha256, problem }) => [
      path,
      used.join(", "),
      rows === undefined ? "" : String(rows),
      sha256?.slice(0, 16) ?? problem ?? "",
    ]),
    note: "As they are now; of the content, decompressed, the first 16 digits.",
  };
}
