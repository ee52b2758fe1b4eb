/**
 * Does it follow instructions? Of prompts whose instructions a program can check: how many answers
 * follow all of theirs, and how many instructions are followed, strictly and loosely.
 *
 * Source: IFEval (Zhou et al., arXiv 2311.07911).
 * Difference: every share carries an interval; instructions of one prompt count as one cluster.
 */
import { countOf } from "../../core/counts.ts";
import type { Row } from "../../data/readers/row.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { AskOptions } from "../behaviour/asking.ts";
import { askAll, asUser, faultTexts, whyNothing } from "../behaviour/asking.ts";
import type { Measured, Measuring } from "../behaviour/measured.ts";
import { noConclusion, Remarks } from "../behaviour/measured.ts";
import { missingOf, withMissing } from "../behaviour/missing.ts";
import { filesText } from "../behaviour/rows.ts";
import type { Finding } from "../findings.ts";
import { extremesText, saying } from "../extremes.ts";
import type { ItemScore } from "../items.ts";
import { itemOf } from "../items.ts";
import { shareInItems, shareOfItems } from "../measure.ts";
import type { Example, ReportPart } from "../page.ts";
import type { SubjectAnswer } from "../subject.ts";
import { formatShare } from "../table.ts";
import type { Table } from "../table.ts";
import type { Followed, InstructedPrompt } from "./following.ts";
import { followedBy } from "./following.ts";
import { readInstructed } from "./instructed-rows.ts";

const ID = "does-it-follow-instructions";
const QUESTION = "Does it follow instructions that a program can check?";
const STAGE = "instructions";
const EXAMPLES = 5;

interface Checked extends Followed {
  readonly prompt: InstructedPrompt;
  readonly answer: SubjectAnswer;
}

/** @param rows of IFEval's form */
export async function instructionFollowing(
  measuring: Measuring,
  rows: readonly Row[],
  options: AskOptions,
): Promise<Measured> {
  const remarks = new Remarks();
  const prompts = readInstructed(rows, remarks);
  const answers = await askAll(
    measuring,
    prompts.map(({ prompt }) => asUser(prompt)),
    { ...options, stage: STAGE, remarks },
  );
  const why = whyNothing(answers);
  const warnings = [...remarks.texts("row"), ...faultTexts(answers)];
  if (why !== undefined) return { findings: [noConclusion(ID, QUESTION, why)], warnings };
  const checked = prompts.flatMap((prompt, i): Checked[] => {
    const answer = answers[i];
    return answer ? [{ prompt, answer, ...followedBy(answer.text, prompt.instructions) }] : [];
  });
  const cut = checked.filter(({ answer: { stopped } }) => !stopped).length;
  if (cut > 0)
    warnings.push(
      `${countOf(cut, "answer")} of ${checked.length} did not end within ` +
        `${countOf(options.maxNewTokens, "token")} and ${cut === 1 ? "is" : "are"} judged as cut`,
    );
  const missing = missingOf(answers, remarks.whyMissing(STAGE));
  return { findings: [withMissing(findingOf(checked), missing, { thing: "prompt" })], warnings };
}

type Way = "strict" | "loose";

/** Prompts whose instructions are all followed; the same prompt twice is a cluster. */
const promptLevel = (checked: readonly Checked[], way: Way): ItemScore[] =>
  checked.map(({ prompt: { prompt, instructions }, [way]: followed }) => ({
    item: itemOf([prompt, instructions], { text: prompt }),
    score: followed.every(Boolean) ? 1 : 0,
  }));

/** The instructions that are followed, those of one prompt being a cluster. */
const instructionLevel = (
  checked: readonly Checked[],
  way: Way,
  fits: (id: string) => boolean = () => true,
): ItemScore[] =>
  checked.flatMap(({ prompt: { prompt, instructions }, [way]: followed }) =>
    instructions.flatMap((instruction, i) =>
      fits(instruction.id)
        ? [{ item: itemOf([prompt, instruction], { text: prompt }), score: followed[i] ? 1 : 0 }]
        : [],
    ),
  );

