/**
 * Safetensors files: the header is read at once, each tensor when it is asked for. Nothing is ever
 * executed.
 */
import { AttuneError, invariant, nearest } from "../../core/errors.ts";
import { elementCount } from "../../core/tensor.ts";
import { type ByteSource, FileReader, readBytes, readPieces } from "./bytes.ts";
import { DTYPE_BITS, widenInto } from "./dtypes.ts";
import {
  parseSafetensorsHeader,
  readHeaderLength,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./safetensors-header.ts";

export {
  type TensorToWrite,
  writeSafetensors,
  writeSafetensorsFolder,
} from "./safetensors-writer.ts";

/** Bytes that are read and widened at a time. */
const PIECE = 2 ** 22;

export class SafetensorsFile {
  readonly header: SafetensorsHeader;
  /** Bytes of the whole file. */
  readonly size: number;
  private readonly source: ByteSource;

  private constructor(source: ByteSource, header: SafetensorsHeader) {
    this.source = source;
    this.size = source.size;
    this.header = header;
  }

  /** @throws AttuneError `model` for a file whose header does not hold what the format promises */
  static async open(path: string): Promise<SafetensorsFile> {
    return SafetensorsFile.from(await FileReader.open(path));
  }

  /**
   * Reads from `source`, which is closed with the file, or here where it is no safetensors file.
   */
  static async from(source: ByteSource): Promise<SafetensorsFile> {
    try {
      const length = readHeaderLength(
        source.path,
        await readBytes(source, 0, Math.min(8, source.size)),
        source.size,
      );
      const header = parseSafetensorsHeader(
        source.path,
        await readBytes(source, 8, 8 + length),
        source.size,
      );
      return new SafetensorsFile(source, header);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Dtype, shape and place of a tensor. */
  entry(name: string): SafetensorsEntry {
    const entry = this.header.tensors.get(name);
    if (entry) return entry;
    const near = nearest(name, this.header.tensors.keys());
    throw new AttuneError("model", `the file has no tensor named ${name}`, {
      file: this.source.path,
      ...(near ? { hint: `did you mean ${near}?` } : {}),
    });
  }

  /**
   * The numbers of a tensor as float32, row-major.
   * @param into an array of exactly its length to write to, in place of a new one
   */
  async read(name: string, into?: Float32Array): Promise<Float32Array> {
    const { dtype, shape, start, end } = this.entry(name);
    const out = into ?? new Float32Array(elementCount(shape));
    invariant(
      out.length === elementCount(shape),
      `${name} has ${elementCount(shape)} numbers, the array to fill ${out.length}`,
    );
    if (dtype === "F32") {
      await this.source.readInto(new Uint8Array(out.buffer, out.byteOffset, out.byteLength), start);
      return out;
    }
    const bytesPerElement = DTYPE_BITS[dtype] / 8;
    await readPieces(this.source, { start, end, piece: PIECE }, (bytes, offset) =>
      widenInto(bytes, dtype, out.subarray(offset / bytesPerElement)),
    );
    return out;
  }

  /** The bytes of a tensor as they are in the file. */
  async readRaw(name: string): Promise<Uint8Array> {
    const { start, end } = this.entry(name);
    return readBytes(this.source, start, end);
  }

  close(): Promise<void> {
    return this.source.close();
  }
}
