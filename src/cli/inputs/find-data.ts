/**
 * Where data is that is no path: a Hugging Face id is downloaded into the standard cache, with
 * progress, and `studio:PROJECT` is a snapshot of a project's labels; for `loadDataset`'s
 * `resolveRemote`.
 */
import { isStudioSource } from "../../data/files.ts";
import type { ResolveRemote } from "../../data/files.ts";
import type { CommandContext } from "../command.ts";
import { withDownloadProgress } from "./download.ts";
import { fetchOrMissingPath } from "./missing-path.ts";

/** Throws an AttuneError `data` for what is neither a path nor an id that can be fetched. */
export function remoteData(context: Pick<CommandContext, "reporter" | "signal">): ResolveRemote {
  return async (id) => {
    if (isStudioSource(id)) {
      const { studioFile } = await import("./studio-data.ts");
      return studioFile(id, context);
    }
    const { fetchDataset } = await import("../../models/weights/hub.ts");
    return fetchOrMissingPath(id, "data", () =>
      withDownloadProgress(id, context, (options) => fetchDataset(id, options)),
    );
  };
}
