/** Downloads a data set by its Hugging Face id into the standard cache, with progress; for `loadDataset`'s `resolveRemote`. */
import type { ResolveRemote } from "../../data/files.ts";
import type { CommandContext } from "../command.ts";
import type { Progress } from "../reporter.ts";

/** Throws an AttuneError `network` where an id is neither cached nor reachable. */
export function remoteData({ reporter, signal }: Pick<CommandContext, "reporter" | "signal">): ResolveRemote {
  return async (id) => {
    const { fetchDataset } = await import("../../models/weights/hub.ts");
    let progress: Progress | undefined;
    try {
      return await fetchDataset(id, {
        signal,
        onProgress: ({ file, bytes, total }) => {
          progress ??= reporter.progress({ title: `downloading ${id}`, total, unit: "bytes" });
          progress.update(bytes, file);
        },
      });
    } finally {
      progress?.end();
    }
  };
}
