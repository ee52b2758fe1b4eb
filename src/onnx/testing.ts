/**
 * Reads protobuf bytes without a schema, and ONNX models as far as tests look into them.
 * Source: protobuf's encoding guide and onnx.proto3's field numbers, read anew here: nothing is
 * shared with the writer.
 */

export interface Field {
  number: number;
  wireType: number;
  /** The number of a varint. */
  varint: bigint;
  /** The bytes of every other kind. */
  bytes: Uint8Array;
}

/** The fields of a message in order; throws on bytes that are no message. */
export function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let position = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[position++];
      if (byte === undefined || shift > 63n) throw new Error("a varint does not end");
      result |= BigInt(byte & 127) << shift;
      if (byte < 128) return result;
    }
  };
  const take = (length: number): Uint8Array => {
    if (position + length > bytes.length) throw new Error("a field runs over the end");
    return bytes.subarray(position, (position += length));
  };
  while (position < bytes.length) {
    const tag = Number(varint());
    const field: Field = {
      number: Math.floor(tag / 8),
      wireType: tag % 8,
      varint: 0n,
      bytes: new Uint8Array(),
    };
    if (field.wireType === 0) field.varint = varint();
    else if (field.wireType === 2) field.bytes = take(Number(varint()));
    else if (field.wireType === 5) field.bytes = take(4);
    else throw new Error(`wire type ${field.wireType} is not written by attune`);
    fields.push(field);
  }
  return fields;
}

const all = (fields: readonly Field[], number: number): Field[] =>
  fields.filter((field) => field.number === number);
const message = (fields: readonly Field[], number: number): Field[] =>
  readFields(all(fields, number)[0]?.bytes ?? new Uint8Array());
const text = (field: Field | undefined): string => new TextDecoder().decode(field?.bytes);
const texts = (fields: readonly Field[], number: number): string[] => all(fields, number).map(text);
const signed = (field: Field | undefined): number => Number(BigInt.asIntN(64, field?.varint ?? 0n));

export interface ReadNode {
  name: string;
  opType: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, number | string | number[]>;
}

export interface ReadModel {
  irVersion: number;
  opsets: Record<string, number>;
  nodes: ReadNode[];
  initializers: Record<string, { type: number; shape: number[]; bytes: Uint8Array }>;
  inputs: Record<string, { type: number; shape: (number | string)[] }>;
  outputs: Record<string, { type: number; shape: (number | string)[] }>;
}

const FLOAT = 1;
const INTEGER = 2;
const TEXT = 3;
const INTEGERS = 7;

function readAttribute(fields: readonly Field[]): [string, number | string | number[]] {
  const name = text(all(fields, 1)[0]);
  switch (signed(all(fields, 20)[0])) {
    case FLOAT:
      return [
        name,
        new DataView(Uint8Array.from(all(fields, 2)[0]!.bytes).buffer).getFloat32(0, true),
      ];
    case INTEGER:
      return [name, signed(all(fields, 3)[0])];
    case TEXT:
      return [name, text(all(fields, 4)[0])];
    case INTEGERS:
      return [name, all(fields, 8).map(signed)];
    default:
      throw new Error(`attribute ${name} has a type that attune does not write`);
  }
}

function readNode(fields: readonly Field[]): ReadNode {
  return {
    inputs: texts(fields, 1),
    outputs: texts(fields, 2),
    name: text(all(fields, 3)[0]),
    opType: text(all(fields, 4)[0]),
    attributes: Object.fromEntries(
      all(fields, 5).map(({ bytes }) => readAttribute(readFields(bytes))),
    ),
    domain: text(all(fields, 7)[0]),
  };
}

function readValue(
  fields: readonly Field[],
): [string, { type: number; shape: (number | string)[] }] {
  const tensor = message(message(fields, 2), 1);
  const dimensions = all(message(tensor, 2), 1).map(({ bytes }) => readFields(bytes));
  const shape = dimensions.map((dimension) =>
    dimension[0]?.number === 2 ? text(dimension[0]) : signed(dimension[0]),
  );
  return [text(all(fields, 1)[0]), { type: signed(all(tensor, 1)[0]), shape }];
}

export function readModel(bytes: Uint8Array): ReadModel {
  const model = readFields(bytes);
  const graph = message(model, 7);
  const messages = (number: number): Field[][] =>
    all(graph, number).map((field) => readFields(field.bytes));
  return {
    irVersion: signed(all(model, 1)[0]),
    opsets: Object.fromEntries(
      all(model, 8).map(({ bytes }) => [
        text(all(readFields(bytes), 1)[0]),
        signed(all(readFields(bytes), 2)[0]),
      ]),
    ),
    nodes: messages(1).map(readNode),
    initializers: Object.fromEntries(
      messages(5).map((fields) => [
        text(all(fields, 8)[0]),
        {
          type: signed(all(fields, 2)[0]),
          shape: all(fields, 1).map(signed),
          bytes: all(fields, 9)[0]?.bytes ?? new Uint8Array(),
        },
      ]),
    ),
    inputs: Object.fromEntries(messages(11).map(readValue)),
    outputs: Object.fromEntries(messages(12).map(readValue)),
  };
}
