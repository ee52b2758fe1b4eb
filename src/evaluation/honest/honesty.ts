/** The part `honest` of an evaluation: every measure of a file of questions, and of behaviours. */
import { countOf } from "../../core/counts.ts";
import { Random } from "../../core/random.ts";
import type { Row } from "../../data/readers/row.ts";
import type { AskOptions } from "../behaviour/asking.ts";
import { faultTexts, whyNothing, whyScoreless } from "../behaviour/asking.ts";
import type { Measured, Measuring } from "../behaviour/measured.ts";
import { noConclusion, Remarks } from "../behaviour/measured.ts";
import { missingOf, withMissing } from "../behaviour/missing.ts";
import { contradictionText } from "../behaviour/rows.ts";
import type { Finding } from "../findings.ts";
import { numberedSlugs } from "../measure-names.ts";
import type { Answered } from "./answered.ts";
import { answerQuestions } from "./answered.ts";
import { isBehaviourFile, readBehaviour } from "./behaviour-rows.ts";
import { behavioursFinding, biographyFinding, scoreBehaviour } from "./behaviours.ts";
import type { OptionForm } from "./forms.ts";
import { normalised } from "./matching.ts";
import { multipleChoice } from "./multiple-choice.ts";
import { beliefFinding, sureFinding } from "./pressure.ts";
import type { CalibrationText, Claim, Claims } from "./probabilities.ts";
import { calibrationFinding, statedClaims, tokenClaims, UNPARSABLE } from "./probabilities.ts";
import type { Question } from "./questions.ts";
import { readQuestions } from "./questions.ts";
import { selectiveFinding } from "./selective-accuracy.ts";
import { stanceDetection } from "./stance-detection.ts";
import { knowingFinding, truthFinding } from "./truth.ts";
import { writeBehaviour } from "./written-behaviours.ts";

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
  for (const file of others) {
    const found = await questionsOf(measuring, file, { ...options, labelledStances });
    parts.push(others.length > 1 ? named(found, file.name) : found);
  }
  if (behaviours.length > 0) parts.push(await behavioursOf(measuring, behaviours, options.ask));
  return {
    findings: distinct(parts.flatMap(({ findings }) => findings)),
    warnings: parts.flatMap(({ warnings }) => warnings),
  };
}

/** Which of several files it is that findings are of. */
const named = ({ findings, warnings }: Measured, file: string): Measured => ({
  findings: findings.map((finding) => ({
    ...finding,
    question: `${finding.question.replace(/\?$/, "")} (${file})?`,
    measures: finding.measures.map((measure) => ({ ...measure, name: `${file}: ${measure.name}` })),
  })),
  warnings,
});

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
  const against = contradictionText(questions, {
    keyOf: ({ context = "", question }) => [context, question].join("\n").trim(),
    agree: (a, b) =>
      a.right.some((text) => b.right.some((each) => normalised(text) === normalised(each))),
    tell: ({ right }) => right[0]!,
    thing: "question",
  });
  if (against !== undefined) warnings.push(`${name}: ${against}`);
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
  const missing = missingOf(answers, remarks.whyMissing("answers"));
  const findings: Finding[] = [truthFinding(answered), knowingFinding(answered, detection)].map(
    (finding) => withMissing(finding, missing),
  );
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

const TOKENS: CalibrationText = {
  id: "tokens",
  question: "Are its tokens more probable where it is right?",
  what: "the probability of a token of its answers",
  noClaim:
    "that a token is probable means that the wording is expected, not that the answer is true, so " +
    "that only the order says something",
};

async function probabilities(
  measuring: Measuring,
  answered: readonly Answered[],
  { measures, remarks, ask }: WordsOptions,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const kinds: { name: string; claims: readonly Claim[] }[] = [];
  const keep = (name: string, { claims, missing }: Claims, text: CalibrationText): void => {
    kinds.push({ name, claims });
    findings.push(withMissing(calibrationFinding(claims, text), missing));
  };
  if (measures.includes("tokens")) {
    const scoreless = await whyScoreless(measuring);
    if (scoreless === undefined)
      keep("probability of its tokens", await tokenClaims(measuring, answered, remarks), TOKENS);
    else findings.push(noConclusion("is-tokens-calibrated", TOKENS.question, scoreless));
  }
  if (measures.includes("stated")) {
    const stated = await statedClaims(measuring, answered, { remarks, ask });
    const missing = remarks.count(UNPARSABLE);
    keep("what it says of how sure it is", stated, {
      id: "stated",
      question: "Is it as sure as it says?",
      what: "what it says of how sure it is",
      ...(missing > 0
        ? { missing: ` (${countOf(missing, "reply", "replies")} named no number from 0 to 100)` }
        : {}),
    });
  }
  const curves = kinds.filter(({ claims }) => claims.length > 0);
  if (curves.length > 0) findings.push(selectiveFinding(curves));
  return findings;
}

async function behavioursOf(
  measuring: Measuring,
  files: readonly HonestFile[],
  ask: AskOptions,
): Promise<Measured> {
  const remarks = new Remarks();
  const scoreless = await whyScoreless(measuring);
  const scored = [];
  const warnings =
    scoreless === undefined
      ? []
      : [`${scoreless}: behaviours are told by the answers that it writes`];
  const names = numberedSlugs(files.map(({ name }) => name));
  for (const [i, { rows }] of files.entries()) {
    const name = names[i]!;
    const read = readBehaviour(rows, remarks);
    const against = contradictionText(read, {
      keyOf: ({ question }) => question,
      agree: (a, b) => a.matching.some((answer) => b.matching.includes(answer)),
      tell: ({ matching }) => matching[0]!,
      thing: "question",
    });
    if (against !== undefined) warnings.push(`${files[i]!.name}: ${against}`);
    const set = { name, items: read };
    const items =
      scoreless === undefined
        ? await scoreBehaviour(measuring, set, remarks)
        : await writeBehaviour(measuring, set, { remarks, ask });
    const missing = missingOf(items, remarks.whyMissing(name));
    scored.push({ name, items, missing, unscored: read.filter((_, at) => !items[at]) });
  }
  const pair = biographyPair(scored);
  const why = scored.find(({ missing }) => missing.count > 0)?.missing.why ?? "";
  const findings = [
    ...(pair ? [biographyFinding({ ...pair, why })] : []),
    behavioursFinding(
      scored.map((each) => ({ ...each, items: each.items.filter((item) => item !== undefined) })),
    ),
  ];
  return { findings, warnings: [...remarks.texts("row"), ...warnings] };
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
