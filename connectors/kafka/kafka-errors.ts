import { type ErrorCode, HeadraceError, type Place } from '../../dataflow/errors.js';
import { isTlsFailure } from '../tls-failure.js';

/** Error numbers of Kafka's protocol that are told apart here (https://kafka.apache.org/protocol#protocol_error_codes). */
const names: Readonly<Record<number, string>> = {
  [-1]: 'UNKNOWN_SERVER_ERROR', 1: 'OFFSET_OUT_OF_RANGE', 2: 'CORRUPT_MESSAGE', 3: 'UNKNOWN_TOPIC_OR_PARTITION', 5: 'LEADER_NOT_AVAILABLE', 6: 'NOT_LEADER_OR_FOLLOWER', 7: 'REQUEST_TIMED_OUT',
  8: 'BROKER_NOT_AVAILABLE', 9: 'REPLICA_NOT_AVAILABLE', 10: 'MESSAGE_TOO_LARGE', 12: 'OFFSET_METADATA_TOO_LARGE', 13: 'NETWORK_EXCEPTION', 14: 'COORDINATOR_LOAD_IN_PROGRESS', 15: 'COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR', 17: 'INVALID_TOPIC_EXCEPTION', 18: 'RECORD_LIST_TOO_LARGE', 19: 'NOT_ENOUGH_REPLICAS', 20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 22: 'ILLEGAL_GENERATION', 25: 'UNKNOWN_MEMBER_ID', 27: 'REBALANCE_IN_PROGRESS',
  29: 'TOPIC_AUTHORIZATION_FAILED', 30: 'GROUP_AUTHORIZATION_FAILED', 31: 'CLUSTER_AUTHORIZATION_FAILED', 32: 'INVALID_TIMESTAMP', 33: 'UNSUPPORTED_SASL_MECHANISM', 34: 'ILLEGAL_SASL_STATE', 35: 'UNSUPPORTED_VERSION', 36: 'TOPIC_ALREADY_EXISTS',
  37: 'INVALID_PARTITIONS', 38: 'INVALID_REPLICATION_FACTOR', 40: 'INVALID_CONFIG', 41: 'NOT_CONTROLLER', 42: 'INVALID_REQUEST', 44: 'POLICY_VIOLATION', 45: 'OUT_OF_ORDER_SEQUENCE_NUMBER', 46: 'DUPLICATE_SEQUENCE_NUMBER',
  47: 'INVALID_PRODUCER_EPOCH', 48: 'INVALID_TXN_STATE', 49: 'INVALID_PRODUCER_ID_MAPPING', 50: 'INVALID_TRANSACTION_TIMEOUT', 51: 'CONCURRENT_TRANSACTIONS', 52: 'TRANSACTION_COORDINATOR_FENCED', 53: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  56: 'KAFKA_STORAGE_ERROR', 58: 'SASL_AUTHENTICATION_FAILED', 59: 'UNKNOWN_PRODUCER_ID', 74: 'FENCED_LEADER_EPOCH', 79: 'MEMBER_ID_REQUIRED', 82: 'FENCED_INSTANCE_ID', 75: 'UNKNOWN_LEADER_EPOCH', 78: 'OFFSET_NOT_AVAILABLE', 87: 'INVALID_RECORD', 89: 'THROTTLING_QUOTA_EXCEEDED',
  90: 'PRODUCER_FENCED', 100: 'UNKNOWN_TOPIC_ID', 103: 'INCONSISTENT_TOPIC_ID', 113: 'FENCED_MEMBER_EPOCH', 120: 'TRANSACTION_ABORTABLE',
};

/** The numbers that the adapter acts on. */
export const kafkaError = {
  offsetOutOfRange: 1, unknownTopic: 3, messageTooLarge: 10, coordinatorLoading: 14, recordListTooLarge: 18, illegalGeneration: 22, unknownMember: 25, rebalanceInProgress: 27, invalidTimestamp: 32, illegalSaslState: 34, topicExists: 36, invalidConfig: 40, duplicateSequence: 46, invalidProducerEpoch: 47, concurrentTransactions: 51, memberIdRequired: 79, fencedInstance: 82, producerFenced: 90,
} as const;

/** Errors that pass: a leader or coordinator moves, a broker starts, a transaction is still being finished. */
const passing = new Set([2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 74, 75, 78, 89, 100]);
const denied = new Set([29, 30, 31, 33, 34, 53, 58]);

/** An error that a broker has answered with. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly number: number;

  /** @param what the request, in words */
  constructor(number: number, what: string, detail?: string) {
    super(`${names[number] ?? `error ${number}`} for ${what}${detail === undefined || detail === '' ? '' : `: ${detail}`}`);
    this.number = number;
  }
}

/** No answer came, whether or not the request arrived; or there is no connection. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The broker does not let this user in. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused';
}

/** Throws a `BrokerError` unless the number is 0. */
export function checkAnswer(number: number, what: string, detail?: string): void {
  if (number !== 0) throw new BrokerError(number, what, detail);
}

/** Whether it may go well when it is tried again: the network failed, or the broker says so. */
export function isPassing(error: unknown): boolean {
  if (error instanceof BrokerError) return passing.has(error.number);
  if (error instanceof NoAnswer) return true;
  if (error instanceof HeadraceError) return false;
  // errors of the library: PLT_KFK_NETWORK, PLT_KFK_TIMEOUT, …; a login that is refused is final
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.startsWith('PLT_KFK_') && code !== 'PLT_KFK_USER' && !isLoginError(error);
}

/** Whether the broker has refused who we are. */
export function isLoginError(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof LoginRefused || (at as { code?: unknown }).code === 'PLT_KFK_AUTHENTICATION') return true;
  return isTlsFailure(error);
}

/** The answer of a broker that an error goes back to. */
export function brokerErrorOf(error: unknown): BrokerError | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof BrokerError) return at;
  return undefined;
}

/** The innermost message: what a person can act on. */
export function reasonOf(error: unknown): string {
  let at: unknown = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  if (at instanceof AggregateError && at.errors.length > 0) return reasonOf(at.errors[0]);
  return at instanceof Error ? at.message : String(at);
}

/** An error of a broker or the network as one with a stable code. */
export function asKafkaError(error: unknown, place: Place = {}): HeadraceError {
  if (error instanceof HeadraceError) return error;
  const code: ErrorCode = isLoginError(error) || (error instanceof BrokerError && denied.has(error.number)) ? 'HR_KAFKA_DENIED' : 'HR_KAFKA';
  const isTime = brokerErrorOf(error)?.number === kafkaError.invalidTimestamp;
  // the library does not look at the answer to a token, so a refusal shows with the request that follows
  const isToken = brokerErrorOf(error)?.number === kafkaError.illegalSaslState;
  const reason = isToken ? 'authentication failed: the broker has not taken the token (it may be over, or not be for this cluster)' : reasonOf(error).replace(/\.$/, '');
  return new HeadraceError(code, `Kafka: ${reason}.`, {
    cause: error,
    place,
    ...(isTime ? { remedy: 'Set message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic so that event times fit.' } : {}),
  });
}
