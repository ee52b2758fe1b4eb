/**
 * Advice about a constitution that is well formed: what is missing, and what pulls in two
 * directions.
 */
import { countOf } from "../core/counts.ts";
import type {
  Constitution,
  Principle,
  ReadConstitution,
  ConstitutionRemark,
} from "./constitution.ts";
import { isComparisonPrinciple, isCritiquePrinciple, readConstitution } from "./constitution.ts";

/** A constitution with what there is to say about it. */
export interface CheckedConstitution {
  /** Undefined where there are errors. */
  constitution: Constitution | undefined;
  /** Errors first, each with its line, then warnings. */
  remarks: readonly ConstitutionRemark[];
}

/** Everything that there is to say about the text of a constitution file. */
export function checkConstitution(yaml: string): CheckedConstitution {
  const read = readConstitution(yaml);
  if (read.constitution === undefined) return { constitution: undefined, remarks: read.errors };
  const remarks = [
    ...missing(read.constitution),
    ...repeated(read.constitution, read.lineOf),
    ...inverted(read.constitution, read.lineOf),
    ...opposed(read.constitution, read.lineOf),
    ...examples(read.constitution, read.lineOf),
  ];
  return { constitution: read.constitution, remarks };
}

type LineOf = ReadConstitution["lineOf"];
const FIELDS = ["critique", "revision", "comparison"] as const;

/** Tags by which a constitution says that it holds the other side too. */
const HELPFUL = /^(helpful|helpfulness|engaged|engagement|not-evasive|evasive|preachy|tone)$/;

function missing({ principles, examples }: Constitution): ConstitutionRemark[] {
  const remarks: ConstitutionRemark[] = [];
  const say = (what: string, hint: string): void =>
    void remarks.push({ level: "warning", what, hint });
  const [critiques, comparisons] = [
    principles.filter(isCritiquePrinciple),
    principles.filter(isComparisonPrinciple),
  ];
  if (critiques.length === 0)
    say(
      "no principle has a critique and a revision",
      "`attune constitution revise` needs one at least",
    );
  if (comparisons.length === 0)
    say("no principle has a comparison", "`attune constitution compare` needs one at least");
  if (comparisons.length === 1)
    say(
      "there is one comparison only",
      "drawing from several made labels clearly more robust (Bai et al. 2022)",
    );
  if (critiques.length > 0 && examples.critiques.length === 0)
    say(
      "there are no examples of critiques",
      "without them models write a critique where the revision belongs",
    );
  if (comparisons.length > 0 && examples.comparisons.length === 0)
    say(
      "there are no examples of comparisons",
      "small models do not answer with a letter without them",
    );
  if (!principles.some(({ tags }) => tags.some((tag) => HELPFUL.test(tag)))) {
    say(
      "no principle has a tag such as helpful, engaged or preachy",
      "where every principle is about harm, training ends in refusals and sermons; add one that " +
        "prefers an engaged answer",
    );
  }
  return remarks;
}

function repeated({ principles }: Constitution, lineOf: LineOf): ConstitutionRemark[] {
  return FIELDS.flatMap((field) => {
    const seen = new Map<string, string>();
    return principles.flatMap((each, index): ConstitutionRemark[] => {
      const key = each[field]?.toLowerCase().replaceAll(/\s+/g, " ");
      const before = key === undefined ? undefined : seen.get(key);
      if (key !== undefined && before === undefined) seen.set(key, each.id);
      return before === undefined
        ? []
        : [
            {
              level: "warning",
              line: lineOf(["principles", index, field]),
              what: `the ${field} of ${each.id} is that of ${before}, word for word`,
              hint: "give one of them a greater weight instead",
            },
          ];
    });
  });
}

/** Words for what is wrong with an answer. */
const BAD = [
  "harmful|toxic|dangerous|dishonest|deceptive|evasive|preachy|offensive|biased|unfair|insulting",
  "unethical|illegal|misleading|rude",
].join("|");
const ASKS_FOR_WORSE = new RegExp(
  [
    `\\b(?:is|are|was|be|sounds?|seems?)\\s+(?:the\\s+)?(?:more|most)\\s+(?:${BAD})\\b`,
    "\\bwhich\\b[^.?]*\\b(?:worse|worst)\\b",
    `\\b(?:choose|pick)\\b[^.?]*\\b(?:worse|worst|(?:more|most) (?:${BAD}))\\b`,
    "\\bless\\s+(?:helpful|honest|harmless|truthful|accurate)\\b",
  ].join("|"),
  "i",
);

/** A question that asks for the worse answer turns every label of its principle round. */
function inverted({ principles }: Constitution, lineOf: LineOf): ConstitutionRemark[] {
  return principles.flatMap(({ id, comparison }, index): ConstitutionRemark[] => {
    const found = comparison === undefined ? null : ASKS_FOR_WORSE.exec(comparison);
    return found === null
      ? []
      : [
          {
            level: "warning",
            line: lineOf(["principles", index, "comparison"]),
            what: `the comparison of ${id} seems to ask for the worse answer ("${found[0]}")`,
            hint: "the answer that the critic names is taken as the better one; ask for that",
          },
        ];
  });
}

