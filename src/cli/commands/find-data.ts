/** Downloads a data set by its Hugging Face id into the standard cache, with progress; for `loadDataset`'s `resolveRemote`. */
import type { ResolveRemote } from "../../data/files.ts";
import type { CommandContext } from "../command.ts";
import { withDownloadProgress } from "./download.ts";

/** Throws an AttuneError `network` where an id is neither cached nor reachable. */
export function remoteData(context: Pick<CommandContext, "reporter" | "signal">): ResolveRemote {
  return async (id) => {
    const { fetchDataset } = await import("../../models/weights/hub.ts");
    return withDownloadProgress(id, context, (options) => fetchDataset(id, options));
  };
}
