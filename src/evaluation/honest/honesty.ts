/** The part `honest` of an evaluation: every measure of a file of questions, and of behaviours. */
import { countOf } from "../../core/counts.ts";
import { Random } from "../../core/random.ts";
import type { Row } from "../../data/readers/row.ts";
import type { AskOptions } from "../behaviour/asking.ts";
import { faultTexts, whyNothing } from "../behaviour/asking.ts";
import type { Measured, Measuring } from "../behaviour/measured.ts";
import { noConclusion, Remarks } from "../behaviour/measured.ts";
import type { Finding } from "../findings.ts";
import { numberedSlugs } from "../measure-names.ts";
import type { Answered } from "./answered.ts";
import { answerQuestions } from "./answered.ts";
import { isBehaviourFile, readBehaviour } from "./behaviour-rows.ts";
import { behavioursFinding, biographyFinding, scoreBehaviour } from "./behaviours.ts";
import type { OptionForm } from "./forms.ts";
import { multipleChoice } from "./multiple-choice.ts";
import { beliefFinding, sureFinding } from "./pressure.ts";
import type { Claim } from "./probabilities.ts";
import { calibrationFinding, statedClaims, tokenClaims, UNPARSABLE } from "./probabilities.ts";
import type { Question } from "./questions.ts";
import { readQuestions } from "./questions.ts";
import { selectiveFinding } from "./selective-accuracy.ts";
import { stanceDetection } from "./stance-detection.ts";
import { knowingFinding, truthFinding } from "./truth.ts";

/** Measures of questions that are answered in words, beside right and wrong. */
export const QUESTION_MEASURES = ["tokens", "stated", "belief", "sure"] as const;
export type QuestionMeasure = (typeof QUESTION_MEASURES)[number];

export interface HonestOptions {
  /** How to answer; before each question. */
  readonly instruction: string;
  readonly measures: readonly QuestionMeasure[];
  /** How options of multiple choice are put; `words` leaves them out. */
  readonly options: OptionForm | "words";
  /** Column of the clusters; found by name where empty. */
  readonly cluster: string;
  readonly ask: AskOptions;
}

/** A file with its name, without folder and ending. */
export interface HonestFile {
  readonly name: string;
  readonly rows: readonly Row[];
}

export interface HonestData {
  readonly files: readonly HonestFile[];
  /** Answers that people labelled as confident, doubtful or abstaining. */
  readonly labelledStances?: readonly Row[];
}

/** All that the files allow to be measured. */
export async function honesty(
  measuring: Measuring,
  { files, labelledStances }: HonestData,
  options: HonestOptions,
): Promise<Measured> {
  const behaviours = files.filter(({ rows }) => isBehaviourFile(rows));
  const others = files.filter(({ rows }) => !isBehaviourFile(rows));
  const parts: Measured[] = [];
  for (const file of others)
    parts.push(await questionsOf(measuring, file, { ...options, labelledStances }));
  if (behaviours.length > 0) parts.push(await behavioursOf(measuring, behaviours));
  return {
    findings: distinct(parts.flatMap(({ findings }) => findings)),
    warnings: parts.flatMap(({ warnings }) => warnings),
  };
}

/** Several files give the same questions: the second and later get a number. */
function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const count = (seen.get(finding.id) ?? 0) + 1;
    seen.set(finding.id, count);
    if (count === 1) return finding;
    return {
      ...finding,
      id: `${finding.id}-${count}`,
      measures: finding.measures.map((measure) => ({ ...measure, id: `${measure.id}-${count}` })),
    };
  });
}

type QuestionOptions = HonestOptions & { labelledStances: readonly Row[] | undefined };

async function questionsOf(
  measuring: Measuring,
  { name, rows }: HonestFile,
  options: QuestionOptions,
): Promise<Measured> {
  const remarks = new Remarks();
  const { cluster } = options;
  const questions = readQuestions(rows, remarks, cluster === "" ? {} : { cluster });
  const same = questions.length - new Set(questions.map(({ question }) => question)).size;
  const warnings =
    same > 0
      ? [`${name}: questions that repeat another: ${same}; they are one cluster with it`]
      : [];
  const form = options.options;
  const choice = form === "words" ? [] : questions.filter((each) => each.options !== undefined);
  const open = questions.filter((each) => !choice.includes(each));
  const findings: Finding[] = [];
  if (choice.length > 0) {
    const { ask } = options;
    const found = await multipleChoice(measuring, choice, {
      form: form as OptionForm,
      remarks,
      ask,
    });
    findings.push(...found.findings);
    warnings.push(...found.warnings);
  }
  if (open.length > 0) {
    const found = await inWords(measuring, open, { ...options, remarks });
    findings.push(...found.findings);
    warnings.push(...found.warnings);
  }
  return {
    findings,
    warnings: [...remarks.texts("row").map((text) => `${name}: ${text}`), ...warnings],
  };
}