const OPPOSITES: readonly (readonly [string, string])[] = [
  ["longer", "shorter"],
  ["formal", "casual"],
  ["detailed", "brief"],
  ["detailed", "concise"],
  ["confident", "cautious"],
  ["direct", "gentle"],
  ["playful", "serious"],
];
const QUALITY = /\b(more|less|most|least)\s+([a-z]+)/gi;

/** What a question asks for: `+polite`, `-polite`. */
function qualities(question: string): Set<string> {
  const found = new Set(
    [...question.matchAll(QUALITY)].map(
      ([, degree, word]) => `${/^(more|most)$/i.test(degree!) ? "+" : "-"}${word!.toLowerCase()}`,
    ),
  );
  for (const word of OPPOSITES.flat())
    if (
      new RegExp(
        `\\b(?:is|are|be|more|most)\\s+(?:the\\s+)?${word}\\b|` +
          `\\b${word}\\s+(?:answer|response|reply)`,
        "i",
      ).test(question)
    )
      found.add(`+${word}`);
  return found;
}

/**
 * Two questions of which one asks for what the other asks against: their labels cancel each other.
 */
function opposed({ principles }: Constitution, lineOf: LineOf): ConstitutionRemark[] {
  const asked = principles.map(({ comparison }) =>
    comparison === undefined ? new Set<string>() : qualities(comparison),
  );
  const clashes = (a: Set<string>, b: Set<string>): string | undefined => {
    const sign = [...a].find((quality) =>
      b.has(`${quality.startsWith("+") ? "-" : "+"}${quality.slice(1)}`),
    );
    if (sign !== undefined) return `${sign.slice(1)}: one asks for more of it, the other for less`;
    const pair = OPPOSITES.flatMap(
      ([x, y]) =>
        [
          [x, y],
          [y, x],
        ] as const,
    ).find(([x, y]) => a.has(`+${x}`) && b.has(`+${y}`));
    return pair === undefined ? undefined : `${pair[0]} against ${pair[1]}`;
  };
  return principles.flatMap((one: Principle, i) =>
    principles.slice(i + 1).flatMap((other, offset): ConstitutionRemark[] => {
      const clash = clashes(asked[i]!, asked[i + 1 + offset]!);
      return clash === undefined
        ? []
        : [
            {
              level: "warning",
              line: lineOf(["principles", i + 1 + offset, "comparison"]),
              what: `the comparisons of ${one.id} and ${other.id} contradict each other (${clash})`,
              hint:
                "their labels cancel; word them so that one answer can satisfy both, or drop " +
                "one",
            },
          ];
    }),
  );
}

function examples(
  { examples: { critiques, comparisons }, principles }: Constitution,
  lineOf: LineOf,
): ConstitutionRemark[] {
  const remarks: ConstitutionRemark[] = [];
  const firsts = comparisons.filter(({ better }) => better === "first").length;
  if (comparisons.length > 1 && (firsts === 0 || firsts === comparisons.length)) {
    remarks.push({
      level: "warning",
      line: lineOf(["examples", "comparisons"]),
      what: `in every example the ${firsts === 0 ? "second" : "first"} answer is the better one`,
      hint: "the critic learns the place, not the principle: turn half of them round",
    });
  }
  comparisons.forEach(({ first, second }, index) => {
    if (first === second)
      remarks.push({
        level: "warning",
        line: lineOf(["examples", "comparisons", index]),
        what: "the two answers of the example are the same",
      });
  });
  const reasoned = comparisons.filter(({ reasoning }) => reasoning !== undefined).length;
  if (reasoned > 0 && reasoned < comparisons.length)
    remarks.push({
      level: "warning",
      line: lineOf(["examples", "comparisons"]),
      what:
        `${comparisons.length - reasoned} of ${countOf(comparisons.length, "example")} of ` +
        "comparisons have no reasoning",
      hint: "only those that have one are shown when the critic reasons first",
    });
  critiques.forEach(({ answer, revision }, index) => {
    if (answer === revision)
      remarks.push({
        level: "warning",
        line: lineOf(["examples", "critiques", index, "revision"]),
        what: "the revision of the example is the answer itself",
      });
  });
  const ids = new Set(principles.map(({ id }) => id));
  for (const [kind, list] of Object.entries({ critiques, comparisons })) {
    const used = new Set(list.map(({ principle }) => principle));
    if (list.length > 2 && used.size === 1 && ids.size > 1)
      remarks.push({
        level: "warning",
        line: lineOf(["examples", kind]),
        what: `all examples of ${kind} are of one principle (${[...used][0]!})`,
        hint: "the paper draws a principle for each",
      });
  }
  return remarks;
}
