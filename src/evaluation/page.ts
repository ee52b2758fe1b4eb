/** What a page shows, as data: measures fill it, report/report.ts renders it. */
import type { Chart } from "./chart.ts";
import type { Table } from "./table.ts";

/** One prompt and what several models answered. */
export interface Example {
  prompt: string;
  answers: readonly {
    name: string;
    text: string;
    /** Short remarks, such as "confidently wrong". */
    remarks?: readonly string[];
  }[];
}

export type ReportPart =
  | { kind: "text"; text: string }
  | { kind: "facts"; facts: readonly (readonly [name: string, value: string])[] }
  | { kind: "table"; table: Table }
  | { kind: "chart"; chart: Chart }
  | { kind: "examples"; examples: readonly Example[] }
  /** Opened by a click on its title. */
  | { kind: "folded"; title: string; parts: readonly ReportPart[] };

export interface ReportSection {
  title: string;
  parts: readonly ReportPart[];
}
