import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import type { EstimateRow } from '../../evaluation/evaluate.js';
import { didYouMean } from '../commands/nearest-name.js';

/** An evaluation as it is stored. */
export interface StoredEvaluation {
  readonly name: string;
  /** ISO 8601, when it was made. */
  readonly time: string;
  readonly policy: string;
  readonly log: string;
  readonly n: number;
  readonly level: number;
  readonly verdict: string;
  readonly estimates: Readonly<Record<string, Pick<EstimateRow, 'value' | 'low' | 'high'>>>;
  /** What the logging policy was worth in the log. */
  readonly logged_value: number | null;
}

/** What a test showed of an evaluated policy. */
export interface Observation {
  readonly evaluation: string;
  readonly time: string;
  readonly observed: number;
  /** Of the policy that it was tested against. */
  readonly control: number | null;
}

/** What is in the file: evaluations by name, the last of a name, and for each the last observation. */
export interface Stored {
  readonly evaluations: ReadonlyMap<string, StoredEvaluation>;
  readonly observations: ReadonlyMap<string, Observation>;
}

/** Where evaluations are stored: JSON lines, in the order in which they came; nothing is ever changed in it. */
export function storePath(dataDir: string): string {
  return join(dataDir, 'evaluations.jsonl');
}

/** Adds an evaluation or an observation. Errors: HR_DATA_DIR. */
export function store(dataDir: string, line: { readonly evaluation: StoredEvaluation } | { readonly observation: Observation }): void {
  try {
    mkdirSync(dataDir, { recursive: true });
    appendFileSync(storePath(dataDir), `${JSON.stringify(line)}\n`);
  } catch (cause) {
    throw new HeadraceError('HR_DATA_DIR', `${storePath(dataDir)} cannot be written (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
}

/** Reads what is stored; nothing where there is no file. Errors: HR_EVALUATION_RECORD for a line that is none of ours. */
export function readStored(dataDir: string): Stored {
  const path = storePath(dataDir);
  const evaluations = new Map<string, StoredEvaluation>();
  const observations = new Map<string, Observation>();
  if (!existsSync(path)) return { evaluations, observations };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new HeadraceError('HR_DATA_DIR', `${path} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const of = parsed(line);
    if (isEvaluation(of?.evaluation)) {
      evaluations.delete(of.evaluation.name);
      evaluations.set(of.evaluation.name, of.evaluation);
    } else if (isObservation(of?.observation)) observations.set(of.observation.evaluation, of.observation);
    else throw new HeadraceError('HR_EVALUATION_RECORD', `Line ${i + 1} of ${path} is neither an evaluation nor an observation.`, { remedy: 'Take that line out; the others are not touched.' });
  }
  return { evaluations, observations };
}

/** A stored evaluation by name. Errors: HR_EVALUATION_RECORD. */
export function storedEvaluation(stored: Stored, name: string): StoredEvaluation {
  const found = stored.evaluations.get(name);
  if (found !== undefined) return found;
  const names = [...stored.evaluations.keys()];
  throw new HeadraceError('HR_EVALUATION_RECORD', `There is no stored evaluation "${name}"${names.length > 0 ? `; there are ${names.slice(-8).join(', ')}` : ''}.${didYouMean(name, names)}`);
}

/** The evaluation of a file that `headrace evaluate --json` has written, under the file's name. Errors: HR_INPUT_FILE, HR_EVALUATION_RECORD. */
export function evaluationFile(file: string, name: string): StoredEvaluation {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new HeadraceError('HR_INPUT_FILE', `${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
  const of = parsed(text) as { evaluation?: unknown } | undefined;
  const evaluation = { ...(of as object | undefined), name, time: new Date(0).toISOString() };
  if (of === undefined || !isEvaluation(evaluation)) throw new HeadraceError('HR_EVALUATION_RECORD', `${file} is not what \`headrace evaluate --json\` prints.`);
  const { diagnostics } = of as { diagnostics?: { logged_value?: number | null } };
  return pickStored({ ...evaluation, logged_value: diagnostics?.logged_value ?? null });
}

/** Only what is stored. */
export function pickStored({ name, time, policy, log, n, level, verdict, estimates, logged_value }: StoredEvaluation): StoredEvaluation {
  const rows = Object.entries(estimates).map(([estimator, { value, low, high }]) => [estimator, { value, low, high }] as const);
  return { name, time, policy, log, n, level, verdict, estimates: Object.fromEntries(rows), logged_value };
}

function parsed(text: string): { evaluation?: unknown; observation?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    // not JSON: the caller says where
    return undefined;
  }
}

function isEvaluation(value: unknown): value is StoredEvaluation {
  const of = value as Partial<StoredEvaluation> | undefined;
  return typeof of?.name === 'string' && typeof of.policy === 'string' && typeof of.n === 'number' && typeof of.estimates === 'object' && of.estimates !== null;
}

function isObservation(value: unknown): value is Observation {
  const of = value as Partial<Observation> | undefined;
  return typeof of?.evaluation === 'string' && typeof of.observed === 'number';
}
