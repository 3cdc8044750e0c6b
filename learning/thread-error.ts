import { asHeadraceError, type ErrorCode, HeadraceError } from '../dataflow/errors.js';

/** An error on its way from a thread, which would lose its code. */
export interface ThreadError {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** @param fallback code of what has none */
export function toThreadError(error: unknown, fallback: ErrorCode): ThreadError {
  const { code, message, remedy } = asHeadraceError(error, fallback, {});
  return { code, message, remedy };
}

export function fromThreadError({ code, message, remedy }: ThreadError): HeadraceError {
  return new HeadraceError(code as ErrorCode, message, { remedy });
}
