/** Reads parts of a local file. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { AttuneError } from "../../core/errors.ts";

export class FileReader {
  readonly path: string;
  readonly size: number;
  private readonly handle: FileHandle;

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path;
    this.size = size;
    this.handle = handle;
  }

  static async open(path: string): Promise<FileReader> {
    try {
      const { size } = await stat(path);
      return new FileReader(path, size, await open(path, "r"));
    } catch (cause) {
      throw new AttuneError("model", "cannot open the file", { file: path, got: cause instanceof Error ? cause.message : String(cause), cause });
    }
  }

  /** Bytes start (included) to end (excluded), in a buffer of their own. */
  async read(start: number, end: number): Promise<Uint8Array> {
    if (!(start >= 0 && start <= end && end <= this.size)) {
      throw new AttuneError("model", "the file ends too early", { file: this.path, got: `${this.size} bytes`, expected: `at least ${end} bytes`, hint: "download the file again" });
    }
    const bytes = new Uint8Array(end - start);
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await this.handle.read(bytes, done, Math.min(bytes.length - done, 2 ** 30), start + done);
      if (bytesRead === 0) throw new AttuneError("model", "the file became shorter while it was read", { file: this.path });
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
