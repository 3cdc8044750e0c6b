import { HeadraceError } from '../../../dataflow/errors.js';
import { BrokerError, isLoginError, LoginRefused, NoAnswer, reasonOf } from '../kafka-errors.js';

/** Errors of kafkajs that say that no answer came, or that it does not know whom to ask. */
const unanswered = new Set([
  'KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError', 'KafkaJSBrokerNotFound', 'KafkaJSNoBrokerAvailableError', 'KafkaJSLockTimeout', 'KafkaJSTimeout', 'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded', 'KafkaJSGroupCoordinatorNotFound',
]);

/**
 * An error of kafkajs as the rest of the connector knows errors. The innermost one counts: those around it tell of retries.
 *
 * @param what was asked for, in words
 */
export function fromKafkajs(error: unknown, what: string): unknown {
  let found: unknown = error;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof BrokerError || at instanceof HeadraceError || at instanceof NoAnswer || at instanceof LoginRefused) return at;
    found = at;
  }
  const { name, code, type } = found as { readonly name?: string; readonly code?: unknown; readonly type?: string };
  if (name === 'KafkaJSSASLAuthenticationError' || isLoginError(error)) return new LoginRefused(reasonOf(error), { cause: error });
  if (typeof code === 'number' && type !== undefined) {
    // numbers that are younger than it are in the text alone
    const number = Number(/^Unknown error code (\d+)$/.exec((found as Error).message)?.[1] ?? code);
    return new BrokerError(number, what);
  }
  return name !== undefined && unanswered.has(name) ? new NoAnswer(reasonOf(error), { cause: error }) : error;
}
