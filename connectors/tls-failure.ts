/** Whether an error, or one that led to it, says that a certificate was not accepted or that the other side speaks no TLS: trying again does not help. */
export function isTlsFailure(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && /^(ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/.test(code)) return true;
  }
  return false;
}
