/**
 * Files into a repository of the hub, as one commit: all of them are there afterwards, or none.
 * Large files go by Git LFS, not by Xet, whose chunks need a WebAssembly program of 2 MB
 * (docs/decisions/push.md).
 */
import { commitIter, createRepo } from "@huggingface/hub";
import { boundedFetch } from "../../core/bounded-fetch.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import { isHubId } from "./hub.ts";
import { MOST_ANSWER, PUBLIC_HUB, storedToken } from "./hub-access.ts";

export interface FileToUpload {
  /** In the repository, with `/`. */
  readonly path: string;
  readonly content: Blob;
}

export interface UploadOptions {
  /** First line of the commit. */
  message: string;
  /** Of a repository that is made now; one that is there stays as it is. */
  visibility: "private" | "public";
  /** Branch. Default main. */
  revision?: string;
  /** Default: HF_ENDPOINT, else the public hub. */
  hubUrl?: string;
  /** Default: HF_TOKEN, else what `hf auth login` stored. */
  accessToken?: string;
  /** Bytes that are there, of those that must be sent apart from the commit. */
  onProgress?: (bytes: number, total: number) => void;
  signal?: AbortSignal;
}

export interface Uploaded {
  /** Page of the repository. */
  readonly url: string;
  readonly commit: string;
  /** Whether the repository was made now. */
  readonly created: boolean;
}

/**
 * Makes the repository where it is not there, and commits the files.
 * @param id OWNER/NAME
 * @throws AttuneError `usage` for another id, `network` without a token or for what the hub
 * refuses, `interrupted`
 */
export async function uploadModel(
  id: string,
  files: readonly FileToUpload[],
  options: UploadOptions,
): Promise<Uploaded> {
  if (!isHubId(id) || !id.includes("/"))
    throw new AttuneError("usage", "this is no name of a repository", {
      got: preview(id),
      expected: "OWNER/NAME",
    });
  const accessToken = options.accessToken ?? (await storedToken());
  if (accessToken === undefined)
    throw new AttuneError("network", "the hub takes nothing from somebody without a token", {
      hint: "set HF_TOKEN to one that may write, or run `hf auth login`",
    });
  const hubUrl = (options.hubUrl ?? process.env["HF_ENDPOINT"] ?? PUBLIC_HUB).replace(/\/+$/, "");
  const repo = { type: "model", name: id } as const;
  try {
    const created = await make(repo, { hubUrl, accessToken, visibility: options.visibility });
    const { commit } = await send(repo, files, { ...options, hubUrl, accessToken });
    return { url: `${hubUrl}/${id}`, commit, created };
  } catch (error) {
    throw uploadError(error, id, { hubUrl, aborted: options.signal?.aborted ?? false });
  }
}

interface Access {
  hubUrl: string;
  accessToken: string;
}

interface Repository {
  type: "model";
  name: string;
}

/** @returns whether it was not there */
async function make(
  repo: Repository,
  { visibility, ...access }: Access & Pick<UploadOptions, "visibility">,
): Promise<boolean> {
  try {
    await createRepo({ repo, visibility, ...access });
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 409) return false;
    throw error;
  }
}

async function send(
  repo: Repository,
  files: readonly FileToUpload[],
  { message, revision, hubUrl, accessToken, onProgress, signal }: UploadOptions & Access,
): Promise<{ commit: string }> {
  signal?.throwIfAborted();
  const total = files.reduce((bytes, { content }) => bytes + content.size, 0);
  let done = 0;
  // a part of a large file is what is told of progress: fetch does not tell of less
  const bounded = boundedFetch(MOST_ANSWER);
  const counting: typeof fetch = async (input, init) => {
    const response = await bounded(input, init);
    if (init?.method === "PUT" && response.ok && init.body instanceof Blob)
      onProgress?.((done += init.body.size), total);
    return response;
  };
  const steps = commitIter({
    repo,
    hubUrl,
    accessToken,
    title: message,
    useXet: false,
    fetch: counting,
    operations: files.map(({ path, content }) => ({ operation: "addOrUpdate", path, content })),
    ...(revision === undefined ? {} : { branch: revision }),
    ...(signal ? { abortSignal: signal } : {}),
  });
  for (;;) {
    const step = await steps.next();
    if (!step.done) continue;
    onProgress?.(total, total);
    return { commit: step.value!.commit.oid };
  }
}

/** What the hub's and the network's errors mean for whoever uploads. */
function uploadError(
  error: unknown,
  id: string,
  { hubUrl, aborted }: { hubUrl: string; aborted: boolean },
): AttuneError {
  if (error instanceof AttuneError) return error;
  if (aborted)
    return new AttuneError("interrupted", `the upload to ${id} was stopped`, {
      hint: "nothing of it is in the repository; what was sent need not be sent again",
      cause: error,
    });
  const { statusCode, message, cause } = error as {
    statusCode?: number;
    message?: string;
    cause?: { code?: string };
  };
  const got =
    statusCode === undefined
      ? `${message}${cause?.code ? `: ${cause.code}` : ""}`
      : `HTTP status ${statusCode}: ${preview(message ?? "", 200).slice(1, -1)}`;
  if (statusCode === 401)
    return new AttuneError("network", "the hub does not know this token", {
      got,
      hint: "a new one, from the settings of your account",
      cause: error,
    });
  if (statusCode === 403)
    return new AttuneError("network", `the token may not write to ${id}`, {
      got,
      hint: "a token with write access, or a repository of your own: check the owner's spelling",
      cause: error,
    });
  if (statusCode === 404)
    return new AttuneError("network", `there is no such place as ${id}`, {
      got,
      hint: "check the owner's spelling and --revision: a branch must be there already",
      cause: error,
    });
  if (statusCode !== undefined)
    return new AttuneError("network", `the hub refuses the upload to ${id}`, {
      got,
      hint:
        statusCode >= 500
          ? "try again later: nothing of it is in the repository"
          : "what it says is the reason",
      cause: error,
    });
  return new AttuneError("network", `${hubUrl} cannot be reached, or the connection broke`, {
    got,
    hint:
      "check the connection (HF_ENDPOINT names another hub) and try again: what was sent need " +
      "not be sent again",
    cause: error,
  });
}
