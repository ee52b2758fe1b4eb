/** The client of OpenAI-compatible servers: who asks tries again themselves, and replies are bounded. */
import type { APIError, OpenAI } from "openai";
import { boundedFetch } from "../core/bounded-fetch.ts";
import type { ServerSettings } from "./server-settings.ts";

export interface ServerClient {
  client: OpenAI;
  errors: { APIError: typeof APIError };
}

/**
 * Opens the client; asks nothing of the server yet.
 * @param options timeout: of a request, milliseconds; mostReply: bytes of a reply
 * @throws the error of loading the client
 */
export async function openServerClient(
  { baseUrl, apiKey }: ServerSettings,
  { timeout, mostReply }: { timeout: number; mostReply: number },
): Promise<ServerClient> {
  const { OpenAI, APIError } = await import("openai");
  const client = new OpenAI({
    baseURL: baseUrl,
    apiKey,
    maxRetries: 0,
    timeout,
    fetch: boundedFetch(mostReply),
    logLevel: "off",
    organization: null,
    project: null,
  });
  return { client, errors: { APIError } };
}
