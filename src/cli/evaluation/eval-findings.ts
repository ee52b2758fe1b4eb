/** What several parts of an evaluation found, as one page. */
import { gravest } from "../../evaluation/conclusion.ts";
import type { Conclusion, Findings } from "../../evaluation/findings.ts";
import { PARTS } from "./parts.ts";
import type { PartFindings } from "./part.ts";

interface FoundPart {
  name: string;
  subject: string;
  found: PartFindings;
}

export function togetherFindings(
  parts: readonly FoundPart[],
  { facts }: { facts: Findings["facts"] },
): Findings {
  const pictures = parts.flatMap(({ found: { picture } }) => picture ?? []);
  const several = parts.length > 1;
  return {
    title: titleOf(parts),
    verdict: verdictOf(parts),
    ...(pictures[0] ? { picture: pictures[0] } : {}),
    findings: parts.flatMap(({ found }) => found.findings),
    warnings: parts.flatMap(({ name, found: { warnings = [] } }) =>
      several ? warnings.map((text) => `${PARTS[name]!.title}: ${text}`) : warnings,
    ),
    facts: [...facts, ...parts.flatMap(({ found }) => found.facts ?? [])],
  };
}

function titleOf(parts: readonly FoundPart[]): string {
  const subjects = [...new Set(parts.map(({ subject }) => subject))];
  return `${parts.map(({ name }) => PARTS[name]!.title).join(", ")}: ${subjects.join(", ")}`;
}

/** What each part says first; of several parts the gravest conclusion is that of the page. */
function verdictOf(parts: readonly FoundPart[]): Findings["verdict"] {
  const said = parts.map(({ name, found }) => ({
    title: PARTS[name]!.title,
    ...(found.verdict ?? firstFinding(found, parts.length > 1)),
  }));
  return {
    conclusion: gravest(said.map(({ conclusion }) => conclusion)),
    sentence:
      said.length === 1
        ? said[0]!.sentence
        : said.map(({ title, sentence }) => `${title}: ${sentence}`).join(" "),
  };
}

/** What is said of a part beside its first finding, however good that is. */
const GRAVE: readonly Conclusion[] = ["hacked", "fooled", "worse"];

/**
 * The first finding, and the gravest of the others where it is graver.
 * @param brief without the first one's numbers where there is a graver one
 */
function firstFinding({ findings }: PartFindings, brief: boolean): Findings["verdict"] {
  const [first, ...others] = findings;
  if (!first) return { conclusion: "no conclusion", sentence: "Nothing was found." };
  const grave = GRAVE.slice(0, GRAVE.indexOf(first.conclusion) + 1 || GRAVE.length)
    .flatMap((each) => others.find(({ conclusion }) => conclusion === each) ?? [])
    .at(0);
  if (!grave || grave.conclusion === first.conclusion)
    return { conclusion: first.conclusion, sentence: first.answer };
  return {
    conclusion: grave.conclusion,
    sentence: `${grave.question} ${grave.answer}${brief ? "" : ` ${first.answer}`}`,
  };
}