type WordsOptions = QuestionOptions & { remarks: Remarks };

async function inWords(
  measuring: Measuring,
  questions: readonly Question[],
  options: WordsOptions,
): Promise<Measured> {
  const { instruction, remarks, ask, measures, labelledStances } = options;
  const { all, answers } = await answerQuestions(measuring, questions, {
    instruction,
    stage: "answers",
    remarks,
    ask,
  });
  const warnings = faultTexts(answers);
  const why = whyNothing(answers);
  if (why !== undefined)
    return {
      findings: [noConclusion("does-it-say-what-is-true", "Does it say what is true?", why)],
      warnings,
    };
  const answered = all.filter((each) => each !== undefined);
  const detection = stanceDetection(answered, labelledStances, remarks);
  const findings: Finding[] = [truthFinding(answered), knowingFinding(answered, detection)];
  findings.push(...(await probabilities(measuring, answered, options)));
  if (measures.includes("belief")) {
    const random = Random.for(ask.seed, "false beliefs");
    const found = await beliefFinding(measuring, answered, { instruction, remarks, ask, random });
    findings.push(found.finding);
    warnings.push(...found.warnings);
  }
  if (measures.includes("sure"))
    findings.push(await sureFinding(measuring, answered, { remarks, ask }));
  return { findings, warnings };
}

async function probabilities(
  measuring: Measuring,
  answered: readonly Answered[],
  { measures, remarks, ask }: WordsOptions,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const kinds: { name: string; claims: readonly Claim[] }[] = [];
  const keep = (name: string, claims: readonly (Claim | undefined)[]): Claim[] => {
    const found = claims.filter((claim) => claim !== undefined);
    kinds.push({ name, claims: found });
    return found;
  };
  if (measures.includes("tokens")) {
    const text = {
      id: "tokens",
      question: "Is the probability of its answers right?",
      what: "the probability of its tokens",
    };
    findings.push(
      measuring.subject.score === undefined
        ? noConclusion(
            "is-tokens-calibrated",
            text.question,
            "the server gives no log-probabilities",
          )
        : calibrationFinding(
            keep("probability of its tokens", await tokenClaims(measuring, answered, remarks)),
            text,
          ),
    );
  }
  if (measures.includes("stated")) {
    const claims = keep(
      "what it says of how sure it is",
      await statedClaims(measuring, answered, { remarks, ask }),
    );
    const missing = remarks.count(UNPARSABLE);
    findings.push(
      calibrationFinding(claims, {
        id: "stated",
        question: "Is it as sure as it says?",
        what: "what it says of how sure it is",
        ...(missing > 0
          ? { missing: ` (${countOf(missing, "reply", "replies")} named no number from 0 to 100)` }
          : {}),
      }),
    );
  }
  const curves = kinds.filter(({ claims }) => claims.length > 0);
  if (curves.length > 0) findings.push(selectiveFinding(curves));
  return findings;
}

async function behavioursOf(measuring: Measuring, files: readonly HonestFile[]): Promise<Measured> {
  const remarks = new Remarks();
  if (measuring.subject.score === undefined)
    return {
      findings: [
        noConclusion(
          "which-behaviours-does-it-show",
          "Which behaviours does it show?",
          "the server gives no log-probabilities",
        ),
      ],
      warnings: [],
    };
  const scored = [];
  const names = numberedSlugs(files.map(({ name }) => name));
  for (const [i, { rows }] of files.entries()) {
    const name = names[i]!;
    const items = readBehaviour(rows, remarks);
    scored.push({ name, items: await scoreBehaviour(measuring, { name, items }, remarks) });
  }
  const pair = biographyPair(scored);
  const findings = [
    ...(pair ? [biographyFinding(pair)] : []),
    behavioursFinding(
      scored.map(({ name, items }) => ({
        name,
        items: items.filter((each) => each !== undefined),
      })),
    ),
  ];
  return { findings, warnings: remarks.texts("row") };
}

/** Two files of the same length whose names part after `-bio-`, as anthropics/evals names them. */
function biographyPair<T extends { name: string; items: readonly unknown[] }>(
  sets: readonly T[],
): { name: string; first: T; second: T } | undefined {
  for (const first of sets) {
    const [, stem, who] = /^(.*)-bio-(.+)$/.exec(first.name) ?? [];
    if (stem === undefined || !stem.endsWith(who!)) continue;
    const second = sets.find(
      ({ name, items }) =>
        name !== first.name &&
        name.startsWith(`${stem}-bio-`) &&
        items.length === first.items.length,
    );
    if (second) return { name: stem, first: { ...first, name: who! }, second };
  }
  return undefined;
}
