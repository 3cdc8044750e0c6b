import { createHash } from 'node:crypto';
import { HeadraceError } from '../../dataflow/errors.js';
import type { EmbeddingTable } from '../examples.js';
import { drawOf } from '../reservoir.js';
import { seal, unseal } from '../sealed-numbers.js';
import type { BasePlan } from './base-plan.js';
import { towerLayout, type TowerShape } from './tower-shape.js';

/** Vectors by id. */
export interface Embeddings extends EmbeddingTable {
  /** In the order of the rows. */
  readonly ids: readonly string[];
  /** Row of an id; -1 where it has none. */
  row(id: string): number;
  /** Row of an id by its draw, as training rows name users and items. */
  rowOfDraw(draw: number): number;
}

/** A base: embeddings of users and items, frozen, and the towers that they come from. */
export interface Base extends Pick<BasePlan, 'model' | 'width' | 'history' | 'recency' | 'temperature'> {
  /** SHA-256 of its bytes: what heads that were trained on it name. */
  readonly digest: string;
  /** Newest event time that it has learned from. */
  readonly trainedTo: number;
  readonly users: Embeddings;
  readonly items: Embeddings;
  /** Names of the towers' tokens, and their parameters. */
  readonly tokens: readonly string[];
  readonly shape: TowerShape;
  readonly parameters: Float32Array;
}

/** What `encodeBase` is given: a base that has no bytes yet. */
export type BaseContent = Omit<Base, 'digest' | 'users' | 'items'> & Readonly<Record<'users' | 'items', { readonly ids: readonly string[]; readonly values: Float32Array }>>;

type Header = Omit<BaseContent, 'users' | 'items' | 'parameters'> & { readonly users: readonly string[]; readonly items: readonly string[] };

const magic = 'HRBASE1';

/** A base as bytes for `decodeBase`. */
export function encodeBase({ users, items, parameters, ...rest }: BaseContent): Uint8Array {
  const header = { ...rest, users: users.ids, items: items.ids } satisfies Header;
  return seal(magic, header, [users.values, items.values, parameters]);
}

/**
 * The base that `encodeBase` wrote.
 *
 * @throws HR_MODEL_CORRUPT the bytes are no base, or not all of it, or were changed
 */
export function decodeBase(bytes: Uint8Array): Base {
  const { header, numbers } = unseal<Header>(magic, 'base', bytes);
  const { users, items, ...rest } = header;
  const { size } = towerLayout(header.shape);
  const [ofUsers, ofItems, parameters] = numbers(users.length * header.width, items.length * header.width, size) as [Float32Array, Float32Array, Float32Array];
  return { ...rest, digest: createHash('sha256').update(bytes).digest('hex'), users: embeddings(users, header.width, ofUsers), items: embeddings(items, header.width, ofItems), parameters };
}

function embeddings(ids: readonly string[], width: number, values: Float32Array): Embeddings {
  const rows = new Map(ids.map((id, row) => [id, row]));
  let byDraw: Map<number, number> | undefined;
  return {
    width,
    values,
    ids,
    row: (id) => rows.get(id) ?? -1,
    rowOfDraw(draw) {
      byDraw ??= new Map(ids.map((id, row) => [drawOf(id), row]));
      return byDraw.get(draw) ?? -1;
    },
  };
}

/**
 * Checks that a head and a base belong together.
 *
 * @param named digest of the base that the head was trained on; undefined: on none
 * @throws HR_MODEL it is another one
 */
export function checkBaseOf(named: string | undefined, base: Pick<Base, 'digest'> | undefined, head: string): void {
  if (named === base?.digest) return;
  const shown = (digest: string | undefined) => (digest === undefined ? 'no base' : `base ${digest.slice(0, 12)}`);
  throw new HeadraceError('HR_MODEL', `${head} was trained on ${shown(named)} and is given ${shown(base?.digest)}.`, { remedy: 'Serve a head with the base that it names; train it again where the base is another one.' });
}
