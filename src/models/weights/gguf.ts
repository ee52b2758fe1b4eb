/** GGUF files: the header is read at once, each tensor when it is asked for. */
import { AttuneError, invariant, nearest } from "../../core/errors.ts";
import { elementCount } from "../../core/tensor.ts";
import { type ByteSource, FileReader, readBytes, readPieces } from "./bytes.ts";
import type { GgufHeader, GgufTensor } from "../gguf/header.ts";
import { brokenGguf, MAX_HEADER, parseGgufHeader } from "./gguf-header.ts";
import { BLOCK_FORMATS, dequantizeInto } from "./gguf-quants.ts";

export type { GgufHeader, GgufMetadata, GgufTensor, GgufValue } from "../gguf/header.ts";

/** Bytes of the header that are read at first; only parsing tells how long it is. */
const FIRST_READ = 2 ** 22;
/** Bytes that are read and dequantised at a time, about. */
const PIECE = 2 ** 22;

export class GgufFile {
  readonly header: GgufHeader;
  /** Bytes of the whole file. */
  readonly size: number;
  private readonly source: ByteSource;

  private constructor(source: ByteSource, header: GgufHeader) {
    this.source = source;
    this.size = source.size;
    this.header = header;
  }

  /**
   * @throws AttuneError `model` for a file whose header does not hold what the format promises, or
   * of an unknown kind
   */
  static async open(path: string): Promise<GgufFile> {
    return GgufFile.from(await FileReader.open(path));
  }

  /** Reads from `source`, which is closed with the file, or here where it is no GGUF file. */
  static async from(source: ByteSource): Promise<GgufFile> {
    try {
      for (let length = FIRST_READ; length <= MAX_HEADER; length *= 4) {
        const header = parseGgufHeader(
          source.path,
          await readBytes(source, 0, Math.min(length, source.size)),
          source.size,
        );
        if (header) return new GgufFile(source, header);
      }
      throw brokenGguf(source.path, `the header is longer than ${MAX_HEADER} bytes`);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  tensor(name: string): GgufTensor {
    const tensor = this.header.tensors.get(name);
    if (tensor) return tensor;
    const near = nearest(name, this.header.tensors.keys());
    throw new AttuneError("model", `the file has no tensor named ${name}`, {
      file: this.source.path,
      ...(near ? { hint: `did you mean ${near}?` } : {}),
    });
  }

  /**
   * The numbers of a tensor, dequantised, row-major.
   * @param into an array of exactly its length to write to, in place of a new one
   */
  async read(name: string, into?: Float32Array): Promise<Float32Array> {
    const { shape, type, start, end } = this.tensor(name);
    const out = into ?? new Float32Array(elementCount(shape));
    invariant(
      out.length === elementCount(shape),
      `${name} has ${elementCount(shape)} numbers, the array to fill ${out.length}`,
    );
    const { elements, bytes: blockBytes } = BLOCK_FORMATS[type]!;
    await readPieces(
      this.source,
      { start, end, piece: Math.floor(PIECE / blockBytes) * blockBytes },
      (bytes, offset) =>
        dequantizeInto(bytes, type, out.subarray((offset / blockBytes) * elements)),
    );
    return out;
  }

  close(): Promise<void> {
    return this.source.close();
  }
}
