/**
 * What was asked and answered, as lm_eval's `--log_samples` writes it: `attune compare` and other
 * programs read it. Source: lm_eval/evaluator.py and loggers/evaluation_tracker.py 0.4.13.
 */
import { createHash } from "node:crypto";
import type { DocResult, TaskResult } from "./run-task.ts";
import type { TaskReply, TaskRequest } from "./requests.ts";
import { pythonText } from "./task-template.ts";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Lines of a file, one for each document and filter. */
export function sampleLog({ prepared, documents, metrics }: TaskResult): string {
  const filters = [...new Set(metrics.map(({ filter }) => filter))];
  const names = [...new Set(metrics.map(({ metric }) => metric))];
  const { writing, task } = prepared;
  const kwargs = {
    until: writing.until,
    max_gen_toks: writing.maxNewTokens,
    temperature: writing.temperature,
  };
  return filters
    .flatMap((filter) =>
      documents.map((each) =>
        JSON.stringify({
          doc_id: each.asked.doc.row - 1,
          doc: each.asked.doc.document,
          target: pythonText(each.asked.target),
          arguments: Object.fromEntries(
            each.asked.requests.map((request, index) => [
              `gen_args_${index}`,
              argumentsOf(request, kwargs),
            ]),
          ),
          resps: each.replies.map((reply) => [replyOf(reply)]),
          filtered_resps: filteredOf(each, filter),
          filter,
          metrics: names,
          doc_hash: hash(JSON.stringify(each.asked.doc.document)),
          prompt_hash: hash(firstText(each.asked.requests[0])),
          target_hash: hash(pythonText(each.asked.target)),
          task: task.fields.task,
          ...each.counts[filter],
        }),
      ),
    )
    .map((line) => `${line}\n`)
    .join("");
}

const firstText = (request: TaskRequest | undefined): string =>
  request === undefined ? "" : request.kind === "text" ? request.text : request.prompt;

function argumentsOf(request: TaskRequest, kwargs: object): object {
  switch (request.kind) {
    case "answer":
      return { arg_0: request.prompt, arg_1: kwargs };
    case "text":
      return { arg_0: request.text };
    case "score":
      return { arg_0: request.prompt, arg_1: request.continuation };
  }
}

const replyOf = (reply: TaskReply): unknown =>
  "text" in reply
    ? reply.text
    : "refused" in reply
      ? null
      : [String(reply.logProbability), reply.greedy ? "True" : "False"];

const filteredOf = ({ filtered }: DocResult, filter: string): unknown[] =>
  filtered[filter]!.map((each) => (typeof each === "string" ? each : replyOf(each as TaskReply)));
