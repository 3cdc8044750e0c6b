/** Element types of tensors, by their numbers in ONNX. */
const elementTypes = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 } as const;

/** Element type of a tensor. */
export type ElementType = keyof typeof elementTypes;

/** A value in a graph: what an operator takes and gives. */
export type Value = string & { readonly value: unique symbol };

/** An attribute of an operator: a whole number, a fraction, a word, a tensor of one number, whole numbers, or a graph. */
export type Attribute = number | { readonly float: number } | { readonly word: string } | { readonly filled: number; readonly type: 'float32' | 'float64' } | readonly number[] | OnnxGraph;

/** A dimension: a size, or a name where it differs from call to call. */
export type Dimension = number | string;

/** A graph of ONNX operators that is being built. */
export interface OnnxGraph {
  input(name: string, dims: readonly Dimension[], type?: ElementType): Value;
  /** Gives `value` out as `name`. */
  output(name: string, value: Value, dims: readonly Dimension[], type?: ElementType): void;
  /** Gives out what an operator gave, by its place and without a name of its own or a copy: for a graph within a graph. */
  result(value: Value, dims: readonly Dimension[], type?: ElementType): void;
  /** An operator with one result. */
  op(type: string, inputs: readonly Value[], attributes?: Readonly<Record<string, Attribute>>): Value;
  /** An operator with `count` results. */
  ops(type: string, inputs: readonly Value[], count: number, attributes?: Readonly<Record<string, Attribute>>): Value[];
  /** A tensor that is part of the graph. */
  constant(data: Float32Array | Float64Array | BigInt64Array | Uint8Array, dims: readonly number[]): Value;
  scalar(x: number, type?: 'float32' | 'float64'): Value;
  /** The graph as protobuf (GraphProto). */
  encode(): Uint8Array;
}

/** Version of the operators, and of the format. */
const opset = 17;
const irVersion = 8;

/**
 * An empty graph.
 *
 * Source: ONNX, onnx.proto (IR version 8) and operator set 17.
 *
 * @param name prefix of the names of its values: a graph within a graph needs another one
 */
export function onnxGraph(name: string): OnnxGraph {
  const nodes: Uint8Array[] = [];
  const initializers: Uint8Array[] = [];
  const inputs: Uint8Array[] = [];
  const outputs: Uint8Array[] = [];
  let count = 0;
  const fresh = (): Value => `${name}_${count++}` as Value;
  const node = (type: string, from: readonly Value[], to: readonly string[], attributes: Readonly<Record<string, Attribute>>) => {
    nodes.push(
      message([
        ...from.map((value) => text(1, value)),
        ...to.map((value) => text(2, value)),
        text(4, type),
        ...Object.entries(attributes).map(([key, value]) => nested(5, attribute(key, value))),
      ]),
    );
  };
  const graph: OnnxGraph = {
    input(inputName, dims, type = 'float32') {
      inputs.push(valueInfo(inputName, dims, type));
      return inputName as Value;
    },
    output(outputName, value, dims, type = 'float32') {
      node('Identity', [value], [outputName], {});
      outputs.push(valueInfo(outputName, dims, type));
    },
    result(value, dims, type = 'float32') {
      outputs.push(valueInfo(value, dims, type));
    },
    op: (type, from, attributes = {}) => graph.ops(type, from, 1, attributes)[0]!,
    ops(type, from, results, attributes = {}) {
      const to = Array.from({ length: results }, fresh);
      node(type, from, to, attributes);
      return to;
    },
    constant(data, dims) {
      const value = fresh();
      const type = data instanceof Float32Array ? 'float32' : data instanceof Float64Array ? 'float64' : data instanceof BigInt64Array ? 'int64' : 'bool';
      initializers.push(message([...dims.map((d) => integer(1, d)), integer(2, elementTypes[type]), text(8, value), nested(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]));
      return value;
    },
    scalar: (x, type = 'float32') => graph.constant(type === 'float32' ? Float32Array.of(x) : Float64Array.of(x), []),
    encode: () => message([...nodes.map((n) => nested(1, n)), text(2, name), ...initializers.map((i) => nested(5, i)), ...inputs.map((i) => nested(11, i)), ...outputs.map((o) => nested(12, o))]),
  };
  return graph;
}

/** A graph as a model that a runtime loads (ModelProto). */
export function onnxModel(graph: OnnxGraph): Uint8Array {
  return message([integer(1, irVersion), text(2, 'headrace'), nested(7, graph.encode()), nested(8, message([text(1, ''), integer(2, opset)]))]);
}

function attribute(key: string, value: Attribute): Uint8Array {
  if (typeof value === 'number') return message([text(1, key), integer(3, value), integer(20, 2)]);
  if ('float' in value) return message([text(1, key), float(2, value.float), integer(20, 1)]);
  if ('word' in value) return message([text(1, key), text(4, value.word), integer(20, 3)]);
  if ('filled' in value) {
    const data = value.type === 'float32' ? Float32Array.of(value.filled) : Float64Array.of(value.filled);
    return message([text(1, key), nested(5, message([integer(1, 1), integer(2, elementTypes[value.type]), nested(9, new Uint8Array(data.buffer))])), integer(20, 4)]);
  }
  if ('encode' in value) return message([text(1, key), nested(6, value.encode()), integer(20, 5)]);
  return message([text(1, key), ...value.map((x) => integer(8, x)), integer(20, 7)]);
}

function valueInfo(name: string, dims: readonly Dimension[], type: ElementType): Uint8Array {
  const shape = message(dims.map((d) => nested(1, message([typeof d === 'string' ? text(2, d) : integer(1, d)]))));
  return message([text(1, name), nested(2, message([nested(1, message([integer(1, elementTypes[type]), nested(2, shape)]))]))]);
}

function message(fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

function varint(n: number): number[] {
  const bytes: number[] = [];
  for (let rest = n; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

function integer(field: number, n: number): Uint8Array {
  if (!Number.isSafeInteger(n)) throw new Error(`${n} is no whole number`);
  if (n >= 0) return Uint8Array.from([...varint(field * 8), ...varint(n)]);
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(n)); ; rest >>= 7n) {
    if (rest < 128n) return Uint8Array.from([...varint(field * 8), ...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

function float(field: number, x: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(x);
  return Buffer.concat([Uint8Array.from(varint(field * 8 + 5)), bytes]);
}

function nested(field: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes]);
}

function text(field: number, value: string): Uint8Array {
  return nested(field, Buffer.from(value));
}
