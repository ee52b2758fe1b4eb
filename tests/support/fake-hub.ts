/**
 * A hub on the loopback interface that takes commits of models and gives back what it was given:
 * large files by Git LFS, whole or in parts.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const COMMIT = "fedcba9876543210fedcba9876543210fedcba98";
const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

interface Entry {
  content: Buffer;
  lfs: boolean;
}

export class FakeHub {
  /** By repository, then by path. */
  readonly repositories = new Map<string, Map<string, Entry>>();
  readonly requests: {
    method: string;
    url: string;
    authorization: string | undefined;
    body: Buffer;
  }[] = [];
  /** Answers to what begins like this get this status instead. */
  failing: { starts: string; status: number } | undefined;
  /** Large files above this many bytes are sent in parts of as many. */
  partBytes = Infinity;
  /** Called before an answer to an upload of bytes. */
  onUpload: (() => void) | undefined;
  private readonly objects = new Map<string, Buffer>();
  private readonly parts = new Map<string, Buffer>();
  private readonly server: Server = createServer(
    (request, response) => void this.answer(request, response),
  );
  private address = "";

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.address = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this.address;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Content of what was committed, by path. */
  files(repository: string): Record<string, Buffer> {
    return Object.fromEntries(
      [...(this.repositories.get(repository) ?? [])].map(([path, { content }]) => [path, content]),
    );
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = decodeURIComponent(request.url ?? "");
    const method = request.method ?? "";
    this.requests.push({ method, url, authorization: request.headers.authorization, body });
    const json = (value: unknown, status = 200): void =>
      void response
        .writeHead(status, { "Content-Type": "application/json" })
        .end(JSON.stringify(value));
    if (this.failing !== undefined && url.startsWith(this.failing.starts))
      return json({ error: "no" }, this.failing.status);
    if (url === "/api/repos/create")
      return this.create(
        JSON.parse(body.toString()) as { name: string; organization: string },
        json,
      );
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(preupload|commit|revision|tree)\/([^/?]+)/.exec(
      url,
    );
    if (api) return this.repository(api[1]!, { kind: api[2]!, body }, json);
    if (url.endsWith(".git/info/lfs/objects/batch"))
      return json({
        transfer: "basic",
        objects: (
          JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] }
        ).objects.map((object) => this.place(object)),
      });
    if (url.startsWith("/lfs/")) return this.store(url, { method, body }, response);
    return this.send(url, request, response);
  }

  private create(
    { name, organization }: { name: string; organization: string },
    json: (value: unknown, status?: number) => void,
  ): void {
    const id = `${organization}/${name}`;
    if (this.repositories.has(id))
      return json({ error: "You already created this model repo" }, 409);
    this.repositories.set(id, new Map());
    json({ url: `${this.address}/${id}`, id });
  }

  private repository(
    id: string,
    { kind, body }: { kind: string; body: Buffer },
    json: (value: unknown, status?: number) => void,
  ): void {
    const repository = this.repositories.get(id);
    if (!repository) return json({ error: "Repository not found" }, 404);
    if (kind === "preupload") {
      const { files } = JSON.parse(body.toString()) as { files: { path: string }[] };
      return json({
        files: files.map(({ path }) => ({
          path,
          uploadMode: path.endsWith(".safetensors") ? "lfs" : "regular",
        })),
      });
    }
    if (kind === "commit") {
      for (const line of body.toString().split("\n")) {
        const { key, value } = JSON.parse(line) as {
          key: string;
          value: { path: string; content: string; oid: string };
        };
        if (key === "file")
          repository.set(value.path, { content: Buffer.from(value.content, "base64"), lfs: false });
        if (key === "lfsFile")
          repository.set(value.path, { content: this.objects.get(value.oid)!, lfs: true });
      }
      return json({
        commitOid: COMMIT,
        commitUrl: `${this.address}/${id}/commit/${COMMIT}`,
        hookOutput: "",
      });
    }
    if (kind === "revision") return json({ _id: "1", id, sha: COMMIT, lastModified: "2026-01-01" });
    json(
      [...repository].map(([path, { content, lfs }]) => ({
        type: "file",
        path,
        size: content.length,
        oid: createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex"),
        ...(lfs ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 130 } } : {}),
      })),
    );
  }

  /** Where a large file goes; nothing to do where it is there. */
  private place({ oid, size }: { oid: string; size: number }): unknown {
    if (this.objects.has(oid)) return { oid, size };
    if (size <= this.partBytes)
      return { oid, size, actions: { upload: { href: `${this.address}/lfs/${oid}`, header: {} } } };
    const header: Record<string, string> = { chunk_size: String(this.partBytes) };
    for (let part = 1; part <= Math.ceil(size / this.partBytes); part++)
      header[String(part).padStart(5, "0")] = `${this.address}/lfs/${oid}/${part}`;
    return {
      oid,
      size,
      actions: { upload: { href: `${this.address}/lfs/${oid}/complete`, header } },
    };
  }

  private store(
    url: string,
    { method, body }: { method: string; body: Buffer },
    response: ServerResponse,
  ): void {
    const [, , oid, part] = url.split("/");
    this.onUpload?.();
    if (method === "PUT") {
      if (part === undefined) this.objects.set(oid!, body);
      else this.parts.set(`${oid} ${part}`, body);
      return void response.writeHead(200, { ETag: `"${part ?? "whole"}"` }).end();
    }
    const { parts } = JSON.parse(body.toString()) as {
      parts: { partNumber: number; etag: string }[];
    };
    this.objects.set(
      oid!,
      Buffer.concat(parts.map(({ partNumber }) => this.parts.get(`${oid} ${partNumber}`)!)),
    );
    response.writeHead(200).end("{}");
  }

  private send(url: string, request: IncomingMessage, response: ServerResponse): void {
    const [, id, path] = new RegExp(`^/([^/]+/[^/]+)/resolve/${COMMIT}/(.*)$`).exec(url) ?? [];
    const entry = this.repositories.get(id ?? "")?.get(path ?? "");
    if (!entry) return void response.writeHead(404).end();
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const body =
      from === undefined ? entry.content : entry.content.subarray(Number(from), Number(to) + 1);
    response
      .writeHead(from === undefined ? 200 : 206, {
        ETag: '"e"',
        "Content-Length": body.length,
        "Content-Range": `bytes ${from ?? 0}-${to ?? body.length - 1}/${entry.content.length}`,
      })
      .end(body);
  }
}
