/** A process that works on a pipeline now. */
export interface PipelineMember {
  /** Who it is, for people: host and process, or the client that the broker knows. */
  readonly name: string;
  /** When it began (epoch ms), where that is known. */
  readonly since?: number | undefined;
  /** Input partitions that it has, `TOPIC/PARTITION`; 'all' where nobody shares them. */
  readonly inputs: 'all' | readonly string[];
  /** Tasks of others whose state it keeps a copy of. @default none */
  readonly standby?: readonly number[];
}

/** What pipelines a runtime knows, and who runs them: for commands that look from outside. */
export interface PipelineDirectory {
  /** Pipelines that have committed here, in order. */
  names(): Promise<readonly string[]>;
  /** Who runs a pipeline; empty when nobody does, undefined where the runtime cannot tell. */
  members(pipeline: string): Promise<readonly PipelineMember[] | undefined>;
}
