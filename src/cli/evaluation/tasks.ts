/** `attune eval tasks`: tasks in lm-evaluation-harness's YAML. */
import { join } from "node:path";
import { countOf } from "../../core/counts.ts";
import { hashContent } from "../../data/files.ts";
import { CountedSubject } from "../../evaluation/subjects/counted-subject.ts";
import { filesOf } from "../../evaluation/tasks/documents.ts";
import type { PreparedTask, TaskResult } from "../../evaluation/tasks/run-task.ts";
import { prepareTask, runTask } from "../../evaluation/tasks/run-task.ts";
import { sampleLog } from "../../evaluation/tasks/sample-log.ts";
import type { TaskFile } from "../../evaluation/tasks/task-file.ts";
import { readTaskFiles } from "../../evaluation/tasks/task-file.ts";
import { taskFindings, taskPicture, taskWarnings } from "../../evaluation/tasks/task-findings.ts";
import type { tasksConfig } from "../../evaluation/tasks/tasks.config.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { EvaluationPart, PartWork } from "./part.ts";

export const part: EvaluationPart<typeof tasksConfig> = {
  async prepare({ config, openSubject }) {
    const { tasks, groups } = readTaskFiles(config.tasks);
    const prepared: PreparedTask[] = [];
    for (const task of tasks)
      prepared.push(
        await prepareTask(task, {
          ...config,
          shots: config.numFewshot < 0 ? undefined : config.numFewshot,
        }),
      );
    const opened = await openSubject({ ...config, template: "none" });
    const counted = new CountedSubject(opened.name);
    if (opened.isServer)
      for (const each of prepared) await runTask(each, counted, { seed: config.seed });
    return {
      subject: opened.name,
      dataHash: jointHash(...(await Promise.all(tasks.map(contentHash)))),
      fingerprint: opened.fingerprint,
      plan: prepared.map(
        ({ task, asked }) =>
          `ask ${opened.name} ` +
          `${countOf(
            asked.reduce((sum, { requests }) => sum + requests.length, 0),
            "request",
          )} ` +
          `about ${countOf(asked.length, "document")} of ${task.fields.task}`,
      ),
      ...(opened.isServer ? { costs: { estimate: counted.estimate, prices: config } } : {}),
      async run(work) {
        const subject = await work.subject(opened);
        const results: TaskResult[] = [];
        for (const each of prepared) {
          const result = await runShown(each, { subject, config, work });
          writeSamples(result, work);
          results.push(result);
        }
        const picture = taskPicture(results);
        return {
          findings: taskFindings(results, groups),
          ...(picture ? { picture } : {}),
          warnings: [
            ...taskWarnings(results),
            ...(opened.isServer &&
            tasks.some(({ fields }) => fields.output_type === "generate_until")
              ? [
                  "a server writes answers as turns of its chat template, where a model of this " +
                    "machine goes on with the text itself",
                ]
              : []),
          ],
        };
      },
    };
  },
};

/** Of the task with its documents. */
const contentHash = async (task: TaskFile): Promise<string> => {
  const { training_split, validation_split, test_split, fewshot_split, fewshot_config } =
    task.fields;
  const named = [
    training_split,
    validation_split,
    test_split,
    fewshot_split,
    fewshot_config.split,
  ].filter((each): each is string => typeof each === "string");
  const files = [...new Set(named)].flatMap((split) => filesOf(task, split));
  return jointHash(JSON.stringify(task.fields), ...(await Promise.all(files.map(hashContent))));
};

async function runShown(
  task: PreparedTask,
  {
    subject,
    config: { seed, maxMissing },
    work,
  }: {
    subject: Awaited<ReturnType<PartWork["subject"]>>;
    config: { seed: number; maxMissing: number };
    work: PartWork;
  },
): Promise<TaskResult> {
  const total = task.asked.reduce((sum, { requests }) => sum + requests.length, 0);
  const shown = work.progress({
    title: task.task.fields.task,
    total,
    unit: "requests",
    even: false,
  });
  const result = await runTask(task, subject, {
    seed,
    maxMissing,
    hooks: { signal: work.signal, onDone: (done) => shown.update(done) },
  });
  shown.end();
  return result;
}

/** In the form of lm_eval's logs, which `attune compare` reads. */
function writeSamples(result: TaskResult, { folder, context }: PartWork): void {
  const name = result.prepared.task.fields.task.replaceAll(/[^\w.-]+/g, "_");
  const file = join(folder, `samples_${name}.jsonl`);
  writeFileAtomic(file, sampleLog(result));
  context.reporter.note(`what was asked and answered -> ${file}`);
}
