import { Batch, objectRows, type Unkeyed } from '../../dataflow/batch.js';
import type { NewId } from '../../dataflow/signal.js';
import type { TaskContext } from '../../dataflow/task-context.js';
import { operate, type Operator } from '../../operators/operate.js';
import type { DriftFinding } from '../../schemas/generated/drift-finding.js';
import type { FeatureConsistency } from '../../schemas/generated/feature-consistency.js';
import type { ServedFeatures } from './served-features.js';

/** Standard errors beyond its limit from which on a share is told. */
const sure = 3;

/**
 * What is wrong with the served features of an interval: values that differ from what their events say, that are missing, or that come from old events. A share counts when it lies above its limit by more than chance explains.
 */
export function skewFindings({ limits }: ServedFeatures, row: FeatureConsistency): readonly DriftFinding[] {
  const findings: DriftFinding[] = [];
  const find = (kind: DriftFinding['kind'], subject: string, value: number, limit: number, message: string) => findings.push({ model: row.model, time: row.end, kind, subject, value, limit, message });
  if (row.feature === '') {
    if (row.served >= limits.least && row.ageP99 !== null && row.ageP99 > limits.ageMs) {
      find('FEATURE_STALE', row.set, row.ageP99, limits.ageMs, `1 % of the look-ups of ${row.set} had no event younger than ${minutes(row.ageP99)}; half of them none younger than ${minutes(row.ageP50!)}`);
    }
    return findings;
  }
  const both = row.compared + row.extra;
  const share = (part: number, whole: number, limit: number) => whole >= limits.least && part / whole - limit > sure * Math.sqrt((limit * (1 - limit)) / whole);
  const name = `${row.feature} of ${row.set}`;
  const off = row.mismatch + row.extra;
  const smape = row.smape ?? 0;
  // A term is at most 2, so that its variance is at most twice its mean.
  const isFar = row.compared >= limits.least && smape - limits.smape > sure * Math.sqrt((2 * limits.smape) / row.compared);
  if (share(off, both, limits.mismatch)) find('FEATURE_SKEWED', row.feature, off / both, limits.mismatch, `${percent(off / both)} of the values of ${name} are not what their events say (of ${both}; SMAPE ${smape.toFixed(3)})`);
  else if (isFar) find('FEATURE_SKEWED', row.feature, smape, limits.smape, `the values of ${name} are off by a SMAPE of ${smape.toFixed(3)} (${row.compared} values, ${percent(row.mismatch / row.compared)} of them differ)`);
  const wanted = both + row.missing;
  if (share(row.missing, wanted, limits.missing)) find('FEATURE_MISSING', row.feature, row.missing / wanted, limits.missing, `${percent(row.missing / wanted)} of the values of ${name} were not served, though there are events (of ${wanted})`);
  return findings;
}

/**
 * Tells what is wrong with served features, and sets the metrics `headrace_feature_…`.
 *
 * *When to use*: behind the windows of `consistencyAggregates`. *State*: none.
 *
 * @example consistency.pipe(findSkew('skew', served), to(driftFindings))
 */
export function findSkew<S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, plan: ServedFeatures): Operator<FeatureConsistency, DriftFinding, unknown, Unkeyed, S, S | Id> {
  return operate<FeatureConsistency, DriftFinding>({ kind: 'findSkew', id, details: { model: plan.model }, keepsPartitioning: false }, () => {
    let context: TaskContext;
    return {
      onOpen(opened) {
        context = opened;
      },
      onBatch(batch, emit) {
        const found: DriftFinding[] = [];
        for (const row of batch.values()) {
          const name = `${row.model}/${row.set}${row.feature === '' ? '' : `/${row.feature}`}`;
          if (row.feature === '') {
            if (row.ageP99 !== null) context.metrics.set('headrace_feature_age_ms', name, row.ageP99);
          } else {
            const both = row.compared + row.extra;
            if (both > 0) context.metrics.set('headrace_feature_mismatch_ratio', name, (row.mismatch + row.extra) / both);
            if (both + row.missing > 0) context.metrics.set('headrace_feature_missing_ratio', name, row.missing / (both + row.missing));
            if (row.smape !== null) context.metrics.set('headrace_feature_smape', name, row.smape);
          }
          found.push(...skewFindings(plan, row));
        }
        if (found.length > 0) emit(new Batch(objectRows(found), Float64Array.from(found, (f) => f.time - 1)));
      },
    };
  }) as Operator<FeatureConsistency, DriftFinding, unknown, Unkeyed, S, S | Id>;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} minutes`;
}
