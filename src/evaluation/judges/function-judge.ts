/** A judge from a user's file, `--judge ./judge.ts`, in a thread of its own. */
import { basename } from "node:path";
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import { answerKey } from "../../constitution/answer-cache.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { Prompt } from "../../text/messages.ts";
import { promptText } from "../../text/messages.ts";
import type { Judge } from "../../training/rollout/judge.ts";
import type { UserFunction } from "../../training/rollout/user-function.ts";
import { openFunction } from "../../training/rollout/user-function.ts";
import type { ComparisonJudge } from "../compare/judges.ts";
import { batched } from "./batcher.ts";
import { JUDGE_FORM } from "./judge-template.ts";
import { moduleFingerprint } from "./module-fingerprint.ts";
import { scoredJudge } from "./scored-judge.ts";

/** Further columns of a prompt's row. */
export type RowOf = (prompt: Prompt) => Readonly<Record<string, unknown>>;

export interface FunctionJudgeOptions {
  /** Seconds for judging the answers of one batch. */
  timeout: number;
  name: string;
}

export interface OpenedFunctionJudge {
  /** Of its file and what that imports by a relative path. */
  fingerprint: string;
  /** What it depends on beside them, for people. */
  notFollowed: readonly string[];
  /** Whether it scores answers, rather than comparing two. */
  scores: boolean;
  judge(kept: { cache: AnswerCache; rowOf: RowOf }): ComparisonJudge;
  close(): Promise<void>;
}

/** Calls that are made together. */
const BATCH = 32;
const MEND =
  "mend the function, then compare again with --reuse and this run: answers of models are kept, " +
  "and everything is judged anew; where the fault was not in it or a file that it imports, " +
  "`attune resume` keeps what was judged";
/** Judged before any model is read: a mistake in the function should cost a second. */
const TRIAL = "A trial answer, written by nobody.";

/**
 * Opens the file and tries its function once.
 * @throws AttuneError `data` where the file is missing, cannot be loaded, exports no function, or
 * fails on a trial answer
 */
export async function openFunctionJudge(
  path: string,
  { timeout, name }: FunctionJudgeOptions,
): Promise<OpenedFunctionJudge> {
  const file = basename(path);
  const judge = await openFunction(path, timeout, {
    kind: "judge",
    names: ["score", "compare", "default"],
    form: JUDGE_FORM,
    hints: {
      missing:
        "check the path after --judge, or `attune compare --judge --init` for a file to start from",
      empty: "`attune compare --judge --init` writes a commented file to start from",
    },
    errors: {
      late: (seconds) =>
        new AttuneError("data", `the judge ${file} has not answered`, {
          got: `nothing for ${seconds} s`,
          hint: "a faster function, or a longer --judge-timeout; what was judged is kept",
        }),
      failed: (cause) =>
        new AttuneError("data", `the judge ${file} failed`, {
          got: cause instanceof Error ? cause.message : String(cause),
          hint: MEND,
          cause,
        }),
    },
  });
  const scores = judge.export !== "compare";
  try {
    await tryJudge(judge, { scores, file });
  } catch (error) {
    await judge.close();
    throw error;
  }
  const { hash: fingerprint, notFollowed } = moduleFingerprint(path);
  return {
    fingerprint,
    notFollowed,
    scores,
    judge: ({ cache, rowOf }) => ({
      kind: "function",
      name,
      symmetric: scores,
      judge: scores
        ? scoredJudge({
            name,
            batch: BATCH,
            kept: { cache, fingerprint, rowOf },
            score: (answers) =>
              askEach<number>(
                judge,
                answers.map(({ prompt, text }) => [callOf(prompt, text, rowOf)]),
              ),
          })
        : comparingJudge(judge, { name, fingerprint, cache, rowOf }),
    }),
    close: () => judge.close(),
  };
}

/** One call that fails takes no other with it: what was said is kept. */
const askEach = async <T>(
  judge: UserFunction,
  calls: readonly (readonly unknown[])[],
): Promise<(T | Error)[]> =>
  (await judge.settle(calls)).map((each) => ("error" in each ? each.error : (each.value as T)));

const callOf = (prompt: Prompt, completion: string, rowOf: RowOf): object => ({
  prompt: promptText(prompt),
  completion,
  messages: prompt,
  extra: rowOf(prompt),
});

function comparingJudge(
  judge: UserFunction,
  {
    name,
    fingerprint,
    cache,
    rowOf,
  }: { name: string; fingerprint: string; cache: AnswerCache; rowOf: RowOf },
): Judge {
  const ask = batched(
    (calls: readonly (readonly unknown[])[]) => askEach<unknown>(judge, calls),
    BATCH,
  );
  return {
    name,
    concurrency: BATCH,
    timeout: Infinity,
    async compare(prompt, first, second) {
      const asked = [prompt, first, second, rowOf(prompt)];
      const key = answerKey("judge", fingerprint, "compare", ...asked);
      const { answer } = await cache.answer<number>(key, {
        accepts: isChance,
        ask: async () => {
          const row = callOf(prompt, first, rowOf);
          const chance = await ask([promptText(prompt), first, second, row]);
          if (!isChance(chance)) throw noChance(name, chance);
          return chance;
        },
      });
      return answer;
    },
  };
}

/** What is none is not kept: a mended judge is asked again. */
const isChance = (said: unknown): said is number =>
  typeof said === "number" && said >= 0 && said <= 1;

const noChance = (name: string, got: unknown): AttuneError =>
  new AttuneError("numeric", `what the judge ${name} says is no probability`, {
    got: typeof got === "number" ? String(got) : preview(got),
    expected: "a number from 0 to 1: the chance that the first answer is better",
    hint: "what was judged before is kept",
  });

async function tryJudge(
  judge: UserFunction,
  { scores, file }: { scores: boolean; file: string },
): Promise<void> {
  const answer = {
    prompt: "A trial prompt?",
    completion: TRIAL,
    messages: "A trial prompt?",
    extra: {},
  };
  const [said] = await judge.call([
    scores ? [answer] : [answer.prompt, TRIAL, `${TRIAL} Another one.`, answer],
  ]);
  const right =
    typeof said === "number" && Number.isFinite(said) && (scores || (said >= 0 && said <= 1));
  if (right) return;
  throw new AttuneError(
    "data",
    `the judge ${file} gives no number, tried before any model was read`,
    {
      got: typeof said === "number" ? String(said) : preview(said),
      expected: JUDGE_FORM,
      hint: `mend the function, which was given the answer ${JSON.stringify(TRIAL)}`,
    },
  );
}
