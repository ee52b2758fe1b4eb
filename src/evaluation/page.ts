/** What a page shows, as data: measures fill it, report/report.ts renders it. */
import type { Chart } from "./chart.ts";
import type { Concluded } from "./conclusion.ts";
import type { Journey } from "./journey.ts";
import type { Table } from "./table.ts";

/** One prompt and what several models answered. */
export interface Example {
  prompt: string;
  /** What a reader should know, such as what is true. */
  note?: string;
  answers: readonly {
    name: string;
    text: string;
    /** Short remarks, such as "confidently wrong". */
    remarks?: readonly string[];
  }[];
}

export type ReportPart =
  | { kind: "text"; text: string }
  | { kind: "list"; items: readonly string[] }
  | { kind: "facts"; facts: readonly (readonly [name: string, value: string])[] }
  | { kind: "table"; table: Table }
  | { kind: "chart"; chart: Chart }
  | { kind: "examples"; examples: readonly Example[] }
  /** An answer with its chip. */
  | { kind: "verdict"; concluded: Concluded; text: string }
  /** Parts under a heading of their own. */
  | { kind: "group"; title: string; parts: readonly ReportPart[] }
  /** Charts beside each other, each small. */
  | { kind: "small-charts"; charts: readonly Chart[] }
  /** A way with stops, along which one control moves. */
  | { kind: "journey"; journey: Journey }
  /** Opened by a click on its title. */
  | { kind: "folded"; title: string; parts: readonly ReportPart[] };

export interface ReportSection {
  title: string;
  /** Shown beside the title in the list of contents. */
  concluded?: Concluded;
  parts: readonly ReportPart[];
}
