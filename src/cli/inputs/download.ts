/** Progress of a download from the hub: shown from the first byte on, ended whatever happens. */
import type { HubOptions } from "../../models/weights/hub-access.ts";
import type { CommandContext } from "../command.ts";
import type { Progress } from "../display/reporter.ts";

export async function withDownloadProgress<T>(
  name: string,
  { reporter, signal }: Pick<CommandContext, "reporter" | "signal">,
  fetch: (options: Pick<HubOptions, "signal" | "onProgress">) => Promise<T>,
): Promise<T> {
  let progress: Progress | undefined;
  try {
    return await fetch({
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
