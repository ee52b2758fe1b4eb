/**
 * Writes the ONNX protobuf messages that attune needs, and no others.
 * Source: onnx/onnx.proto3 (field numbers), protobuf's encoding guide (wire format). Large tensors
 * are kept as separate chunks until the end, so that a model with hundreds of megabytes of
 * initializers is copied once.
 */

const VARINT = 0;
const FIXED32 = 5;
const LENGTH = 2;

export class Message {
  private readonly chunks: Uint8Array[] = [];
  private small: number[] = [];
  private length = 0;

  /** An int32, int64 or enum field; negative numbers take ten bytes, as protobuf demands. */
  integer(field: number, value: number | bigint): this {
    this.tag(field, VARINT);
    return this.varint(BigInt.asUintN(64, BigInt(value)));
  }

  float(field: number, value: number): this {
    this.tag(field, FIXED32);
    this.small.push(...new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    this.tag(field, LENGTH);
    this.varint(BigInt(value.length));
    this.flush();
    this.chunks.push(value);
    this.length += value.length;
    return this;
  }

  message(field: number, value: Message): this {
    value.flush();
    this.tag(field, LENGTH);
    this.varint(BigInt(value.length));
    this.flush();
    // Not as arguments: a deep model has more chunks than a call takes.
    for (const chunk of value.chunks) this.chunks.push(chunk);
    this.length += value.length;
    return this;
  }

  finish(): Uint8Array {
    this.flush();
    const result = new Uint8Array(this.length);
    let offset = 0;
    for (const chunk of this.chunks) {
      result.set(chunk, offset);
      offset += chunk.length;
    }
    return result;
  }

  private tag(field: number, wireType: number): void {
    this.varint(BigInt(field * 8 + wireType));
  }

  private varint(value: bigint): this {
    let rest = value;
    while (rest > 127n) {
      this.small.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    this.small.push(Number(rest));
    return this;
  }

  private flush(): void {
    if (this.small.length === 0) return;
    this.chunks.push(Uint8Array.from(this.small));
    this.length += this.small.length;
    this.small = [];
  }
}
