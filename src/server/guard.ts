/**
 * Who may ask: the Host that is named (DNS rebinding), the page that a browser asks for (Origin,
 * Sec-Fetch-Site), and the token. Nothing is allowed across origins unless it was listed.
 * Source: Ollama's and Jupyter's Host and Origin checks, after the incidents of servers that
 * trusted loopback alone.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { ApiError } from "./api-error.ts";

export interface GuardOptions {
  /** Address that is listened on. */
  host: string;
  /** Further names that the server may be called by. */
  allowHosts: readonly string[];
  /** Origins of web pages that may ask: `https://example.org`. */
  allowOrigins: readonly string[];
  token: string | undefined;
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);
const ANY = new Set(["0.0.0.0", "::"]);

export const isLoopback = (host: string): boolean =>
  LOOPBACK.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);

/** `[::1]:8080` without port and brackets. */
function hostName(header: string): string | undefined {
  if (!/^[\w.:[\]-]+$/.test(header) || !URL.canParse(`http://${header}`)) return undefined;
  return new URL(`http://${header}`).hostname.replaceAll(/^\[|\]$/g, "");
}

export class Guard {
  private readonly options: GuardOptions;
  private readonly token: Buffer | undefined;
  private readonly hosts: ReadonlySet<string>;

  constructor(options: GuardOptions) {
    this.options = options;
    this.token = options.token === undefined ? undefined : digest(options.token);
    this.hosts = new Set([options.host, ...options.allowHosts].map((name) => name.toLowerCase()));
  }

  /** @throws ApiError 403 where another name led here, as after DNS rebinding */
  checkHost(header: string | undefined): void {
    const name = header === undefined ? undefined : hostName(header);
    if (name !== undefined && (isLoopback(name) || this.hosts.has(name))) return;
    // a name is needed to lead a browser astray, and a number is none
    if (name !== undefined && ANY.has(this.options.host) && isIP(name) !== 0) return;
    throw new ApiError(403, "this server is not called by that Host; --allow-host adds one", {
      code: "host_not_allowed",
    });
  }

  /**
   * @returns the origin of the page that may read the answer; undefined where no page asks
   * @throws ApiError 403 where a web page asks that was not allowed to
   */
  checkOrigin(origin: string | undefined, site: string | undefined): string | undefined {
    if (origin !== undefined && this.options.allowOrigins.includes(origin)) return origin;
    if (origin === undefined && (site === undefined || site === "none" || site === "same-origin"))
      return undefined;
    throw new ApiError(403, "web pages of this origin may not ask; --allow-origin adds one", {
      code: "origin_not_allowed",
    });
  }

  /** @throws ApiError 401 */
  checkToken(header: string | undefined): void {
    if (this.token === undefined) return;
    const given = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1] ?? "";
    // digests are of one length, and compared in constant time
    if (!timingSafeEqual(digest(given), this.token))
      throw new ApiError(
        401,
        header === undefined
          ? "a token is needed: Authorization: Bearer ..."
          : "the token is wrong",
        { code: "invalid_api_key" },
      );
  }
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
