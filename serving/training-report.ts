import type { ModelVersion } from '../learning/model-registry.js';
import type { DriftFinding } from '../schemas/generated/drift-finding.js';
import type { TrainingInterval } from '../schemas/generated/training-interval.js';
import { barChart } from './charts/bar-chart.js';
import { lineChart } from './charts/line-chart.js';
import type { Report } from './report-page.js';

/** What a report of training shows. */
export interface TrainingReport {
  readonly model: string;
  /** In the order of their times. */
  readonly intervals: readonly TrainingInterval[];
  readonly versions: readonly ModelVersion[];
  readonly findings: readonly DriftFinding[];
}

/** A stretch of training, a day for example, as a report: the champion's quality hour by hour, what became of the candidates and why, versions, and drift. */
export function trainingReport({ model, intervals, versions, findings }: TrainingReport): Report {
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
