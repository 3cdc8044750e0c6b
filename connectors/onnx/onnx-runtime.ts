import { HeadraceError } from '../../dataflow/errors.js';

/** Where models run. */
export type Provider = 'cuda' | 'webgpu' | 'cpu';

/** What of onnxruntime-node is used; it need not be installed where this is compiled. */
export interface OnnxRuntime {
  readonly env: { logLevel: 'fatal' };
  readonly InferenceSession: { create(model: Uint8Array, options: SessionOptions): Promise<OnnxSession> };
  readonly Tensor: new (type: 'float32' | 'float64' | 'int32', data: Float32Array | Float64Array | Int32Array, dims: readonly number[]) => OnnxTensor;
}

/** How a session is opened. */
export interface SessionOptions {
  readonly executionProviders?: readonly Provider[];
  /** Threads within an operator. */
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads?: number;
  /** Whether threads wait for one another in a loop: fast, and a load on others. */
  readonly extra?: { readonly session: { readonly intra_op: { readonly allow_spinning: '0' | '1' } } };
  readonly logSeverityLevel: 4;
}

export interface OnnxTensor {
  readonly data: ArrayLike<number>;
  readonly dims: readonly number[];
  dispose?(): void;
}

export interface OnnxSession {
  readonly inputMetadata: readonly OnnxValue[];
  readonly outputMetadata: readonly OnnxValue[];
  run(feeds: Readonly<Record<string, OnnxTensor>>, fetches?: readonly string[]): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** What a model says of an input or output. */
export type OnnxValue = { readonly name: string; readonly isTensor: false } | { readonly name: string; readonly isTensor: true; readonly type: string; readonly shape: readonly (number | string)[] };

/**
 * Loads onnxruntime-node, an optional package.
 *
 * @throws HR_ONNX it is not installed, or does not load on this machine
 */
export async function onnxRuntime(): Promise<OnnxRuntime> {
  const name = 'onnxruntime-node';
  try {
    const runtime = (await import(name)) as OnnxRuntime;
    // What a provider is refused for is told by its error; the library would print it as well.
    runtime.env.logLevel = 'fatal';
    return runtime;
  } catch (cause) {
    throw new HeadraceError('HR_ONNX', 'ONNX models need the package onnxruntime-node, which is not installed or does not load here.', { cause });
  }
}

/** A session, where it runs, and why not on the providers before. */
export interface OpenedSession {
  readonly session: OnnxSession;
  readonly provider: Provider;
  readonly refused: readonly { readonly provider: Provider; readonly reason: string }[];
}

/**
 * Opens a model on the first provider that takes it.
 *
 * @param providers tried in this order
 * @throws HR_ONNX none takes it
 */
export async function openSession(runtime: OnnxRuntime, model: Uint8Array, providers: readonly Provider[], threads: number): Promise<OpenedSession> {
  const refused: { provider: Provider; reason: string }[] = [];
  for (const provider of providers) {
    try {
      const session = await runtime.InferenceSession.create(model, { executionProviders: [provider], intraOpNumThreads: threads, interOpNumThreads: 1, extra: { session: { intra_op: { allow_spinning: threads > 1 ? '1' : '0' } } }, logSeverityLevel: 4 });
      return { session, provider, refused };
    } catch (error) {
      refused.push({ provider, reason: String((error as Error).message).split('\n')[0]!.slice(0, 200) });
    }
  }
  throw new HeadraceError('HR_ONNX', `No provider runs the model: ${refused.map((r) => `${r.provider}: ${r.reason}`).join('; ')}.`);
}
