/**
 * Loaded into a process before its program (`node --import`): ends it when its standard input ends,
 * which it does however the process that began it dies. Plain JavaScript: it runs as it is.
 */
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  process.stdin.on("close", () => process.kill(process.pid, "SIGTERM"));
  process.stdin.resume();
  process.stdin.unref();
}
