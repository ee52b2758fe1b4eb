/**
 * A strict reader of Thrift's compact protocol, as far as Parquet uses it. It exists to look at
 * metadata before a library does: sizes are checked against what is there, and numbers, depth and
 * counts are bounded, so that no header can make a reader loop or reserve memory at will.
 *
 * Source: Apache Thrift, thrift-compact-protocol.md.
 */

export type ThriftValue =
  | boolean
  | number
  | bigint
  | Uint8Array
  | readonly ThriftValue[]
  | ThriftStruct;
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

export class ThriftError extends Error {}

const MAX_DEPTH = 24;
const [STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12,
];

/**
 * Reads one struct that begins at `offset`.
 * @param most elements that the lists of its fields may have, by field
 * @throws ThriftError
 */
export function readThrift(
  bytes: Uint8Array,
  offset: number,
  most: ReadonlyMap<number, number> = new Map(),
): { struct: ThriftStruct; end: number } {
  const reader = new ThriftReader(bytes, offset, most);
  return { struct: reader.struct(0), end: reader.offset };
}

class ThriftReader {
  private readonly bytes: Uint8Array;
  private readonly most: ReadonlyMap<number, number>;
  offset: number;

  constructor(bytes: Uint8Array, offset: number, most: ReadonlyMap<number, number>) {
    this.bytes = bytes;
    this.offset = offset;
    this.most = most;
  }

  struct(depth: number): ThriftStruct {
    if (depth > MAX_DEPTH) throw new ThriftError("structures are nested too deep");
    const fields = new Map<number, ThriftValue>();
    for (let field = 0; ;) {
      const head = this.byte();
      const type = head & 0x0f;
      if (type === STOP) return fields;
      field = head >> 4 === 0 ? this.zigzag32() : field + (head >> 4);
      if (fields.has(field)) throw new ThriftError(`field ${field} appears twice`);
      fields.set(
        field,
        type === TRUE || type === FALSE
          ? type === TRUE
          : this.value(type, depth, depth === 0 ? this.most.get(field) : undefined),
      );
    }
  }

  private value(type: number, depth: number, most = Infinity): ThriftValue {
    if (type === TRUE || type === FALSE || type === BYTE) return this.byte();
    if (type === I16 || type === I32) return this.zigzag32();
    if (type === I64) return this.zigzag64();
    if (type === DOUBLE) return this.take(8);
    if (type === BINARY) return this.take(this.varint32());
    if (type === LIST) return this.list(depth, most);
    if (type === STRUCT) return this.struct(depth + 1);
    throw new ThriftError(`type ${type} does not belong into Parquet`);
  }

  private list(depth: number, most: number): ThriftValue[] {
    const head = this.byte();
    const type = head & 0x0f;
    const count = head >> 4 === 15 ? this.varint32() : head >> 4;
    // every element takes a byte at least
    if (count > this.bytes.length - this.offset)
      throw new ThriftError(`a list of ${count} elements does not fit`);
    if (count > most)
      throw new ThriftError(`a list of ${count} elements is longer than the ${most} that are read`);
    if (depth > MAX_DEPTH) throw new ThriftError("structures are nested too deep");
    const items: ThriftValue[] = [];
    for (let i = 0; i < count; i++) items.push(this.value(type, depth + 1));
    return items;
  }

  private byte(): number {
    const byte = this.bytes[this.offset];
    if (byte === undefined) throw new ThriftError("the metadata ends too early");
    this.offset++;
    return byte;
  }

  private take(length: number): Uint8Array {
    if (length > this.bytes.length - this.offset)
      throw new ThriftError(`a text of ${length} bytes does not fit`);
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  private varint(maxBytes: number): bigint {
    let result = 0n;
    for (let i = 0; i < maxBytes; i++) {
      const byte = this.byte();
      result |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return result;
    }
    throw new ThriftError("a number is too long");
  }

  private varint32(): number {
    const value = this.varint(5);
    if (value > 0x7fffffffn) throw new ThriftError("a size is too large");
    return Number(value);
  }

  private zigzag32(): number {
    const value = this.varint(5);
    if (value > 0xffffffffn) throw new ThriftError("a number is too large");
    return Number((value >> 1n) ^ -(value & 1n));
  }

  private zigzag64(): bigint {
    const value = this.varint(10);
    if (value > 0xffffffffffffffffn) throw new ThriftError("a number is too large");
    return (value >> 1n) ^ -(value & 1n);
  }
}
