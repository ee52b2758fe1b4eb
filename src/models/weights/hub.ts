/**
 * Models and data sets by their Hugging Face id, from the cache that huggingface_hub and
 * transformers share, or from the hub into it. Only what attune reads is fetched; pickled weights
 * never are.
 * Environment, as in huggingface_hub: HF_HOME, HF_HUB_CACHE (where the cache is), HF_HUB_OFFLINE,
 * HF_ENDPOINT, HF_TOKEN.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { boundedFetch } from "../../core/bounded-fetch.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import { CachedRepository, isCommit, type RepositoryKind } from "./hub-cache.ts";
import { downloadFile, type FileToDownload } from "./hub-download.ts";
import { hubError, isUnreachable } from "./hub-errors.ts";
import type { Hub, HubOptions } from "./hub-access.ts";
import { MOST_ANSWER, PUBLIC_HUB, hubCacheFolder, isOffline, storedToken } from "./hub-access.ts";
import type { RemoteFile } from "./hub-files.ts";
import { chooseFiles, dataFiles, isModelFile, missingOfModel } from "./hub-files.ts";

export interface HubSnapshot {
  /** Folder with the files, as the repository lays them out. */
  readonly folder: string;
  readonly commit: string;
  /** Absolute paths of what was asked for, sorted. */
  readonly files: readonly string[];
}

/** Seconds for an answer about a repository, as in huggingface_hub. */
const ANSWER_SECONDS = 10;
/** Files of one repository, over all pages of its listing. */
const MOST_FILES = 1_000_000;
/** Whether a text may be a Hugging Face id: NAME or ORGANISATION/NAME. */
export function isHubId(text: string): boolean {
  return (
    /^([A-Za-z0-9][\w.-]{0,95}\/)?[A-Za-z0-9][\w.-]{0,95}$/.test(text) &&
    !text.includes("--") &&
    !text.includes("..") &&
    !text.endsWith(".git")
  );
}

/**
 * The folder of a model, fetched where it is not in the cache.
 * @throws AttuneError `network` where it is neither cached nor reachable, private or unknown;
 * `model` where it has nothing that attune reads
 */
export async function fetchModel(id: string, options: HubOptions = {}): Promise<HubSnapshot> {
  return fetchSnapshot("model", id, options);
}

/**
 * The data files of a data set (Parquet where it has them, else JSONL, JSON or CSV), fetched where
 * they are not in the cache.
 */
