import { readFileSync } from 'node:fs';
import { HeadraceError } from '../../dataflow/errors.js';
import { onnxRuntime, type OnnxTensor, type OnnxValue } from './onnx-runtime.js';

/** A model from rows of numbers to rows of numbers. */
export interface TableModel {
  /** Numbers a row goes in with; undefined where the model takes any. */
  readonly features: number | undefined;
  /** Numbers a row comes out with; undefined where the model does not say. */
  readonly outputs: number | undefined;
  /** Runs rows through the model, row after row. It blocks the thread while it computes. */
  run(values: Float32Array, rows: number): Promise<{ readonly values: Float64Array; readonly width: number }>;
  close(): Promise<void>;
}

type Table = Extract<OnnxValue, { isTensor: true }>;

/**
 * Opens an ONNX model with one input of [rows, features] and an output of [rows, outputs], both of floats; of several outputs, `probabilities` or the first that fits.
 *
 * @throws HR_EVALUATION_POLICY the file is missing or no such model
 * @throws HR_ONNX onnxruntime-node is not installed
 */
export async function openTableModel(file: string): Promise<TableModel> {
  const refuse = (detail: string, cause?: unknown, remedy?: string): HeadraceError => new HeadraceError('HR_EVALUATION_POLICY', detail, { cause, ...(remedy !== undefined && { remedy }) });
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw refuse(`The model ${file} cannot be read.`, cause, 'Check the path and its permissions.');
  }
  const runtime = await onnxRuntime();
  const session = await runtime.InferenceSession.create(bytes, { logSeverityLevel: 4 }).catch((cause: unknown) => {
    throw refuse(`${file} is no ONNX model that can be run: ${firstLine(cause)}`);
  });
  const [input, ...others] = session.inputMetadata.filter(isTable);
  if (input === undefined || others.length > 0 || session.inputMetadata.length > 1) {
    throw refuse(`${file} takes ${session.inputMetadata.map(described).join(', ')}; a model here takes one input of floats, [rows, features].`);
  }
  const tables = session.outputMetadata.filter(isTable);
  const output = tables.find(({ name }) => name === 'probabilities') ?? tables[0];
  if (output === undefined) throw refuse(`${file} gives ${session.outputMetadata.map(described).join(', ')}; a model here gives floats, [rows, outputs].`);
  const fixed = (size: number | string | undefined): number | undefined => (typeof size === 'number' && size > 0 ? size : undefined);
  return {
    features: fixed(input.shape[1]),
    outputs: fixed(output.shape[1]),
    async run(values, rows) {
      const tensor = input.type === 'float64' ? new runtime.Tensor('float64', Float64Array.from(values), [rows, values.length / rows]) : new runtime.Tensor('float32', values, [rows, values.length / rows]);
      let result: OnnxTensor;
      try {
        result = (await session.run({ [input.name]: tensor }, [output.name]))[output.name]!;
      } catch (cause) {
        throw refuse(`${file} failed on ${rows} rows of ${values.length / rows} features: ${firstLine(cause)}`);
      }
      if (result.dims.length !== 2 || result.dims[0] !== rows) throw refuse(`${file} gave [${result.dims.join(', ')}] for ${rows} rows.`);
      return { values: Float64Array.from(result.data), width: result.dims[1]! };
    },
    close: () => session.release(),
  };
}

function isTable(of: OnnxValue): of is Table {
  return of.isTensor && (of.type === 'float32' || of.type === 'float64') && of.shape.length === 2;
}

function described(of: OnnxValue): string {
  return of.isTensor ? `${of.name} ${of.type}[${of.shape.join(', ')}]` : `${of.name} (no tensor)`;
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!.slice(0, 200);
}