function findingOf(checked: readonly Checked[]): Finding {
  const measures = [
    shareOfItems(
      "helpful/prompt-strict",
      "prompts whose instructions are all followed",
      promptLevel(checked, "strict"),
    ),
    shareOfItems(
      "helpful/prompt-loose",
      "prompts whose instructions are all followed, loosely",
      promptLevel(checked, "loose"),
    ),
    shareOfItems(
      "helpful/instruction-strict",
      "instructions that are followed",
      instructionLevel(checked, "strict"),
    ),
    shareOfItems(
      "helpful/instruction-loose",
      "instructions that are followed, loosely",
      instructionLevel(checked, "loose"),
    ),
  ];
  const [strict, loose, each] = measures.map(({ value }) => value);
  const groups = groupsOf(checked, (id) => id.split(":")[0]!);
  const kinds = groups.map(({ name, strict: interval }) => ({
    name: name.replaceAll("_", " "),
    interval,
  }));
  const known = groups.filter(({ strict: { noClaim, n } }) => noClaim === undefined && n >= 10);
  const worst = known.toSorted((a, b) => a.strict.estimate - b.strict.estimate)[0];
  return {
    id: ID,
    question: QUESTION,
    conclusion: "measured",
    answer:
      `It follows all instructions of ${formatShare(strict!)} of ${countOf(strict!.n, "prompt")} ` +
      `(${formatShare(loose!)} where a first or last line and asterisks are forgiven). Of ` +
      `${countOf(each!.n, "instruction")} it follows ${formatShare(each!)}` +
      (worst && known.length > 1
        ? `, and least those about ${worst.name.replaceAll("_", " ")}, ${formatShare(worst.strict)}.`
        : ".") +
      filesText(checked.map(({ prompt: { file } }) => file)),
    brief: `It follows all instructions of ${formatShare(strict!)} of ${countOf(strict!.n, "prompt")}.`,
    measures,
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "intervals",
          title: "Instructions that are followed, by what they ask",
          description:
            "Share of the instructions of each group that the answers follow, with 95% intervals " +
            "that count a prompt's instructions as one cluster.",
          ...saying(extremesText(kinds, "followed")),
          label: "instructions followed",
          percent: true,
          rows: kinds.map(({ name, interval }) => ({ group: name, series: "strict", interval })),
        },
      },
    ],
    details: [
      ...filesTable(checked),
      { kind: "table", table: kindsTable(groupsOf(checked, (id) => id)) },
      { kind: "examples", examples: examplesOf(checked) },
      {
        kind: "text",
        text:
          "The checks are those of IFEval; sentences are told without Punkt's English model, and " +
          "languages by script, letters and frequent words, so that an answer in a rare language " +
          "may be taken for a neighbour. A keyword is found inside other words too, as in IFEval.",
      },
    ],
  };
}

function groupsOf(
  checked: readonly Checked[],
  nameOf: (id: string) => string,
): { name: string; strict: Interval; loose: Interval }[] {
  const names = new Set(
    checked.flatMap(({ prompt }) => prompt.instructions.map(({ id }) => nameOf(id))),
  );
  return [...names].toSorted().map((name) => ({
    name,
    strict: shareInItems(instructionLevel(checked, "strict", (id) => nameOf(id) === name)),
    loose: shareInItems(instructionLevel(checked, "loose", (id) => nameOf(id) === name)),
  }));
}

function filesTable(checked: readonly Checked[]): ReportPart[] {
  const files = [...new Set(checked.flatMap(({ prompt: { file } }) => file ?? []))];
  if (files.length < 2) return [];
  return [
    {
      kind: "table",
      table: {
        caption: "By file: prompts whose instructions are all followed",
        columns: [
          { name: "file" },
          { name: "strict [95%]", align: "right" },
          { name: "loose [95%]", align: "right" },
          { name: "n", align: "right" },
        ],
        rows: files.map((file) => {
          const those = checked.filter(({ prompt }) => prompt.file === file);
          return [
            file,
            formatShare(shareInItems(promptLevel(those, "strict"))),
            formatShare(shareInItems(promptLevel(those, "loose"))),
            String(those.length),
          ];
        }),
      },
    },
  ];
}

function kindsTable(kinds: ReturnType<typeof groupsOf>): Table {
  return {
    caption: "By kind of instruction",
    columns: [
      { name: "instruction" },
      { name: "strict [95%]", align: "right" },
      { name: "loose [95%]", align: "right" },
      { name: "n", align: "right" },
    ],
    rows: kinds.map(({ name, strict, loose }) => [
      name,
      formatShare(strict),
      formatShare(loose),
      String(strict.n),
    ]),
  };
}

function examplesOf(checked: readonly Checked[]): Example[] {
  return checked
    .filter(({ strict }) => !strict.every(Boolean))
    .slice(0, EXAMPLES)
    .map(({ prompt: { prompt, instructions }, answer: { text }, strict, loose }) => ({
      prompt,
      answers: [
        {
          name: "answer",
          text,
          remarks: instructions.flatMap(({ id }, i) =>
            strict[i] ? [] : [`${id} ${loose[i] ? "only loosely followed" : "not followed"}`],
          ),
        },
      ],
    }));
}