export async function fetchDataset(id: string, options: HubOptions = {}): Promise<HubSnapshot> {
  return fetchSnapshot("dataset", id.replace(/^datasets\//, ""), options);
}

/**
 * The path of a model that the user named: a path that exists, or a Hugging Face id, which is
 * fetched.
 * @throws AttuneError as {@link fetchModel}; `model` for what is neither
 */
export async function locateModel(name: string, options: HubOptions = {}): Promise<string> {
  if (existsSync(name)) return name;
  if (isHubId(name)) return (await fetchModel(name, options)).folder;
  throw new AttuneError("model", "there is no model at this path", {
    file: name,
    hint:
      "a folder with config.json and safetensors files, a .gguf file, a run folder, or a Hugging " +
      "Face id such as HuggingFaceTB/SmolLM2-135M-Instruct",
  });
}

async function fetchSnapshot(
  kind: RepositoryKind,
  id: string,
  options: HubOptions,
): Promise<HubSnapshot> {
  if (!isHubId(id))
    throw new AttuneError("usage", `this is no Hugging Face id`, {
      got: preview(id),
      expected: "ORGANISATION/NAME",
    });
  const revision = options.revision ?? "main";
  const repository = new CachedRepository(options.cacheFolder ?? hubCacheFolder(), kind, id);
  const cached = await cachedSnapshot(kind, repository, revision, options);
  // A commit never changes.
  if (typeof cached !== "string" && isCommit(revision)) return cached;
  if (options.offline ?? isOffline())
    return cachedOr(
      cached,
      (why) =>
        new AttuneError("network", `${id} is not in the cache, and HF_HUB_OFFLINE is set`, {
          got: why,
          hint: "unset HF_HUB_OFFLINE, or give the path of a local copy",
        }),
    );
  const hub: Hub = {
    kind,
    id,
    revision,
    url: options.hubUrl ?? process.env["HF_ENDPOINT"] ?? PUBLIC_HUB,
    options,
    accessToken: options.accessToken ?? (await storedToken()),
  };
  try {
    const { commit, files } = await listRepository(hub);
    return await completeSnapshot(hub, repository, { commit, files: chooseFiles(hub, files) });
  } catch (error) {
    if (!isUnreachable(error)) throw hubError(error, hub);
    return cachedOr(cached, (why) => hubError(error, hub, why));
  }
}

function cachedOr(cached: HubSnapshot | string, error: (why: string) => AttuneError): HubSnapshot {
  if (typeof cached === "string") throw error(cached);
  return cached;
}

/** What the cache has for a revision, or why that is not enough. */
async function cachedSnapshot(
  kind: RepositoryKind,
  repository: CachedRepository,
  revision: string,
  options: HubOptions,
): Promise<HubSnapshot | string> {
  const commit = await repository.commitOf(revision);
  if (commit === undefined) return "nothing in the cache";
  const all = await repository.files(commit);
  const files = kind === "model" ? all.filter(isModelFile) : dataFiles(all, options.split);
  const missing =
    kind === "model"
      ? await missingOfModel(repository.snapshot(commit), files)
      : files.length === 0
        ? "data files"
        : undefined;
  if (missing !== undefined) return `the cache lacks ${missing}`;
  const folder = repository.snapshot(commit);
  return { folder, commit, files: files.map((path) => join(folder, path)) };
}

/** Commit and files of a repository, by the hub. */
async function listRepository(hub: Hub): Promise<{ commit: string; files: RemoteFile[] }> {
  const library = await import("@huggingface/hub");
  const access = {
    hubUrl: hub.url,
    ...(hub.accessToken ? { accessToken: hub.accessToken } : {}),
    fetch: answerSoon(hub),
  };
  const asked = {
    ...access,
    name: hub.id,
    revision: hub.revision,
    additionalFields: ["sha" as const],
  };
  const { sha: commit } = await (hub.kind === "model"
    ? library.modelInfo(asked)
    : library.datasetInfo(asked));
  if (typeof commit !== "string" || !isCommit(commit))
    throw new AttuneError("network", "the hub gave no commit", { got: preview(commit) });
  const files: RemoteFile[] = [];
  for await (const { type, path, size, oid, lfs } of library.listFiles({
    ...access,
    repo: { type: hub.kind, name: hub.id },
    revision: commit,
    recursive: hub.kind === "dataset",
  })) {
    if (files.length === MOST_FILES)
      throw new AttuneError("network", `the hub lists too many files for ${hub.id}`, {
        expected: `at most ${MOST_FILES}`,
        hint: "download what is needed by hand, and give the path of a local copy",
      });
    if (type === "file") files.push({ path, size: lfs?.size ?? size, etag: lfs?.oid ?? oid ?? "" });
  }
  return { commit, files };
}

/** fetch that gives up on a hub that does not answer, or whose answer has no end. */
function answerSoon({ options }: Hub): typeof fetch {
  return boundedFetch(options.mostAnswerBytes ?? MOST_ANSWER, (url, init) =>
    fetch(url, {
      ...init,
      signal: AbortSignal.any([
        AbortSignal.timeout(ANSWER_SECONDS * 1000),
        ...(options.signal ? [options.signal] : []),
      ]),
    }),
  );
}

async function completeSnapshot(
  hub: Hub,
  repository: CachedRepository,
  { commit, files }: { commit: string; files: readonly RemoteFile[] },
): Promise<HubSnapshot> {
  const missing: (RemoteFile & FileToDownload)[] = [];
  for (const file of files) {
    if (!(await repository.has(commit, file.path)))
      missing.push({ ...file, target: repository.blob(file.etag) });
  }
  const progress = progressMeter(missing, hub.options);
  for (const file of missing) {
    if (existsSync(file.target)) progress(file, file.size);
    else
      await downloadFile(file, {
        ...downloadOptions(hub, commit),
        onBytes: (bytes) => progress(file, bytes),
      });
    await repository.link(commit, file.path, file.etag);
  }
  await repository.remember(hub.revision, commit);
  const folder = repository.snapshot(commit);
  return { folder, commit, files: files.map(({ path }) => join(folder, path)).toSorted() };
}

function downloadOptions(
  hub: Hub,
  commit: string,
): Omit<Parameters<typeof downloadFile>[1], "onBytes"> {
  const { signal, stallSeconds = 30, retrySeconds = 1 } = hub.options;
  const withSignal: typeof fetch = (url, init) =>
    fetch(url, { ...init, ...(signal ? { signal } : {}) });
  return {
    stallSeconds,
    retrySeconds,
    signal,
    open: async ({ path, size }, from) => {
      const library = await import("@huggingface/hub");
      const blob =
        size === 0
          ? new Blob([])
          : await library.downloadFile({
              repo: { type: hub.kind, name: hub.id },
              path,
              revision: commit,
              hubUrl: hub.url,
              fetch: withSignal,
              ...(hub.accessToken ? { accessToken: hub.accessToken } : {}),
            });
      if (!blob)
        throw new AttuneError("network", `the hub no longer has ${path}`, { hint: "try again" });
      return (from > 0 ? blob.slice(from) : blob).stream();
    },
  };
}

/** Adds up bytes and tells them, at most ten times a second and at the end. */
function progressMeter(
  files: readonly FileToDownload[],
  { onProgress }: HubOptions,
): (file: FileToDownload, bytes: number) => void {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const begin = performance.now();
  const begun = new Set<string>();
  let [bytes, fetched, told] = [0, 0, -Infinity];
  return (file, count) => {
    bytes += count;
    // The first report of a file is what was there before.
    if (begun.has(file.path)) fetched += count;
    begun.add(file.path);
    const now = performance.now();
    if (now - told < 100 && bytes < total) return;
    told = now;
    onProgress?.({
      file: file.path,
      bytes,
      total,
      bytesPerSecond: Math.max(0, fetched) / Math.max(1e-3, (now - begin) / 1000),
    });
  };
}
