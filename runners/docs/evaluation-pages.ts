import { findingTable } from '../../evaluation/diagnostics/finding.js';
import { cascadeDr } from '../../evaluation/slates/cascade-dr.js';
import { iips } from '../../evaluation/slates/iips.js';
import { pseudoInverse } from '../../evaluation/slates/pseudo-inverse.js';
import { rips } from '../../evaluation/slates/rips.js';
import { sips } from '../../evaluation/slates/sips.js';
import { tuned } from '../../evaluation/estimators/tuned.js';
import { standardEstimators } from '../../evaluation/evaluate.js';
import { docstringOf } from './docstring.js';

/** An estimator or interval of the page: its function, and the formula where it has one. */
interface Entry {
  readonly call: string;
  readonly name: string;
  readonly file: string;
  readonly json?: string;
  readonly formula?: string;
}

/** Functions of the estimators that need one pass, by their names in `--json`. */
const functions: Readonly<Record<string, { readonly name: string; readonly file: string }>> = {
  ips: { name: 'ips', file: 'ips' },
  ips_clipped: { name: 'clippedIps', file: 'clipped-ips' },
  snips: { name: 'snips', file: 'snips' },
  ips_sub_gaussian: { name: 'subGaussianIps', file: 'sub-gaussian-ips' },
  cressie_read: { name: 'cressieRead', file: 'cressie-read' },
  dm: { name: 'dm', file: 'dm' },
  dr: { name: 'dr', file: 'dr' },
  dr_clipped: { name: 'clippedDr', file: 'clipped-dr' },
  sndr: { name: 'sndr', file: 'sndr' },
  switch_dr: { name: 'switchDr', file: 'switch-dr' },
  dr_os: { name: 'drOs', file: 'dr-os' },
  dr_sub_gaussian: { name: 'subGaussianDr', file: 'sub-gaussian-dr' },
};

/** What the page has, section by section. */
function sections(): readonly { readonly title: string; readonly of: readonly Entry[] }[] {
  const slate = (name: string, file: string, estimator: { name: string; formula: string }): Entry => ({ name, call: `${name}(…)`, file: `evaluation/slates/${file}.ts`, json: estimator.name, formula: estimator.formula });
  return [
    {
      title: 'One pass',
      of: standardEstimators(10, true).map(({ name: json, formula }) => {
        const of = functions[json];
        if (of === undefined) throw new Error(`runners/docs/evaluation-pages.ts does not know the estimator ${json}`);
        return { name: of.name, call: `${of.name}(…)`, file: `evaluation/estimators/${of.file}.ts`, json, formula };
      }),
    },
    {
      title: 'More',
      of: [
        { name: 'tuned', call: 'tuned(of, lambdas, options?)', file: 'evaluation/estimators/tuned.ts', json: tuned('dr', [10]).name },
        { name: 'empiricalLikelihood', call: 'empiricalLikelihood(decisions, range?)', file: 'evaluation/estimators/empirical-likelihood.ts' },
        { name: 'marginalWeights', call: 'marginalWeights(log, candidate, embedding)', file: 'evaluation/marginal-weights.ts' },
        { name: 'balanced', call: 'balanced(log, probabilities)', file: 'evaluation/balanced.ts' },
      ],
    },
    {
      title: 'Slates',
      of: [
        slate('sips', 'sips', sips()),
        slate('iips', 'iips', iips()),
        slate('rips', 'rips', rips()),
        slate('cascadeDr', 'cascade-dr', cascadeDr()),
        slate('pseudoInverse', 'pseudo-inverse', pseudoInverse()),
      ],
    },
    {
      title: 'Intervals',
      of: [
        { name: 'normalInterval', call: 'normalInterval(estimate, level?)', file: 'evaluation/intervals/normal-interval.ts' },
        { name: 'bootstrapIntervals', call: 'bootstrapIntervals(estimators, decisions, options)', file: 'evaluation/intervals/bootstrap-intervals.ts' },
        { name: 'bernsteinInterval', call: 'bernsteinInterval(moments, level?, range?)', file: 'evaluation/intervals/bernstein-interval.ts' },
        { name: 'clopperPearsonInterval', call: 'clopperPearsonInterval(bounds?, level?)', file: 'evaluation/intervals/clopper-pearson-interval.ts' },
        { name: 'cressieReadInterval', call: 'cressieReadInterval(bounds?, level?, range?)', file: 'evaluation/intervals/cressie-read-interval.ts' },
        { name: 'confidenceSequence', call: 'confidenceSequence(bounds?, level?)', file: 'evaluation/intervals/confidence-sequence.ts' },
      ],
    },
  ];
}

/**
 * The page of estimators and intervals.
 *
 * @param read text of a file of the repository
 */
export function estimatorsPage(read: (file: string) => string): string {
  const lines = [
    '# Estimators',
    '',
    'What a candidate policy would have earned, from the log of another one. A decision has reward `r`, propensity `p`, and weight `w`: probability of what was shown under',
    'the candidate, over `p`. With an outcome model, `q` is the outcome that it expects of what was shown, and `v` of the candidate: Σ π(a) q̂(a). `n` are decisions.',
    '',
    'All rest on the same assumptions: propensities are those that were drawn from; whatever the candidate would do has a propensity above 0; users do not act on one another;',
    'and the outcome of an action does not depend on the policy that shows it. The [checks](reference-findings.md) look for logs where this is not so.',
  ];
  for (const { title, of } of sections()) {
    lines.push('', `## ${title}`);
    for (const { name, call, file, json, formula } of of) {
      const doc = docstringOf(read(file), name);
      if (doc === undefined) throw new Error(`${file}: ${name} has no docstring`);
      lines.push('', `### \`${call}\``, '');
      if (json !== undefined || formula !== undefined) lines.push([json === undefined ? '' : `\`${json}\` in \`--json\`.`, formula === undefined ? '' : `\`${formula}\``].filter(Boolean).join(' '), '');
      lines.push(doc.paragraphs.join('\n\n'));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The page of findings. */
export function findingsPage(): string {
  const lines = [
    '# Findings of an evaluation',
    '',
    'What the checks of `headrace evaluate` and `evaluate` can say about a log, a candidate or an outcome model. A finding has a code that stays the same, a severity and',
    'numbers. With an `error` the verdict is *do not trust*, with a `warning` *caution*, else *trust*; an `info` is good to know.',
    '[How often each check is right](evaluation-checks.md) was tried on simulated logs.',
  ];
  for (const [code, { what, remedy }] of Object.entries(findingTable)) lines.push('', `## ${code}`, '', what, '', `**What to do:** ${remedy}`);
  return `${lines.join('\n')}\n`;
}
