/**
 * Downloads a data set by its Hugging Face id into the standard cache, with progress; for
 * `loadDataset`'s `resolveRemote`.
 */
import type { ResolveRemote } from "../../data/files.ts";
import type { CommandContext } from "../command.ts";
import { withDownloadProgress } from "./download.ts";
import { fetchOrMissingPath } from "./missing-path.ts";

/** Throws an AttuneError `data` for what is neither a path nor an id that can be fetched. */
export function remoteData(context: Pick<CommandContext, "reporter" | "signal">): ResolveRemote {
  return async (id) => {
    const { fetchDataset } = await import("../../models/weights/hub.ts");
    return fetchOrMissingPath(id, "data", () =>
      withDownloadProgress(id, context, (options) => fetchDataset(id, options)),
    );
  };
}
