import type { ModelVersion } from '../learning/model-registry.js';
import type { DriftFinding } from '../schemas/generated/drift-finding.js';
import type { FeatureConsistency } from '../schemas/generated/feature-consistency.js';
import type { TrainingInterval } from '../schemas/generated/training-interval.js';
import { barChart } from './charts/bar-chart.js';
import { lineChart } from './charts/line-chart.js';
import type { Report, ReportSection } from './report-page.js';

/** What a report of training shows. */
export interface TrainingReport {
  readonly model: string;
  /** In the order of their times. */
  readonly intervals: readonly TrainingInterval[];
  readonly versions: readonly ModelVersion[];
  readonly findings: readonly DriftFinding[];
  /** Lines of feature-skew in that stretch. @default none */
  readonly consistency?: readonly FeatureConsistency[];
}

/** A stretch of training, a day for example, as a report: the champion's quality hour by hour, what became of the candidates and why, versions, and drift. */
export function trainingReport({ model, intervals, versions, findings, consistency = [] }: TrainingReport): Report {
  const time = (t: number) => new Date(t).toISOString().slice(0, 16).replace('T', ' ');
  const number = (x: number | null | undefined, digits = 4) => (x === null || x === undefined ? null : x.toFixed(digits));
  const series = (label: string, value: (interval: TrainingInterval) => number | null) => ({ label, points: intervals.map((interval) => ({ x: interval.end, y: value(interval) })) });
  const counted = (verdict: TrainingInterval['verdict']) => intervals.filter((i) => i.verdict === verdict).length;
  const [passed, rejected, held] = [counted('PASSED'), counted('REJECTED'), counted('HELD')];
  const reasons = new Map<string, number>();
  for (const { verdict, reason } of intervals) {
    if (verdict === 'PASSED') continue;
    for (const part of reason.split('; ')) if (part.includes(': ')) reasons.set(part.slice(0, part.indexOf(': ')), (reasons.get(part.slice(0, part.indexOf(': '))) ?? 0) + 1);
  }
  const champion = versions.find((v) => v.stage === 'champion');
  const scored = intervals.filter((i) => i.auc !== null);
  const tone = champion === undefined || findings.some((f) => f.kind === 'LABELS_HELD') ? 'bad' : findings.length > 0 || passed === 0 ? 'caution' : 'good';
  const mean = (value: (interval: TrainingInterval) => number) => scored.reduce((sum, i) => sum + value(i) * i.examples, 0) / scored.reduce((sum, i) => sum + i.examples, 0);
  return {
    title: `Training of ${model}`,
    intro: `${intervals.length} intervals from ${time(intervals[0]!.start)} to ${time(intervals.at(-1)!.end)} UTC, ${intervals.reduce((sum, i) => sum + i.examples, 0).toLocaleString('en-US')} examples, ${intervals.reduce((sum, i) => sum + i.clicks, 0).toLocaleString('en-US')} clicks.`,
    verdict: {
      tone,
      text:
        champion === undefined
          ? 'No candidate has passed the gate yet: nothing is served.'
          : `Version ${champion.version} serves. ${passed} candidates have passed the gate, ${rejected} were rejected, ${held} intervals gave none that could be judged.${scored.length === 0 ? '' : ` The champion's progressive AUC was ${mean((i) => i.auc!).toFixed(4)}, its normalised entropy ${mean((i) => i.entropy!).toFixed(4)}.`}`,
    },
    sections: [
      { heading: 'Progressive AUC', text: 'Of the champion on each interval, before anything learned from it; and of the candidates that have passed, on the last part of the interval, by which they were judged.', svg: lineChart({ title: 'AUC', tight: true, yLabel: 'AUC', series: [series('champion', (i) => i.auc), series('candidate', (i) => (i.verdict === 'PASSED' ? i.candidateAuc : null))] }) },
      { heading: 'Normalised entropy', text: 'Below 1 is better than knowing the click rate alone.', svg: lineChart({ title: 'Normalised entropy', tight: true, yLabel: 'entropy', series: [series('champion', (i) => i.entropy), series('candidate', (i) => (i.verdict === 'PASSED' ? i.candidateEntropy : null))] }) },
      { heading: 'Calibration', text: 'Predicted over seen clicks of the champion: 1 is right.', svg: lineChart({ title: 'Predicted / seen clicks', tight: true, yLabel: 'ratio', series: [series('champion', (i) => i.calibration), { label: 'right', points: intervals.map((i) => ({ x: i.end, y: 1 })) }] }) },
      ...valueSection(versions),
      ...servedSections(consistency),
      { heading: 'Examples', svg: lineChart({ title: 'Examples an interval', yLabel: 'examples', series: [series('came', (i) => i.examples), series('learned from', (i) => i.learned), series('from the reservoir', (i) => i.replayed)] }) },
      ...(reasons.size === 0 ? [] : [{ heading: 'What did not pass', text: 'Checks that rejected or held a candidate.', svg: barChart({ title: 'Intervals', bars: [...reasons].sort(([, a], [, b]) => b - a).map(([label, value]) => ({ label, value, text: String(value) })) }), table: { header: ['from', 'verdict', 'why'], rows: intervals.filter((i) => i.verdict !== 'PASSED').map((i) => [time(i.start), i.verdict.toLowerCase(), i.reason]) } }]),
      ...(findings.length === 0 ? [] : [{ heading: 'Drift', table: { header: ['time', 'what', 'finding'], rows: findings.map((f) => [time(f.time), f.kind.toLowerCase().replaceAll('_', ' '), f.message]) } }]),
      {
        heading: 'Intervals',
        table: {
          header: ['from', 'examples', 'champion', 'AUC', 'entropy', 'calibration', 'candidate', 'verdict'],
          rows: intervals.map((i) => [time(i.start), i.examples, i.champion, number(i.auc), number(i.entropy), number(i.calibration, 3), i.candidate, i.verdict.toLowerCase()]),
        },
      },
      {
        heading: 'Versions',
        table: { header: ['version', 'stage', 'since', 'parent', 'AUC', 'entropy', 'artefact'], rows: versions.map((v) => [v.version, v.stage, time(v.staged), v.parent, number(v.metrics['auc']), number(v.metrics['entropy']), v.artefact.slice(0, 12)]) },
      },
    ],
  };
}

