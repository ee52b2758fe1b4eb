/** Where the hub and its cache are, and who asks: by the options, else by the environment. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { RepositoryKind } from "./hub-cache.ts";

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

/** A repository that is asked for. */
export interface Hub {
  readonly kind: RepositoryKind;
  readonly id: string;
  readonly revision: string;
  readonly url: string;
  readonly accessToken: string | undefined;
  readonly options: HubOptions;
}

/** Where models are where the environment names no other hub. */
export const PUBLIC_HUB = "https://huggingface.co";

/** Bytes of one answer about a repository; a page of a listing has some hundred kilobytes. */
export const MOST_ANSWER = 64 * 2 ** 20;

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

/** Whether only the cache is to be used. */
export function isOffline(): boolean {
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
