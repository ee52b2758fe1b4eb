/**
 * Reads a model that a command was given, with its progress, and says what of its file is not read.
 */
import { countOf } from "../../core/counts.ts";
import { contextNote } from "../../models/context.ts";
import type { OpenedModel, OpenModelOptions } from "../../models/open.ts";
import { openModel } from "../../models/open.ts";
import type { Reporter } from "../display/reporter.ts";

/** @param name as the user gave it */
export async function readModelOf(
  name: string,
  path: string,
  {
    reporter,
    ...options
  }: Omit<OpenModelOptions, "onProgress" | "onUnread"> & { reporter: Reporter },
): Promise<OpenedModel> {
  const progress = reporter.progress({ title: `reading ${name}`, unit: "weights" });
  let unread: readonly string[] = [];
  const opened = await openModel(path, {
    ...options,
    onProgress: (done) => progress.update(done),
    onUnread: (names) => (unread = names),
  }).finally(() => progress.end());
  const { modelType } = opened.model.config;
  const note = contextNote(opened.model.config);
  if (note !== undefined) reporter.note(`${name}: ${note}`);
  if (unread.length > 0)
    reporter.warn(
      "unread-tensors",
      `${name} has ${countOf(unread.length, "tensor")} that ${modelType} models have no place ` +
        `for, such as ${unread[0]}: what they compute is left out`,
    );
  return opened;
}
