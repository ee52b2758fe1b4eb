/** Whether a judgement is one of the project's kind, and says what the project asks. */
import { countOf } from "../../core/counts.ts";
import type { Content } from "../kinds/kind.ts";
import { comparisonSchema } from "../kinds/compare.ts";
import { critiqueSchema } from "../kinds/critique.ts";
import { kindNamed } from "../kinds/index.ts";
import type { KindName } from "../kinds/index.ts";
import { rankingSchema } from "../kinds/rank.ts";
import type { ProjectSettings } from "../project.config.ts";
import { Refused } from "./refused.ts";

const refuse = (why: string): Refused => new Refused("invalid_judgement", why);

/** @throws Refused `invalid_judgement` */
export function checkedJudgement(
  judgement: unknown,
  { kind, settings, content }: { kind: KindName; settings: ProjectSettings; content: Content },
): unknown {
  const parsed = kindNamed(kind).judgement.safeParse(judgement);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const at = path.length === 0 ? "" : ` at ${path.join(".")}`;
    throw refuse(`this is no judgement of a task to ${kind}${at}: ${message}`);
  }
  if (kind === "compare") checkComparison(parsed.data, settings);
  if (kind === "rank") {
    const { ranks } = rankingSchema.parse(parsed.data);
    const answers = content.answers.length;
    if (ranks.length !== answers || ranks.some((each) => each > answers))
      throw refuse(`each answer, of ${answers}, has a rank from 1 to ${answers}`);
  }
  if (kind === "critique") {
    const principles = content.principles?.length ?? 0;
    if (critiqueSchema.parse(parsed.data).principle >= principles)
      throw refuse(`the task has ${countOf(principles, "principle")}, counted from 0`);
  }
  return parsed.data;
}

function checkComparison(judgement: unknown, settings: ProjectSettings): void {
  const { choice, strength, axes } = comparisonSchema.parse(judgement);
  if (strength !== undefined && typeof choice !== "number")
    throw refuse("only a choice of one of the answers has a strength");
  if (strength !== undefined && !settings.strength)
    throw refuse("the project does not ask how much better");
  // whoever does not say how much better has still judged: one key is enough
  const given = Object.keys(axes ?? {})
    .toSorted()
    .join(", ");
  const asked = settings.axes.toSorted().join(", ");
  if (given !== asked)
    throw refuse(
      asked === "" ? "the project asks along no axes" : `the project asks along: ${asked}`,
    );
}
