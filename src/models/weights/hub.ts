/**
 * Models and data sets by their Hugging Face id, from the cache that huggingface_hub and
 * transformers share, or from the hub into it. Only what attune reads is fetched; pickled weights
 * never are.
 * Environment, as in huggingface_hub: HF_HOME, HF_HUB_CACHE (where the cache is), HF_HUB_OFFLINE,
 * HF_ENDPOINT, HF_TOKEN.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { boundedFetch } from "../../core/bounded-fetch.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { CachedRepository, isCommit, type RepositoryKind } from "./hub-cache.ts";
import { downloadFile, type FileToDownload } from "./hub-download.ts";
import { hubError, isUnreachable } from "./hub-errors.ts";
import { INDEX } from "./safetensors-writer.ts";

export interface HubProgress {
  /** File that is on its way. */
  readonly file: string;
  /** Bytes that are here, of all files that were missing. */
  readonly bytes: number;
  readonly total: number;
  /** Since the download began, without what an earlier one had left. */
  readonly bytesPerSecond: number;
}

export interface HubOptions {
  /** Branch, tag or commit. Default main. */
  revision?: string;
  /** Default: as the environment says, else ~/.cache/huggingface/hub. */
  cacheFolder?: string;
  /** Default: HF_ENDPOINT, else the public hub. */
  hubUrl?: string;
  /** Default: HF_TOKEN, else what `hf auth login` stored. */
  accessToken?: string;
  /** Use the cache alone. Default: HF_HUB_OFFLINE. */
  offline?: boolean;
  /** Of a data set: only files that carry this name, such as `train`. Default: all. */
  split?: string;
  onProgress?: (progress: HubProgress) => void;
  signal?: AbortSignal;
  /** Seconds of silence after which a connection counts as broken. Default 30. */
  stallSeconds?: number;
  /** Longest answer about a repository, bytes. Default 64 MiB. */
  mostAnswerBytes?: number;
  /** Seconds before the first retry. Default 1. */
  retrySeconds?: number;
}

export interface HubSnapshot {
  /** Folder with the files, as the repository lays them out. */
  readonly folder: string;
  readonly commit: string;
  /** Absolute paths of what was asked for, sorted. */
  readonly files: readonly string[];
}

interface RemoteFile {
  readonly path: string;
  readonly size: number;
  readonly etag: string;
}

/** Where models are where the environment names no other hub. */
export const PUBLIC_HUB = "https://huggingface.co";
/** Seconds for an answer about a repository, as in huggingface_hub. */
const ANSWER_SECONDS = 10;
/** Bytes of one answer about a repository; a page of a listing has some hundred kilobytes. */
export const MOST_ANSWER = 64 * 2 ** 20;
/** Files of one repository, over all pages of its listing. */
const MOST_FILES = 1_000_000;
const MODEL_FILES =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template|adapter_config|model\.safetensors\.index)\.json$|^(merges\.txt|chat_template\.jinja|tokenizer\.model)$|^(adapter_)?model(-\d{5}-of-\d{5})?\.safetensors$/;
/** By preference: one format is enough. */
const DATA_FORMATS = [/\.parquet$/, /\.jsonl(\.gz)?$/, /\.json(\.gz)?$/, /\.csv(\.gz)?$/];
const NO_DATA = /(^|\/)(\.|dataset_infos\.json$|dataset_dict\.json$|state\.json$|config\.json$)/;

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

export interface Hub {
  readonly kind: RepositoryKind;
  readonly id: string;
  readonly revision: string;
  readonly url: string;
  readonly accessToken: string | undefined;
  readonly options: HubOptions;
}

function cachedOr(cached: HubSnapshot | string, error: (why: string) => AttuneError): HubSnapshot {
  if (typeof cached === "string") throw error(cached);
  return cached;
}

/** Where downloads are kept, as huggingface_hub keeps them. */
export function hubCacheFolder(): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE } = process.env;
  return HF_HUB_CACHE ?? HUGGINGFACE_HUB_CACHE ?? join(homeFolder(), "hub");
}

function homeFolder(): string {
  return (
    process.env["HF_HOME"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "huggingface")
  );
}

function isOffline(): boolean {
  return ["1", "on", "yes", "true"].includes((process.env["HF_HUB_OFFLINE"] ?? "").toLowerCase());
}

/** HF_TOKEN, else what `hf auth login` stored. */
export async function storedToken(): Promise<string | undefined> {
  const token =
    process.env["HF_TOKEN"] ??
    (await readFile(process.env["HF_TOKEN_PATH"] ?? join(homeFolder(), "token"), "utf8").catch(
      () => "",
    ));
  return token.trim() === "" ? undefined : token.trim();
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
  const files =
    kind === "model" ? all.filter((path) => MODEL_FILES.test(path)) : dataFiles(all, options.split);
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

/** The first file without which a model's folder cannot be opened. */
async function missingOfModel(
  folder: string,
  files: readonly string[],
): Promise<string | undefined> {
  if (files.includes("adapter_config.json") && files.includes("adapter_model.safetensors"))
    return undefined;
  if (!files.includes("config.json")) return "config.json";
  if (!files.includes(INDEX))
    return files.includes("model.safetensors") ? undefined : "model.safetensors";
  const index = parseJson(await readFile(join(folder, INDEX), "utf8")) as {
    weight_map?: Record<string, unknown>;
  };
  return Object.values(index.weight_map ?? {})
    .map(String)
    .find((shard) => !files.includes(shard));
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

function chooseFiles(hub: Hub, files: readonly RemoteFile[]): RemoteFile[] {
  const names = files.map(({ path }) => path);
  const chosen = new Set(
    hub.kind === "model" ? modelFiles(hub, names) : dataFiles(names, hub.options.split),
  );
  if (chosen.size === 0)
    throw new AttuneError("data", `${hub.id} has no data files that attune reads`, {
      got: preview(names.slice(0, 8)),
      expected: "Parquet, JSONL, JSON or CSV",
      ...(hub.options.split === undefined
        ? {}
        : { hint: `another split than ${hub.options.split}` }),
    });
  return files.filter(({ path }) => chosen.has(path));
}

function modelFiles(hub: Hub, names: readonly string[]): string[] {
  const sharded = names.includes(INDEX);
  const chosen = names.filter(
    (name) => MODEL_FILES.test(name) && !(sharded && name === "model.safetensors"),
  );
  if (chosen.some((name) => name.endsWith(".safetensors"))) return chosen;
  const pickled = names.some((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  const gguf = names.filter((name) => name.endsWith(".gguf"));
  throw new AttuneError("model", `${hub.id} has no safetensors weights`, {
    got: preview(names.slice(0, 8)),
    hint:
      gguf.length > 0
        ? `download ${gguf[0]!} and give its path`
        : pickled
          ? "convert to safetensors; pickled files can run code when they are read, so attune " +
            "never fetches them"
          : "another model",
  });
}

/** Data files of a listing: of the best format that it has, and of the split. */
function dataFiles(names: readonly string[], split: string | undefined): string[] {
  const named = new RegExp(`(^|[/_.-])${(split ?? "").replace(/[^\w-]/g, ".")}([/_.-]|$)`);
  const candidates = names.filter(
    (name) => !NO_DATA.test(name) && (split === undefined || named.test(name)),
  );
  return (
    DATA_FORMATS.map((format) => candidates.filter((name) => format.test(name))).find(
      (list) => list.length > 0,
    ) ?? []
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
