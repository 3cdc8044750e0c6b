import { drawOf } from './reservoir.js';
import type { Choice } from './training-rows.js';

/** Slots of decisions with all that could have been shown there, as columns: what policies are valued by. */
export interface ChoiceColumns {
  readonly length: number;
  /** Features of each candidate, [start[length], width]. */
  readonly width: number;
  /** Place of a slot in every sample. */
  readonly draw: Float64Array;
  readonly user: Float64Array;
  /** 1: what was shown was clicked. */
  readonly reward: Float64Array;
  /** Probability with which it was shown, and which of the candidates it was. */
  readonly propensity: Float64Array;
  readonly shown: Float64Array;
  /** Candidates of slot i: start[i] up to start[i + 1]. */
  readonly start: Float64Array;
  /** Of each candidate: hashes of the user who saw it and of its item, as in training rows. */
  readonly users: Float64Array;
  readonly items: Float64Array;
  readonly features: Float32Array;
}

const columns = ['draw', 'user', 'reward', 'propensity', 'shown'] as const;

/** Choices as columns, in their order. */
export function choicesOf(choices: readonly Choice[], width: number): ChoiceColumns {
  const n = choices.length;
  const start = new Float64Array(n + 1);
  for (const [i, { candidates }] of choices.entries()) start[i + 1] = start[i]! + candidates.length;
  const features = new Float32Array(start[n]! * width);
  for (const [i, { candidates }] of choices.entries()) for (const [c, of] of candidates.entries()) features.set(of, (start[i]! + c) * width);
  const column = (value: (choice: Choice) => number) => Float64Array.from(choices, value);
  return { length: n, width, draw: column((c) => drawOf(c.key)), user: column((c) => drawOf(c.user)), reward: column((c) => c.reward), propensity: column((c) => c.propensity), shown: column((c) => c.shown), start, users: Float64Array.from(choices.flatMap((c) => c.items.map(() => drawOf(c.user)))), items: Float64Array.from(choices.flatMap((c) => c.items.map(drawOf))), features };
}

/** Choices as one piece of bytes: their number, and the columns one after the other, little-endian. */
export function encodeChoices(choices: ChoiceColumns): Uint8Array {
  const parts = [Float64Array.of(choices.length, choices.width), ...columns.map((name) => choices[name]), choices.start, choices.users, choices.items, choices.features];
  return Buffer.concat(parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)));
}

/** The choices of several blocks: those with the `most` smallest draws, each once and in the order of its draw, so that neither how they came nor how they were cut shows. */
export function decodeChoices(blocks: readonly Uint8Array[], most: number): ChoiceColumns {
  const parts = blocks.map(decoded);
  const places = parts.flatMap((part, p) => Array.from(part.draw, (draw, i) => ({ draw, p, i }))).sort((a, b) => a.draw - b.draw);
  const chosen = places.filter(({ draw }, k) => k === 0 || draw !== places[k - 1]!.draw).slice(0, most);
  const width = parts[0]?.width ?? 0;
  const start = new Float64Array(chosen.length + 1);
  for (const [k, { p, i }] of chosen.entries()) start[k + 1] = start[k]! + parts[p]!.start[i + 1]! - parts[p]!.start[i]!;
  const features = new Float32Array(start[chosen.length]! * width);
  const [users, items] = [new Float64Array(start[chosen.length]!), new Float64Array(start[chosen.length]!)];
  for (const [k, { p, i }] of chosen.entries()) {
    const [from, to] = [parts[p]!.start[i]!, parts[p]!.start[i + 1]!];
    users.set(parts[p]!.users.subarray(from, to), start[k]!);
    items.set(parts[p]!.items.subarray(from, to), start[k]!);
    features.set(parts[p]!.features.subarray(from * width, to * width), start[k]! * width);
  }
  const column = (name: (typeof columns)[number]) => Float64Array.from(chosen, ({ p, i }) => parts[p]![name][i]!);
  return { length: chosen.length, width, draw: column('draw'), user: column('user'), reward: column('reward'), propensity: column('propensity'), shown: column('shown'), start, users, items, features };
}

function decoded(block: Uint8Array): ChoiceColumns {
  const bytes = new Uint8Array(block).buffer;
  const [n, width] = new Float64Array(bytes, 0, 2) as unknown as [number, number];
  let at = 16;
  const take = (length: number) => {
    const column = new Float64Array(bytes, at, length);
    at += 8 * length;
    return column;
  };
  const [draw, user, reward, propensity, shown, start] = [take(n), take(n), take(n), take(n), take(n), take(n + 1)];
  return { length: n, width, draw: draw!, user: user!, reward: reward!, propensity: propensity!, shown: shown!, start: start!, users: take(start![n]!), items: take(start![n]!), features: new Float32Array(bytes, at, start![n]! * width) };
}
