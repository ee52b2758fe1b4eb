/** Prompts with all their answers in one row, and the pairs among them, for reward models. */
import { AttuneError } from "../../core/errors.ts";
import { rankedToPreferences } from "../../data/conversions.ts";
import { likelierAsChosen, turnedOver } from "../../data/judgements.ts";
import type { PreferenceRecord, RankedRecord } from "../../data/records.ts";
import { compact } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { EncodedAnswers, Encoder } from "../../text/encoder.ts";
import { refuseIdenticalAnswers } from "../../text/encoder.ts";
import type { Completion } from "../../text/messages.ts";
import type { LaidRow } from "../layout.ts";
import { layAnswersAtEnd } from "../layout.ts";
import { EncodingReport } from "../encoding.ts";
import { promptCluster } from "./held-out.ts";
import type { rewardConfig } from "./reward.config.ts";

export type RewardConfig = ConfigOf<typeof rewardConfig>;

export interface RewardInput {
  model: Model;
  encoder: Encoder;
  /** Pairs, or prompts with several ranked answers. */
  train: readonly (PreferenceRecord | RankedRecord)[];
  heldOut: readonly (PreferenceRecord | RankedRecord)[];
}

interface Comparison {
  /** Answers of the group, by index. */
  chosen: number;
  rejected: number;
  p: number;
  margin: number;
}

/** One prompt with all its answers in one row, and the pairs among them. */
export interface Group {
  row: LaidRow;
  pairs: Comparison[];
  /** Tokens of each answer. */
  lengths: number[];
  cluster: string;
}

export interface EncodedGroups {
  examples: Group[];
  held: Group[];
  report: EncodingReport;
}

/**
 * 1. Pairs of one cluster that share their prompt become one group, and so do the answers of a
 * ranked record.
 */
export function encodeReward(
  { encoder, train, heldOut }: Omit<RewardInput, "model">,
  config: Pick<RewardConfig, "margin" | "maxLength" | "onBad">,
): EncodedGroups {
  const report = new EncodingReport(encoder, config);
  report.tellToo(
    turnedOver([...train, ...heldOut].filter((record) => record.kind === "preference")),
  );
  const [examples, held] = [train, heldOut].map((records) =>
    encodeGroups(records, { encoder, report, useMargin: config.margin }),
  ) as [Group[], Group[]];
  return { examples, held, report };
}

interface GroupEncoding {
  encoder: Encoder;
  report: EncodingReport;
  useMargin: boolean;
}

function encodeGroups(
  records: readonly (PreferenceRecord | RankedRecord)[],
  { encoder, report, useMargin }: GroupEncoding,
): Group[] {
  const members = new Map(
    groupPairs(records).map((pairs) => {
      const turned = pairs.map(likelierAsChosen);
      return [asRanked(turned), turned];
    }),
  );
  return report
    .encodeAll([...members.keys()], (record) => {
      if (useMargin) members.get(record)!.forEach(refuseContradiction);
      return [encodeRanked(record, encoder)];
    })
    .map(({ record, encoded }) => toGroup(members.get(record)!, record, { encoded, useMargin }));
}

/** The answers of a prompt, each once. */
function asRanked(members: readonly PreferenceRecord[]): RankedRecord {
  const { place, prompt, tools, templateArguments, plain } = members[0]!;
  const answers = new Map(
    members
      .flatMap(({ chosen, rejected }) => [chosen, rejected])
      .map((completion) => [JSON.stringify(completion), completion]),
  );
  return compact({
    kind: "ranked" as const,
    place,
    prompt,
    tools,
    templateArguments,
    plain,
    completions: [...answers.values()].map((completion) => ({ completion })),
  }) as RankedRecord;
}

function encodeRanked(record: RankedRecord, encoder: Encoder): EncodedAnswers {
  const encoded = encoder.encodeAnswers(
    record.prompt,
    record.completions.map(({ completion }) => completion),
    record,
  );
  refuseIdenticalAnswers(encoded.completions, encoded.cut, record);
  if (encoded.supervised.some((labels) => labels.at(-1) === 0)) {
    throw new AttuneError(
      "data",
      "a reward model scores an answer at its end, which has weight 0",
      { ...record.place, hint: "weights on earlier turns only" },
    );
  }
  return encoded;
}

/**
 * The loss is least at a difference of margin + logit(p), which may not prefer the answer that is
 * the worse one by p.
 */
function refuseContradiction({ p, margin = 0, place }: PreferenceRecord): void {
  const least = p === 1 ? Infinity : margin + Math.log(p / (1 - p));
  if (p === 0.5 ? margin === 0 : least > 0) return;
  throw new AttuneError("data", "margin and p contradict each other: one prefers each answer", {
    ...place,
    got: `p ${p} for the better answer, and a margin of ${margin}`,
    expected: "a margin above 0 for the better answer, and of 0 for a tie",
    hint: "--no-margin learns from p alone",
  });
}

/** The pairs of each training example. */
export function groupPairs(
  records: readonly (PreferenceRecord | RankedRecord)[],
): PreferenceRecord[][] {
  const pairs = records.flatMap((record) =>
    record.kind === "ranked" ? rankedToPreferences(record) : [record],
  );
  const groups = new Map<string, PreferenceRecord[]>();
  pairs.forEach((pair, index) => {
    const key =
      pair.cluster === undefined
        ? `row ${index}`
        : JSON.stringify([pair.cluster, pair.prompt, pair.tools, pair.templateArguments]);
    const group = groups.get(key);
    if (group) group.push(pair);
    else groups.set(key, [pair]);
  });
  return [...groups.values()];
}

function toGroup(
  members: readonly PreferenceRecord[],
  { completions }: RankedRecord,
  { encoded, useMargin }: { encoded: EncodedAnswers; useMargin: boolean },
): Group {
  const places = new Map(
    completions.map(({ completion }, index) => [JSON.stringify(completion), index]),
  );
  const indexOf = (completion: Completion): number => places.get(JSON.stringify(completion))!;
  const pairs = members.map(({ chosen, rejected, p, margin = 0 }) => ({
    chosen: indexOf(chosen),
    rejected: indexOf(rejected),
    p,
    margin: useMargin ? margin : 0,
  }));
  const { prompt, completions: ids } = encoded;
  return {
    // 2.
    row: layAnswersAtEnd(prompt, ids),
    pairs,
    lengths: ids.map(({ length }) => length),
    cluster: promptCluster(members[0]!),
  };
}
