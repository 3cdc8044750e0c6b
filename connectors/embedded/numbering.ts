import type { Environment } from './environment.js';

/** What is numbered. A number is given on first use, never changes and is never given again. */
export type Numbered = 'topic' | 'pipeline' | 'step';

const lastKey = Buffer.from('last-id');

/** The number of `name`, or undefined when it has none. */
export function numberOf(env: Environment, kind: Numbered, name: string): number | undefined {
  const stored = env.meta.get(numberKey(kind, name));
  return stored === undefined ? undefined : Number(Buffer.from(stored).toString());
}

/** The number of `name`, given now when it has none. Only within `env.transact`. */
export function assignNumber(env: Environment, kind: Numbered, name: string): number {
  const known = numberOf(env, kind, name);
  if (known !== undefined) return known;
  const id = nextNumber(env);
  env.meta.putSync(numberKey(kind, name), Buffer.from(String(id)));
  return id;
}

/** The number that was given last; 0 before the first. */
export function lastNumber(env: Environment): number {
  const stored = env.meta.get(lastKey);
  return stored === undefined ? 0 : Number(Buffer.from(stored).toString());
}

/** A number that nothing else has. Only within `env.transact`. */
export function nextNumber(env: Environment): number {
  const id = lastNumber(env) + 1;
  env.meta.putSync(lastKey, Buffer.from(String(id)));
  return id;
}

/** The names of a kind that begin with `prefix`, in byte order. */
export function* namesOf(env: Environment, kind: Numbered, prefix: string): Iterable<string> {
  const start = numberKey(kind, prefix);
  const skip = Buffer.byteLength(`id/${kind}/`);
  for (const key of env.meta.getKeys({ start, end: Buffer.concat([start, Buffer.from([0xff])]) })) yield Buffer.from(key).toString('utf8', skip);
}

function numberKey(kind: Numbered, name: string): Buffer {
  return Buffer.from(`id/${kind}/${name}`);
}
