import { HeadraceError } from '../../dataflow/errors.js';
import { patience as patienceWith, type PatienceOptions as AnyPatience, type Patiently } from '../patience.js';
import type { Clock } from './clock.js';
import { asKafkaError, isPassing, reasonOf } from './kafka-errors.js';
import type { KafkaSettings } from './kafka-settings.js';

export type { Patiently } from '../patience.js';

export interface PatienceOptions extends Pick<AnyPatience, 'warn' | 'reachable' | 'onFailure'> {
  readonly settings: KafkaSettings;
  /** @default that of the system */
  readonly clock?: Clock | undefined;
  /** Brokers that have never answered are not waited for as long. */
  readonly hasAnswered: () => boolean;
  /** Nothing is tried again then. */
  readonly isClosed: () => boolean;
}

const firstPatienceMs = 10_000;

/**
 * How long brokers are waited for, whichever library speaks to them.
 *
 * @returns throws HR_KAFKA_UNREACHABLE when it lasts, HR_KAFKA_DENIED, HR_KAFKA
 */
export function patience({ settings, hasAnswered, isClosed, ...options }: PatienceOptions): Patiently {
  return patienceWith({
    ...options,
    who: 'Kafka',
    isPassing: (error) => isPassing(error) && !isClosed(),
    patienceMs: () => (hasAnswered() ? settings.patienceMs : Math.min(settings.patienceMs, firstPatienceMs)),
    reasonOf,
    asError: (error) => asKafkaError(error),
    unreachable: (tried, cause) => new HeadraceError('HR_KAFKA_UNREACHABLE', `Kafka at ${settings.brokers.map((b) => `${b.host}:${b.port}`).join(', ')} ${tried}`, { cause }),
  });
}
