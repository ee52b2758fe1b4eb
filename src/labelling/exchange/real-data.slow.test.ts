/**
 * Published preferences come in, are judged by people who follow them with noise, go out and are
 * trained on; skipped where the data is not beside the checkout.
 * @module-tag dear
 */
import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { sharedData } from "../../../tests/support/shared.ts";
import { Random } from "../../core/random.ts";
import { loadDataset } from "../../data/dataset.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { testFolder } from "../../data/testing.ts";
import { createEncoder } from "../../text/encoder.ts";
import { resolveConfig } from "../../training/configs.ts";
import { rewardModel } from "../../training/offline/reward.ts";
import { COMMON, collect, stepMetric, tinyModel, tokenizer } from "../../training/testing.ts";
import { nextTasks } from "../queue/claim.ts";
import { judgeTask } from "../queue/judge.ts";
import { makeMember, makeProject } from "../queue/testing.ts";
import type { Database } from "../store/database.ts";
import { STORES, storesOf } from "../testing.ts";
import { exportFile, removeExport } from "./export-file.ts";
import { WHOLE } from "./export-rows.ts";
import { importFile } from "./import-file.ts";

const folder = testFolder();
afterAll(() => folder.remove());

const FILES = [
  ["hh-rlhf-harmless.jsonl.gz", 1500],
  ["finegrained-rlhf-dev.json.gz", 1500],
] as const;
/** Judgements of each of the two. */
const EACH = 300;
const RIGHT = 0.9;

/** Follows what the file says, nine times in ten. */
async function judgeAll(database: Database, project: number, seed: number): Promise<void> {
  const rows = await database.rows(
    `SELECT content, hidden #>> '{label,choice}' AS choice FROM tasks WHERE project = $1`,
    [project],
  );
  const key = (content: unknown): string => {
    const { prompt, answers } = content as { prompt: unknown; answers: unknown[] };
    return JSON.stringify([prompt, answers.map((each) => JSON.stringify(each)).toSorted()]);
  };
  const known = new Map(
    rows.map(({ content, choice }) => [
      key(content),
      JSON.stringify((content as { answers: unknown[] }).answers[Number(choice)]),
    ]),
  );
  const random = new Random(seed);
  const visitor = await makeMember(database, project);
  for (let n = 0; n < EACH; n++) {
    const { tasks } = await nextTasks(database, visitor, 1);
    const { assignment, content } = tasks[0]!;
    const better = content.answers.findIndex(
      (each) => JSON.stringify(each) === known.get(key(content)),
    );
    const choice = better < 0 ? "tie" : random.chance(RIGHT) ? better : 1 - better;
    await judgeTask(database, visitor, {
      id: randomUUID(),
      assignment,
      judgement: { choice },
      comment: "",
      flag: "",
      shownMs: 4000,
    });
  }
}

describe.each(STORES)("real data on $kind", (store) => {
  const { fresh } = storesOf(store);

  test.each(FILES)("%s comes in, is judged, goes out and is trained on", async (name, least) => {
    const path = sharedData(name);
    if (path === undefined) return;
    const database = await fresh();
    const settings = { maskIdentity: false };
    const id = await makeProject(database, { overlap: 2, settings });
    const outcome = await importFile(database, {
      project: { id, kind: "compare" },
      principles: [],
      path,
      name,
      as: "tasks",
      judgements: "keep",
    });
    expect(outcome.added).toBeGreaterThan(least);
    // nobody is named: what the files say is kept beside the tasks
    expect(outcome.judgements).toBe(0);
    expect(outcome.notes.join("\n")).toContain("without the name of whoever judged");
    for (const seed of [1, 2]) await judgeAll(database, id, seed);
    const exported = await exportFile(database, {
      project: { id, slug: "real", kind: "compare" },
      filter: WHOLE,
      format: "attune",
      as: "jsonl",
      folder: folder.path,
    });
    const { records } = await loadDataset(exported.path);
    removeExport(exported);
    const pairs = records as PreferenceRecord[];
    expect(pairs).toHaveLength(EACH);
    const sure = pairs.filter(({ p }) => p > 0.85);
    expect(sure.length).toBeGreaterThan(EACH * 0.4);
    const settled = resolveConfig("reward", {
      ...COMMON,
      maxLength: 512,
      maxSteps: 2,
      batchSize: 2,
      centerCoefficient: 0,
    });
    const events = await collect(
      rewardModel(
        {
          model: tinyModel("llama", { num_hidden_layers: 1, max_position_embeddings: 1100 }),
          encoder: createEncoder(tokenizer, { maxLength: 512 }),
          train: pairs.slice(0, 4),
          heldOut: [],
        },
        settled,
      ),
    );
    expect(stepMetric(events, "loss").every((loss) => loss > 0 && loss < 3)).toBe(true);
  });
});