/** What candidates were worth as policies, where the gate has valued them. */
function valueSection(versions: readonly ModelVersion[]): readonly ReportSection[] {
  const valued = versions.flatMap(({ registered, verdict }) => {
    const check = verdict?.checks.find((c) => c.name === 'policy value' && c.interval !== undefined);
    return check === undefined ? [] : [{ x: registered, y: check.value, ...check.interval }];
  });
  if (valued.length === 0) return [];
  const series = [{ label: 'candidate less champion', points: valued, marks: 'points' as const }, { label: 'no difference', points: valued.map(({ x }) => ({ x, y: 0 })) }];
  return [{ heading: 'Value as a policy', text: 'What a candidate is worth more than the champion, by logged decisions (doubly robust), with the interval that the gate looks at.', svg: lineChart({ title: 'Clicks a slot', tight: true, yLabel: 'clicks a slot', series }) }];
}

/** How served features agree with their events, and how old they were. */
function servedSections(consistency: readonly FeatureConsistency[]): readonly ReportSection[] {
  if (consistency.length === 0) return [];
  const of = (lines: readonly FeatureConsistency[], field: 'compared' | 'mismatch' | 'missing' | 'extra') => lines.reduce((sum, line) => sum + line[field], 0);
  const grouped = groupsOf(consistency);
  const percent = (part: number, whole: number) => (whole === 0 ? null : `${((100 * part) / whole).toFixed(2)} %`);
  const features = [...grouped].filter(([, lines]) => lines[0]!.feature !== '');
  const rows = features.map(([, lines]) => {
    const [compared, mismatch, missing, extra] = [of(lines, 'compared'), of(lines, 'mismatch'), of(lines, 'missing'), of(lines, 'extra')];
    const smape = lines.reduce((sum, line) => sum + (line.smape ?? 0) * line.compared, 0) / compared;
    return [lines[0]!.feature, lines[0]!.set, compared, percent(mismatch + extra, compared + extra), percent(missing, compared + extra + missing), compared === 0 ? null : smape.toFixed(4)];
  });
  const looked = [...grouped].filter(([, lines]) => lines[0]!.feature === '' && lines.some((line) => line.ageP99 !== null));
  const ages = looked.flatMap(([, lines]) => (['ageP50', 'ageP99'] as const).map((quantile) => ({ label: `${lines[0]!.set}, ${quantile === 'ageP50' ? 'median' : '99 %'}`, points: lines.map((line) => ({ x: line.end, y: line[quantile] === null ? null : line[quantile] / 1_000 })) })));
  return [
    { heading: 'Features as they were served', text: 'A sample of what decisions logged beside what their events give: the share that differs, the share that was missing, and the symmetric mean absolute percentage error.', table: { header: ['feature', 'set', 'compared', 'differ', 'missing', 'SMAPE'], rows } },
    ...(ages.length === 0 ? [] : [{ heading: 'Freshness of features', text: 'Age of the newest event in the features of a set when they were looked up.', svg: lineChart({ title: 'Age at the look-up', yLabel: 'seconds', series: ages }) }]),
  ];
}

/** Lines by set and feature, each in the order of their times. */
function groupsOf(consistency: readonly FeatureConsistency[]): ReadonlyMap<string, readonly FeatureConsistency[]> {
  const groups = new Map<string, FeatureConsistency[]>();
  for (const line of consistency.toSorted((a, b) => a.end - b.end || (a.feature < b.feature ? -1 : 1))) {
    const key = `${line.set}/${line.feature}`;
    const lines = groups.get(key);
    if (lines === undefined) groups.set(key, [line]);
    else lines.push(line);
  }
  return groups;
}
