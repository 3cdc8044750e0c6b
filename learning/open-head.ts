import { asHeadraceError, HeadraceError } from '../dataflow/errors.js';
import { type Base, decodeBase } from './base/base.js';
import type { HeadPlan } from './head-plan.js';
import { decodeHead, type HeadState } from './head-state.js';
import type { KeptHead } from './train-interval.js';

/** A version with its parameters, and the base that its embeddings come from. */
export interface OpenHead {
  readonly version: number;
  readonly state: HeadState;
  readonly negatives: number;
  readonly base?: Base | undefined;
}

/** Bases by digest; an error where its bytes could not be had. */
export type Bases = (digest: string) => Base;

/** The bases of a task, each decoded once. Errors of what it gives: HR_MODEL_CORRUPT. */
export function basesOf(bytes: Readonly<Record<string, Uint8Array>>): Bases {
  const known = new Map<string, Base>();
  return (digest) => {
    const found = known.get(digest);
    if (found !== undefined) return found;
    const kept = bytes[digest];
    if (kept === undefined) throw new HeadraceError('HR_MODEL_CORRUPT', `The bytes of base ${digest.slice(0, 12)} are missing.`);
    const base = decodeBase(kept);
    known.set(digest, base);
    return base;
  };
}

/** The head of a version with its base, or why it cannot be used. */
export function openHead(head: KeptHead | undefined, plan: Pick<HeadPlan, 'shape' | 'base'>, bases: Bases): OpenHead | { readonly problem: string } {
  if (head === undefined) return { problem: 'there is none' };
  if (head.problem !== undefined) return { problem: head.problem };
  try {
    const state = decodeHead(head.bytes);
    const said = ({ inputs, hidden, outputs }: HeadPlan['shape']) => `${inputs} inputs, layers of ${hidden.join(', ')} and outputs ${outputs.join(', ')}`;
    const { shape } = plan;
    if (said(state.shape) !== said(shape)) return { problem: `HR_MODEL: version ${head.version} has ${said(state.shape)}; the plan has ${said(shape)}` };
    if ((state.base === undefined) !== (plan.base === undefined)) return { problem: `HR_MODEL: version ${head.version} was trained ${state.base === undefined ? 'without a base' : `on base ${state.base.slice(0, 12)}`}; the plan has ${plan.base === undefined ? 'none' : `one, ${plan.base.model}`}` };
    const base = state.base === undefined ? undefined : bases(state.base);
    if (base !== undefined && base.width !== plan.base!.width) return { problem: `HR_MODEL: version ${head.version} was trained on embeddings of ${base.width}; the plan has ${plan.base!.width}` };
    return { version: head.version, state, negatives: head.negatives, ...(base === undefined ? {} : { base }) };
  } catch (error) {
    const { code, message } = asHeadraceError(error, 'HR_MODEL_CORRUPT', {});
    return { problem: `${code}: version ${head.version}: ${message}` };
  }
}
