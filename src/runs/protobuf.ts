/**
 * Fields of protobuf messages, written one by one; a message is the concatenation of its fields.
 * For the few messages of reports, where a library with generated code would be larger than they
 * are.
 *
 * Source: protobuf.dev, "Encoding".
 */

/** How a field's content is delimited. */
const WIRE = { varint: 0, eight: 1, bytes: 2, four: 5 } as const;

const key = (field: number, wire: number): Buffer => varint((field << 3) | wire);

/** Seven bits a byte, the low ones first. @param value a whole number, not negative */
function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80);
  return Buffer.from([...out, rest]);
}

/** An int32 or int64 that is not negative; one that is 0 is left out, as proto3 has it. */
export const integerField = (field: number, value: number): Buffer =>
  value === 0 ? Buffer.alloc(0) : Buffer.concat([key(field, WIRE.varint), varint(value)]);

/** A bool; false is left out. */
export const flagField = (field: number, value: boolean): Buffer =>
  integerField(field, Number(value));

export function doubleField(field: number, value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(value);
  return Buffer.concat([key(field, WIRE.eight), buffer]);
}

export function floatField(field: number, value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return Buffer.concat([key(field, WIRE.four), buffer]);
}

export const bytesField = (field: number, content: Uint8Array): Buffer =>
  Buffer.concat([key(field, WIRE.bytes), varint(content.byteLength), content]);

export const textField = (field: number, text: string): Buffer =>
  bytesField(field, Buffer.from(text));

export const messageField = (field: number, fields: readonly Uint8Array[]): Buffer =>
  bytesField(field, Buffer.concat(fields));
