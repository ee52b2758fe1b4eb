/** One hash of several. */
import { createHash } from "node:crypto";

/** SHA-256 in hex of several things that a resumed run must find as they were. */
export const jointHash = (...parts: readonly string[]): string =>
  createHash("sha256").update(parts.join(" ")).digest("hex");
