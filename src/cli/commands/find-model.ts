/** Where a model is: a path as it stands, or a Hugging Face id, downloaded into the standard cache on first use. */
import { locateModel } from "../../models/weights/hub.ts";
import type { Progress } from "../reporter.ts";
import type { CommandContext } from "../command.ts";

/** @throws AttuneError `network` where an id is neither cached nor reachable */
export async function findModel(name: string, { reporter, signal }: Pick<CommandContext, "reporter" | "signal">): Promise<string> {
  let progress: Progress | undefined;
  try {
    return await locateModel(name, {
      signal,
      onProgress: ({ file, bytes, total }) => {
        progress ??= reporter.progress({ title: `downloading ${name}`, total, unit: "bytes" });
        progress.update(bytes, file);
      },
    });
  } finally {
    progress?.end();
  }
}
