import type { KafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import type { RedisSettings } from '../../connectors/redis/redis-settings.js';
import type { MetricName } from '../../dataflow/metrics.js';
import type { Position } from '../../dataflow/ports/log-client.js';
import type { Cut, Flushed, InputName, InputStatus, Outcomes, Pulse } from './task-group.js';
import type { PackedParcel } from './pack-parcel.js';

/** What a worker thread is started with. */
export interface WorkerSetting {
  /** Name or file of the pipeline: the thread loads it itself, since code does not cross. */
  readonly pipeline: string;
  readonly dataDir: string;
  /** Kafka: the copy of the state that this process has. */
  readonly copyDirectory?: string | undefined;
  readonly kafka?: KafkaSettings;
  readonly redis?: RedisSettings;
  readonly tasks: readonly number[];
  readonly taskCount: number;
  readonly partitions: readonly (readonly [string, number])[];
  readonly positions: readonly Position[];
  readonly outputs: readonly (readonly [string, { readonly partitions: number; readonly schemaId: number }])[];
  readonly bounded: boolean;
  /** Parcels may have to wait, or go to other processes: no thread can keep them. */
  readonly packsParcels: boolean;
}

/** A call of a `TaskGroup` method in a worker. */
export type WorkerCall =
  | { readonly call: 'open' }
  | { readonly call: 'change'; readonly tasks: readonly number[]; readonly kept: readonly number[]; readonly positions: readonly Position[] }
  | { readonly call: 'plan'; readonly rows: number; readonly bounds: readonly Position[] }
  | { readonly call: 'run'; readonly cut: Cut; readonly ends: readonly InputName[]; readonly timers: boolean }
  | { readonly call: 'drain'; readonly parcels: readonly PackedParcel[]; readonly stretch: number }
  | { readonly call: 'finish' }
  | { readonly call: 'idle'; readonly inputs: readonly InputName[] }
  | { readonly call: 'barrier'; readonly epoch: number }
  | { readonly call: 'settle' }
  | { readonly call: 'outcomes' }
  | { readonly call: 'enter'; readonly outcomes: readonly Outcomes[] }
  | { readonly call: 'awaitOutcome'; readonly ms: number }
  | { readonly call: 'pulse' }
  | { readonly call: 'close'; readonly reason: 'end' | 'shutdown' };

/** Metrics and warnings since the last answer. */
export interface WorkerNews {
  readonly metrics: readonly { readonly name: MetricName; readonly step: string; readonly by: number }[];
  readonly warnings: readonly { readonly what: string; readonly message: string }[];
}

/** The answer to a call. */
export type WorkerAnswer = { readonly news: WorkerNews } & (
  | { readonly parcels: readonly PackedParcel[] }
  | { readonly statuses: readonly InputStatus[] }
  | { readonly flushed: Flushed }
  | { readonly outcomes: readonly Outcomes[] }
  | { readonly pulse: Pulse }
  | { readonly done: true }
  | { readonly error: { readonly code: string; readonly message: string; readonly remedy: string; readonly place: object } }
);
