/** How a log is written: lines for a person, or JSON lines. */
export type LogFormat = 'text' | 'json';

/** The log of a command that runs for long. Secrets are taken out by who writes. */
export interface RunLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What a log needs. */
export interface RunLogOptions {
  readonly format: LogFormat;
  /** Fields of every line. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Writes a remark for a person. */
  readonly notice: (text: string) => void;
  /** Writes a line as it is. */
  readonly write: (line: string) => void;
}

/** Opens a log: pino's JSON lines with `level`, `time`, `msg` and fields, or the messages as text. */
export async function openRunLog({ format, fields, notice, write }: RunLogOptions): Promise<RunLog> {
  if (format === 'text') return { info: notice, warn: notice, error: notice };
  // loaded only by who logs so
  const { pino } = await import('pino');
  const log = pino({ base: { ...fields, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } }, { write });
  const at = (level: 'info' | 'warn' | 'error') => (message: string, more: Readonly<Record<string, unknown>> = {}) => log[level](more, message);
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
