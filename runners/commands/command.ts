import type { ClickHouseSettings } from '../../connectors/clickhouse/clickhouse-settings.js';
import type { KafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import type { RedisSettings } from '../../connectors/redis/redis-settings.js';
import type { Output } from './output.js';

/** Exit codes of the command line. */
export const exitCodes = { done: 0, failed: 1, usage: 2, differs: 3, interrupted: 130 } as const;

/** An option, as the parser reads it and help shows it. */
export interface OptionSpec {
  /** Name of its value in the help; without one it is a switch. */
  readonly value?: string;
  /** What it is for, with its default. */
  readonly what: string;
}

/** One command of `headrace`. */
export interface Command {
  readonly name: string;
  /** The lines after `headrace` that show how it is called. */
  readonly usage: readonly string[];
  /** What a person should know before the first use. */
  readonly about: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Fewest and most operands. */
  readonly operands: readonly [least: number, most: number];
  /** Whether it watches `abort` and ends by itself at SIGINT and SIGTERM; the others are ended there and then. */
  readonly endsOnAbort?: boolean;
  /** Does the work. The result is the exit code; errors are thrown. */
  run(call: Call): Promise<number>;
}

/** A call of a command: what the user gave and where answers go. */
export interface Call {
  readonly command: Command;
  readonly operands: readonly string[];
  /** Values by option name; a switch that is given is ''. */
  readonly options: ReadonlyMap<string, string>;
  readonly json: boolean;
  readonly dataDir: string;
  /** Kafka, when the environment names it. Reading it throws HR_KAFKA_SETTINGS. */
  readonly kafka: KafkaSettings | undefined;
  /** Redis for features, where the environment names it. Errors: HR_REDIS_SETTINGS, at the first look. */
  readonly redis: RedisSettings | undefined;
  /** ClickHouse for topics, where the environment names it. Errors: HR_CLICKHOUSE_SETTINGS, at the first look. */
  readonly clickHouse: ClickHouseSettings | undefined;
  /** Results, and nothing else. */
  readonly output: Output;
  /** Remarks for the person at the terminal: lines on standard error, JSON lines under --json. */
  notice(text: string): void;
  /** A line of a structured log, to standard error. */
  logLine(line: string): void;
  readonly abort: AbortSignal;
}
