import type { Observable } from 'rxjs';
import { durationMs, type Duration } from './duration.js';
import { HeadraceError } from './errors.js';
import { checkOptions } from './known-options.js';
import type { Unkeyed } from './batch.js';
import type { Signal } from './signal.js';
import type { ErrorPolicy } from './step.js';
import type { Topic } from './topic.js';

/** How a topic is read. */
export interface FromOptions {
  /** How far behind the newest record of its partition an event time may be and still be on time. @default '0s' */
  readonly disorder?: Duration;
  /** A partition without records for so long does not hold back the others (live runs only). @default '5s' */
  readonly idleness?: Duration;
  /** What happens to a record whose bytes or event time cannot be used. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
  /** Id of the step. @default the topic's name */
  readonly id?: string;
}

/** The records of a topic as a stream. */
export type Source<T> = Observable<Signal<T, Unkeyed, ''>> & {
  /** The plain records, for RxJS code that needs no control signals. */
  readonly records$: Observable<T>;
};

/** What a pipeline is built from. */
export interface PipelineScope {
  /**
   * Reads a topic. The source watermark of a partition is the newest event time seen, cut down to the tick, less `disorder`.
   *
   * @throws HR_DURATION
   */
  from<T>(topic: Topic<T, unknown>, options?: FromOptions): Source<T>;
}

/** Settings of a pipeline. */
export interface PipelineOptions {
  /**
   * Grid of event time on which partitions are aligned and watermarks move. Smaller: fresher watermarks; larger: bigger batches.
   * @default a tenth of the largest disorder, between 100 ms and 10 s
   */
  readonly tick?: Duration;
}

/** A stream at its end, whatever it carries. */
export type AnyStream = Observable<Signal<unknown, unknown>>;

/** A streaming job: a name and the streams that it runs. */
export interface Pipeline {
  readonly name: string;
  readonly tickMs: number | undefined;
  /** Builds the streams; called once for each task. */
  build(scope: PipelineScope): readonly AnyStream[];
}

const pipelines = new WeakSet<object>();

/**
 * Defines a streaming job. The function is called once a task and must build the same steps every time.
 *
 * @param name letters, digits, dash and underscore; state and offsets are kept under it
 * @throws HR_PIPELINE, HR_DURATION
 * @example
 * export default pipeline('copy', ({ from }) => from(clicks).pipe(to(copies)));
 */
export function pipeline(name: string, build: (scope: PipelineScope) => AnyStream | readonly AnyStream[], options: PipelineOptions = {}): Pipeline {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(name)) throw new HeadraceError('HR_PIPELINE', `"${name}" cannot be the name of a pipeline.`);
  checkOptions(options, ['tick'], `pipeline ${name}`);
  const made: Pipeline = {
    name,
    tickMs: options.tick === undefined ? undefined : durationMs(options.tick, `pipeline ${name}: tick`, 1),
    build(scope) {
      const built = build(scope);
      const streams = Array.isArray(built) ? (built as readonly AnyStream[]) : [built as AnyStream];
      if (streams.length === 0 || streams.some((s) => typeof s?.subscribe !== 'function')) {
        throw new HeadraceError('HR_PIPELINE', 'The function of a pipeline returns a stream, or several in an array.', { place: { pipeline: name } });
      }
      return streams;
    },
  };
  pipelines.add(made);
  return made;
}

/** Whether a value was made by `pipeline`. */
export function isPipeline(value: unknown): value is Pipeline {
  return typeof value === 'object' && value !== null && pipelines.has(value);
}
