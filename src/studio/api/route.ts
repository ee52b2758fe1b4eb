/**
 * What a route of the studio's HTTP API is: one definition gives the server its checks, the page
 * its types and the OpenAPI document its text. Nothing of Node here: the page loads it.
 */
import type { z } from "zod";

/**
 * Who may ask.
 * `anyone`: also without a session. `person`: whoever has joined. `annotator`, `owner`: with this
 * role (or a higher one) in the project that the path names. `host`: whoever runs the studio.
 */
export type Access = "anyone" | "person" | "annotator" | "owner" | "host";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** What is answered: JSON of a schema, server-sent events, each of a schema, or a file. */
export type AnswerForm<Schema extends z.ZodType = z.ZodType> =
  | { readonly form: "json"; readonly schema: Schema }
  | { readonly form: "events"; readonly schema: Schema }
  | { readonly form: "file"; readonly types: readonly string[] };

export interface RouteDefinition {
  readonly method: Method;
  /** `/api/projects/:project/next`. */
  readonly path: string;
  /** One line, for the OpenAPI document. */
  readonly summary: string;
  readonly access: Access;
  /** Schemas of texts, since that is what addresses hold: `z.coerce.number()` and the like. */
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The body is a file, as it is: application/octet-stream. */
  readonly upload?: true;
  /** Bytes that a body may have; {@link BODY_LIMIT} where left out. */
  readonly bodyLimit?: number;
  readonly answer: AnswerForm;
}

/** Bytes. */
export const BODY_LIMIT = 1_000_000;

/** Names of the parameters in a path: `/api/runs/:run` has `run`. */
export type ParametersOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParametersOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type Given<Schema> = Schema extends z.ZodType ? z.input<Schema> : undefined;

/** What a handler is given. */
export interface RequestOf<R extends RouteDefinition> {
  readonly params: { readonly [Name in ParametersOf<R["path"]>]: string };
  readonly query: Parsed<R["query"]>;
  readonly body: Parsed<R["body"]>;
}

/** What a handler of a JSON route gives back, and what the page reads. */
export type AnswerOf<R extends RouteDefinition> = R["answer"] extends { schema: infer Schema }
  ? Parsed<Schema>
  : never;

/** What the page sends. */
export interface CallOf<R extends RouteDefinition> {
  readonly params: { readonly [Name in ParametersOf<R["path"]>]: string | number };
  readonly query?: Given<R["query"]>;
  readonly body?: Given<R["body"]>;
}

/** Keeps the literal types of a definition. */
export const route = <const R extends RouteDefinition>(definition: R): R => definition;

export const json = <Schema extends z.ZodType>(schema: Schema) =>
  ({ form: "json", schema }) as const;
export const events = <Schema extends z.ZodType>(schema: Schema) =>
  ({ form: "events", schema }) as const;
export const file = (...types: readonly string[]) => ({ form: "file", types }) as const;
