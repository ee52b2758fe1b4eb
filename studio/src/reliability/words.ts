/** Judgements in words. */
import type { ComparisonJudgement } from "../../../src/labelling/kinds/compare.ts";
import { STRENGTHS } from "../../../src/labelling/kinds/compare.ts";
import type { KindName } from "../../../src/labelling/kinds/index.ts";
import type { Content } from "../../../src/labelling/kinds/kind.ts";
import { reliability } from "../strings/reliability.ts";

const t = reliability.decide;

export function judgementWords(kind: KindName, judgement: unknown, content: Content): string {
  switch (kind) {
    case "compare": {
      const { choice, strength, axes } = judgement as ComparisonJudgement;
      const how = STRENGTHS.find(({ name }) => name === strength);
      const main =
        how !== undefined && typeof choice === "number"
          ? t.much(choice, how.title)
          : t.choice[String(choice)]!;
      const along = Object.entries(axes ?? {}).map(
        ([name, each]) => `${name}: ${t.choice[String(each)]}`,
      );
      return [main, ...along].join("; ");
    }
    case "accept":
      return (judgement as { accept: boolean }).accept ? t.good : t.bad;
    case "rank": {
      const { ranks } = judgement as { ranks: number[] };
      const order = [...new Set(ranks)].toSorted((a, b) => a - b);
      const names = content.answers.map((_, n) => String(n + 1));
      return order.map((rank) => names.filter((_, n) => ranks[n] === rank).join(" = ")).join(" > ");
    }
    case "rewrite":
      return (judgement as { text: string }).text;
    case "critique": {
      const { principle, critique, revision } = judgement as {
        principle: number;
        critique: string;
        revision: string;
      };
      return `${t.principle}: ${content.principles?.[principle] ?? ""}\n\n${critique}\n\n${revision}`;
    }
  }
}
