import { HeadraceError } from '../../dataflow/errors.js';
import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';
import { distributionsOf, drawnFrom } from '../../serving/explore/distributions-of.js';
import { type DecisionLogOptions, type DecisionRow, type DecisionTable, type DrawnAgain, naming, type TableBuilder, tableBuilder } from './decision-table.js';
import { idNumber } from './id-number.js';
import { contextReader } from './json-lines-log.js';

/** A table that is made of LoggedDecision records. */
export interface LoggedDecisionTable {
  readonly builder: TableBuilder;
  /** @param at offset in `partition`, or line where there is none */
  take(value: unknown, at: number, partition?: number): void;
  finish(): DecisionTable;
}

/** Takes LoggedDecision records as rows, one a slot. */
export function loggedDecisionTable(source: string, format: string, options: DecisionLogOptions): LoggedDecisionTable {
  const builder = tableBuilder(source, format);
  const items = naming();
  const loggers = naming();
  const segments = naming();
  const contextOf = contextReader();
  const segmentOf = ({ attributes, surface }: LoggedDecision): string | undefined => (options.segment === 'surface' ? surface : attributes[options.segment ?? 'segment']);
  const partitions: number[] = [];
  const draws: DrawnAgain = { looked: 0, other: 0, first: '' };
  return {
    builder,
    take(value, at, partition) {
      const place = partition === undefined ? `line ${at}` : `partition ${partition}, offset ${at}`;
      if (!isLoggedDecision(value)) return builder.refuse('HR_EVALUATION_LINE', place, 'it is no LoggedDecision');
      if (value.overridden !== null) return builder.passOver('decisions that were overridden after they were drawn');
      let distributions: readonly Float64Array[];
      try {
        distributions = distributionsOf(value);
      } catch (error) {
        if (!(error instanceof HeadraceError)) throw error;
        return builder.refuse(error.code, place, error.message);
      }
      if (value.seed !== '') {
        draws.looked += 1;
        if (drawnFrom(value.seed, distributions).some((candidate, slot) => candidate !== value.slots[slot]!.candidate) && draws.other++ === 0) draws.first = place;
      }
      const segment = segmentOf(value);
      const before = builder.length;
      const common = {
        user: value.userId === '' ? undefined : idNumber(value.userId),
        time: value.time,
        pdrop: value.pdrop,
        logger: loggers.number(`${value.policyId}${value.policyVersion === '' ? '' : `@${value.policyVersion}`}`),
        segment: segment === undefined ? undefined : segments.number(segment),
        joined: value.outcomeMissing ? 0 : 1,
        late: value.lateOutcomes > 0 ? 1 : 0,
        slate: idNumber(value.decisionId),
        context: options.context === true ? (contextOf(value.context) ?? undefined) : undefined,
      };
      addSlots(builder, value, distributions, common, items.number, options, at);
      if (partition !== undefined) for (let row = before; row < builder.length; row++) partitions.push(partition);
    },
    finish: () => ({ ...finished(builder, items.names, loggers.names, segments.names, partitions), draws: draws.looked > 0 ? draws : undefined }),
  };
}

function addSlots(builder: TableBuilder, value: LoggedDecision, distributions: readonly Float64Array[], common: Partial<DecisionRow>, itemNumber: (name: string) => number, options: DecisionLogOptions, at: number): void {
  const shown = new Set<number>();
  const keeps = options.context === true;
  value.slots.forEach(({ candidate, propensity }, slot) => {
    const open = value.candidates.map((_, c) => c).filter((c) => !shown.has(c));
    const outcome = value.outcomes[slot];
    builder.add(at, {
      ...common,
      reward: options.reward === undefined ? (outcome?.reward ?? 0) : (outcome?.parts[options.reward] ?? 0),
      propensity,
      action: itemNumber(value.candidates[candidate]!.itemId),
      slot,
      decision: idNumber(`${value.decisionId}/${slot}`),
      choices: open.map((c) => itemNumber(value.candidates[c]!.itemId)),
      probabilities: open.map((c) => distributions[slot]![c]!),
      scores: keeps ? open.map((c) => value.candidates[c]!.score) : undefined,
      features: keeps && value.candidates[0]!.features.length > 0 ? open.map((c) => value.candidates[c]!.features) : undefined,
    });
    shown.add(candidate);
  });
}

function finished(builder: TableBuilder, names: readonly string[], loggers: readonly string[], segments: readonly string[], partitions: readonly number[]): DecisionTable {
  const table = builder.finish({ actions: names.length > 0 ? names.length : undefined, names, loggers, segments });
  if (partitions.length === 0) return table;
  return { ...table, place: (row) => `partition ${partitions[row]}, ${table.place(row).replace('line', 'offset')}` };
}

function isLoggedDecision(value: unknown): value is LoggedDecision {
  const of = value as LoggedDecision | null;
  return typeof of === 'object' && of !== null && typeof of.decisionId === 'string' && Array.isArray(of.candidates) && Array.isArray(of.slots) && Array.isArray(of.outcomes);
}
