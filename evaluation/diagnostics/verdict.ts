import type { Finding } from './finding.js';

/** Whether the estimate can be acted on. */
export type Verdict = 'trust' | 'caution' | 'do-not-trust';

/** The verdict of findings: the worst of them decides. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  if (findings.some(({ severity }) => severity === 'error')) return 'do-not-trust';
  return findings.some(({ severity }) => severity === 'warning') ? 'caution' : 'trust';
}

/** The verdict in words, for whoever decides: what to make of the number, then why, the worst first. */
export function reasonsOf(verdict: Verdict, findings: readonly Finding[], n: number, ess: number): readonly string[] {
  const words = {
    trust: `Trust the estimate within its interval: ${count(n)} decisions, worth ${count(ess)} of the candidate's own, and no check has found anything wrong.`,
    caution: 'Take the estimate with caution: it may be right, but look into the following before you act on it.',
    'do-not-trust': 'Do not trust the estimate, and do not decide by it. Mend this first:',
  };
  const order = { error: 0, warning: 1, info: 2 } as const;
  return [words[verdict], ...[...findings].sort((a, b) => order[a.severity] - order[b.severity]).map(({ message }) => message)];
}

const count = (x: number): string => Math.round(x).toLocaleString('en-US');
