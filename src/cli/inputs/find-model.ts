/**
 * Where a model is: a path as it stands, or a Hugging Face id, downloaded into the standard cache
 * on first use.
 */
import { locateModel } from "../../models/weights/hub.ts";
import type { CommandContext } from "../command.ts";
import { withDownloadProgress } from "./download.ts";
import { fetchOrMissingPath } from "./missing-path.ts";

/** @throws AttuneError `model` for what is neither a path nor an id that can be fetched */
export async function findModel(
  name: string,
  context: Pick<CommandContext, "reporter" | "signal" | "standIns">,
): Promise<string> {
  const standIn = context.standIns?.get(name) ?? name;
  return fetchOrMissingPath(standIn, "model", () =>
    withDownloadProgress(standIn, context, (options) => locateModel(standIn, options)),
  );
}
