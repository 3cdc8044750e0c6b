import type { ClickEvent } from '../../schemas/generated/click-event.js';

/** A line that gave no event: its number (from 1), its bytes without the line end, and why. */
export interface RefusedLine {
  readonly line: number;
  readonly bytes: Uint8Array;
  readonly reason: string;
}

/** What one line of an input became. */
export type Imported = { readonly event: ClickEvent } | { readonly refused: RefusedLine };

/** Totals of an import: `lines = events + refused + skipped`. */
export interface ImportSummary {
  readonly lines: number;
  readonly events: number;
  readonly refused: number;
  /** Blank lines and headers. */
  readonly skipped: number;
  /** Fields that no event has, with the number of lines that carried them. */
  readonly ignoredFields: ReadonlyMap<string, number>;
}

export interface ImportOptions {
  /** Called once, after the last line was read and before the first event is delivered. */
  readonly report?: (summary: ImportSummary) => void;
  /** Called after every chunk with the lines read so far: events are delivered only when all lines were read. */
  readonly progress?: (lines: number) => void;
  /** What the input `-` reads. @default process.stdin */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Events held in memory before sorted runs go to a temporary file. @default 200,000 */
  readonly sortLimit?: number;
  /** Where temporary files go. @default the system's */
  readonly temporaryDirectory?: string;
}

/**
 * Turns an input (a path, or `-` for standard input where the format is a single file) into events in event-time order;
 * events of the same time keep the order of the file. Refused lines come as they are met, before the events.
 * Errors: HR_INPUT_FILE when a file is missing or cannot be read, HR_DISK_FULL and HR_DATA_DIR from temporary files.
 */
export type Importer = (input: string, options?: ImportOptions) => AsyncIterable<Imported>;
