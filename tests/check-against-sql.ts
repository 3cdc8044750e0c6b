import { expect } from 'vitest';
import { startCommand } from './faults/start-run.js';

/** Times at which the sets of click-features are checked: HEADRACE_FAULTS=long for a hundred. */
const times = process.env.HEADRACE_FAULTS === 'long' ? 100 : 5;

/** `headrace features check` of every set of click-features: what the stream stored is what SQL computes. */
export async function checkAgainstSql(dataDir: string, options: { readonly seed: number; readonly sample?: string }): Promise<void> {
  for (const set of ['user', 'item', 'creator']) {
    const { code, stdout, stderr } = await startCommand(['features', 'check', set, '--times', String(times), '--seed', String(options.seed), '--sample', (set === 'creator' ? undefined : options.sample) ?? '100%', '--json', '--data-dir', dataDir]).ended;
    const summary = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}') as Record<string, unknown>;
    expect({ code, ...summary }, `${set}: ${stderr}${stdout}`).toMatchObject({ code: 0, equal: true, mismatch: 0, missing: 0, extra: 0 });
    expect(summary['times']).toHaveLength(times);
    // The logs have one creator.
    expect(summary['compared']).toBeGreaterThan(set === 'creator' ? 20 : 500);
  }
}
