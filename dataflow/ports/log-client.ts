import type { RecordBlock } from '../record-block.js';

/** A topic as the log knows it. */
export interface TopicInfo {
  readonly name: string;
  readonly partitions: number;
  /** Records older than this many milliseconds behind the newest one may be deleted; `Infinity` keeps all. */
  readonly retentionMs: number;
}

/** Settings of a topic that is created. */
export interface TopicSettings {
  readonly partitions: number;
  /** @default Infinity */
  readonly retentionMs?: number;
}

/** A change of keyed state: `value` null deletes. */
export interface StateWrite {
  /** The task whose state it is, where tasks are spread over processes. @default 0 */
  readonly task?: number;
  readonly step: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** An input partition and the offset up to which its records are processed: the next one to read. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * Something that the data alone does not tell, written down when a stretch of input begins, so that a restart and a replay
 * meet it at the same place: inputs are taken up to `bounds`, and there they end (`end`: every window closes), wait for
 * more (`live`), or are idle (`idle`: they no longer hold back the others).
 */
export interface JournalEntry {
  /** Number of the entry, where each process of a pipeline writes down its part of it. @default its place in the journal */
  readonly index?: number;
  readonly kind: 'end' | 'live' | 'idle';
  readonly bounds: readonly Position[];
  /** The inputs that became idle (`idle`). */
  readonly idle?: readonly { readonly topic: string; readonly partition: number }[];
}

/** When an epoch was committed and how far event time was then (epoch ms): for people and their tools, nothing is computed from it. */
export interface EpochTimes {
  readonly at: number;
  /** Newest event time; null before the first record. */
  readonly newest: number | null;
  /** 'none': an input that is waited for has no record yet; 'end': all inputs were at their end. */
  readonly watermark: number | 'none' | 'end';
}

/** Everything that one epoch changes. It becomes visible as a whole or not at all. */
export interface EpochCommit {
  readonly pipeline: string;
  readonly epoch: number;
  /** The tasks that commit, where several processes share a pipeline: state, positions and journal are theirs. @default all of the pipeline */
  readonly tasks?: readonly number[];
  readonly outputs: readonly { readonly topic: string; readonly partition: number; readonly block: RecordBlock }[];
  readonly state: readonly StateWrite[];
  readonly positions: readonly Position[];
  readonly journal: readonly JournalEntry[];
  /** What its tasks send to others, where several processes share a pipeline; and up to where tasks have no more need of what was sent to them (Infinity: of all that is there). */
  readonly parcels?: { readonly sent: readonly { readonly task: number; readonly block: RecordBlock }[]; readonly done: readonly { readonly task: number; readonly offset: number }[] } | undefined;
  readonly times?: EpochTimes;
}

/** What a pipeline had committed last. */
export interface Committed {
  readonly epoch: number;
  readonly positions: readonly Position[];
  /** As the epoch told them. */
  readonly times?: EpochTimes;
}

/**
 * The log of topics, as a pipeline sees it: read committed records, commit an epoch atomically. Offsets of a partition grow, and may
 * have gaps: between two records, and behind the last one. Two callers in one process may read at the same time; commits of one
 * pipeline come one after the other.
 */
export interface LogClient {
  /** All topics, by name. */
  topics(): Promise<readonly TopicInfo[]>;
  /** Creates a topic. Errors: HR_TOPIC_EXISTS when it is there with other settings (the same settings are fine). */
  createTopic(name: string, settings: TopicSettings): Promise<void>;
  /** Names this topic and none that is made later under the same name; undefined where the log cannot tell. Errors: HR_TOPIC_MISSING. */
  identity?(topic: string): Promise<string | undefined>;
  /** First and one past the last committed offset. Errors: HR_TOPIC_MISSING. */
  bounds(topic: string, partition: number): Promise<{ readonly start: number; readonly end: number }>;
  /**
   * The committed records from `offset` on: one stored block (the rows before `offset` cut off), or undefined when there are none up to the
   * end. Never waits for new records. Errors: HR_TOPIC_MISSING, HR_OFFSET_GONE when retention has deleted the offset.
   */
  read(topic: string, partition: number, offset: number): Promise<RecordBlock | undefined>;
  /**
   * An offset before which all records have timestamps before `time` (epoch ms): where the first one at or after it may be, as far as the log
   * tells without reading, or the end offset.
   */
  seek(topic: string, partition: number, time: number): Promise<number>;
  /** Appends records outside of any pipeline (importers, tools). Atomic. */
  append(outputs: EpochCommit['outputs']): Promise<void>;
  /** Commits an epoch, whose positions are of topics that are there. Errors: HR_EPOCH_FENCED when a later epoch of this pipeline is already there, HR_DISK_FULL. */
  commit(epoch: EpochCommit): Promise<void>;
  /** Last commit of a pipeline, or undefined before the first. */
  committed(pipeline: string): Promise<Committed | undefined>;
  /** The pipeline's journal, in order. */
  journal(pipeline: string): Promise<readonly JournalEntry[]>;
  close(): Promise<void>;
}
