/** What is to be said before a run goes on: what is not as it was when it was left. */
import type { SkippedCheckpoint } from "./checkpoints.ts";
import type { RunInfo } from "./run-info.ts";
import { versions } from "./versions.ts";

/** @param found.lockLeft the process that is gone and left its lock; undefined where none did */
export function resumeWarnings(
  info: RunInfo,
  { skipped, lockLeft }: { skipped: readonly SkippedCheckpoint[]; lockLeft: string | undefined },
): string[] {
  const warnings = skipped.map(
    ({ folder, reason }) => `the checkpoint ${folder} is passed over: ${reason}`,
  );
  if (lockLeft !== undefined)
    warnings.unshift(
      `the lock of ${lockLeft} is taken over: that process is gone, and did not end the run`,
    );
  for (const [name, version] of Object.entries(versions())) {
    const before = info.versions[name];
    if (before !== version)
      warnings.push(
        `${name} is ${version}, the run began with ${before}: the rest may differ in the last ` +
          "digits",
      );
  }
  return warnings;
}
