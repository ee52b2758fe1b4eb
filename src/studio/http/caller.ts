/** Who asks: sessions by cookie or token, and the role in a project. */
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import type { Database, Queries } from "../../labelling/store/database.ts";
import { selectOne } from "../../labelling/store/database.ts";
import { ApiError } from "../../server/api-error.ts";
import type { Access } from "../api/route.ts";

export interface Person {
  id: string;
  name: string;
  host: boolean;
}

export interface Membership {
  /** Number of the project. */
  project: number;
  slug: string;
  role: "owner" | "annotator";
  /** May not take tasks any more. */
  removed: boolean;
}

/** Browsers give a cookie to every port of a machine: each studio has one of its own. */
export const cookieName = (host: string | undefined): string =>
  `attune_studio_${/:(\d+)$/.exec(host ?? "")?.[1] ?? "0"}`;
/** Of a session. */
const DAYS = 30;
const TOKEN_BYTES = 32;

export const newToken = (): string => randomBytes(TOKEN_BYTES).toString("base64url");
/** What the store keeps of a token: whoever reads the store cannot come in with it. */
export const tokenHash = (token: string): Buffer => createHash("sha256").update(token).digest();

const personRow = z.object({ id: z.string(), name: z.string(), host: z.boolean() });

/** Begins a session. @returns its token */
export async function beginSession(queries: Queries, person: string): Promise<string> {
  const token = newToken();
  await queries.rows(
    `INSERT INTO sessions (hash, person, expires) VALUES ($1, $2, now() + interval '${DAYS} days')`,
    [tokenHash(token), person],
  );
  return token;
}

/** The token of a request's session; '' where it has none. */
export const sessionToken = ({
  host,
  cookie,
  authorization,
}: Readonly<Record<"host" | "cookie" | "authorization", string | undefined>>): string =>
  bearer(authorization) ?? cookieNamed(cookie, cookieName(host)) ?? "";

/** Whose session it is; undefined where there is none, or one that ended. */
export async function personOf(database: Database, token: string): Promise<Person | undefined> {
  if (token === "") return undefined;
  return selectOne(
    database,
    personRow,
    `SELECT p.id, p.name, p.host FROM sessions s JOIN people p ON p.id = s.person
     WHERE s.hash = $1 AND s.expires > now()`,
    [tokenHash(token)],
  );
}

const bearer = (header: string | undefined): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];

function cookieNamed(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

export const sessionCookie = (host: string | undefined, token: string | null): string =>
  `${cookieName(host)}=${token ?? ""}; Path=/; HttpOnly; SameSite=Strict; Max-Age=` +
  String(token === null ? 0 : DAYS * 24 * 3600);

const membershipRow = z.object({
  project: z.number(),
  slug: z.string(),
  role: z.enum(["owner", "annotator"]).nullable(),
  removed: z.boolean(),
});

/**
 * Lets a person through, or not. A project that somebody is not in is not told from one that is
 * not there.
 * @returns the membership, where the path names a project
 * @throws ApiError 401, 403, 404
 */
export async function checkAccess(
  database: Database,
  access: Access,
  { person, slug }: { person: Person | undefined; slug: string | undefined },
): Promise<Membership | undefined> {
  if (access === "anyone") return undefined;
  if (person === undefined)
    throw new ApiError(401, "you have not come in, or were away too long", { code: "no_session" });
  if (access === "host" && !person.host)
    throw new ApiError(403, "only whoever runs the studio may do this", { code: "not_host" });
  if (slug === undefined) return undefined;
  const found = await selectOne(
    database,
    membershipRow,
    `SELECT p.id AS project, p.slug, m.role, m.removed IS NOT NULL AS removed
     FROM projects p LEFT JOIN memberships m ON m.project = p.id AND m.person = $2
     WHERE p.slug = $1`,
    [slug, person.id],
  );
  const role = person.host ? "owner" : found?.role;
  if (found === undefined || role === null || role === undefined)
    throw new ApiError(404, "there is no such project", { code: "unknown_project" });
  if (access === "owner" && (role !== "owner" || (found.removed && !person.host)))
    throw new ApiError(403, "only owners of the project may do this", { code: "not_owner" });
  return { ...found, role };
}
