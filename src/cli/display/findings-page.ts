/** Findings as one self-contained page. */
import type { Findings } from "../../evaluation/findings.ts";
import type { ReportPart, ReportSection } from "../../evaluation/page.ts";
import { measureText } from "../../evaluation/measure-text.ts";
import { writeReport } from "../../report/report.ts";

/** @throws AttuneError `disk` */
export async function writeFindingsPage(path: string, findings: Findings): Promise<void> {
  const { title, verdict, picture, warnings, facts } = findings;
  const sections: ReportSection[] = [
    ...(picture
      ? [{ title: "In one picture", parts: [{ kind: "chart" as const, chart: picture }] }]
      : []),
    ...findings.findings.map(({ question, conclusion, answer, measures, figures, details }) => ({
      title: `${question} ${conclusion}`,
      parts: [
        { kind: "text", text: answer },
        ...(measures.length === 0
          ? []
          : [
              {
                kind: "facts" as const,
                facts: measures.map((measure) => [measure.name, measureText(measure)] as const),
              },
            ]),
        ...figures,
        ...(details.length === 0
          ? []
          : [{ kind: "folded" as const, title: "Everything else", parts: details }]),
      ] satisfies ReportPart[],
    })),
    ...(warnings.length === 0
      ? []
      : [
          {
            title: "To be borne in mind",
            parts: warnings.map((text): ReportPart => ({ kind: "text", text })),
          },
        ]),
    { title: "How to do it again", parts: [{ kind: "facts", facts }] },
  ];
  await writeReport(path, {
    title,
    summary: `${verdict.conclusion}: ${verdict.sentence}`,
    sections,
  });
}
