/** Protobuf fields, as far as ONNX needs them. */
const varint = (n: number): number[] => (n > 127 ? [(n & 127) | 128, ...varint(Math.floor(n / 128))] : [n]);
const integer = (field: number, n: number): number[] => [...varint(field << 3), ...varint(n)];
const bytes = (field: number, of: ArrayLike<number>): number[] => [...varint((field << 3) | 2), ...varint(of.length), ...Array.from(of)];
const text = (field: number, of: string): number[] => bytes(field, Buffer.from(of));

/** Shape of a tensor of floats; a name stands for any size. */
function value(name: string, shape: readonly (number | string)[]): number[] {
  const dims = shape.flatMap((size) => bytes(1, typeof size === 'number' ? integer(1, size) : text(2, size)));
  return [...text(1, name), ...bytes(2, bytes(1, [...integer(1, 1), ...bytes(2, dims)]))];
}

function node(op: string, inputs: readonly string[], output: string): number[] {
  return [...inputs.flatMap((input) => text(1, input)), ...text(2, output), ...text(4, op)];
}

/**
 * An ONNX model y = x · W, or softmax of it by row: from [rows, features] to [rows, outputs].
 *
 * @param weights features × outputs, row after row
 */
export function tinyOnnx(weights: readonly number[], outputs: number, options: { readonly softmax?: boolean } = {}): Uint8Array {
  const features = weights.length / outputs;
  const w = new Uint8Array(new Float32Array(weights).buffer);
  const tensor = [...integer(1, features), ...integer(1, outputs), ...integer(2, 1), ...text(8, 'w'), ...bytes(9, w)];
  const graph = [
    ...bytes(1, node('MatMul', ['x', 'w'], options.softmax === true ? 's' : 'y')),
    ...(options.softmax === true ? bytes(1, node('Softmax', ['s'], 'y')) : []),
    ...text(2, 'g'),
    ...bytes(5, tensor),
    ...bytes(11, value('x', ['N', features])),
    ...bytes(12, value('y', ['N', outputs])),
  ];
  return Uint8Array.from([...integer(1, 8), ...text(2, 'test'), ...bytes(7, graph), ...bytes(8, [...text(1, ''), ...integer(2, 17)])]);
}
