import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { decodeBase } from '../../../learning/base/base.js';
import { clicks } from '../../../pipelines/clicks.js';
import { hasChdb } from '../../connectors/clickhouse/with-chdb.js';
import { hasOnnx } from '../../connectors/onnx-here.js';
import { headrace, workplace } from './headrace-process.js';
import { withDecisions } from './with-decisions.js';

const plan = `import { basePlan } from 'headrace/learning';
export default basePlan({ model: 'mine', width: 16, training: { epochs: 5 } });
`;

const headPlan = `import { headPlan } from 'headrace/learning';
export default headPlan({ model: 'head', base: { model: 'mine', width: 16 }, layout: { context: ['load'], candidate: ['score', 'taste', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] }, hidden: [16], training: { batch: 64, epochs: 3, learningRate: 0.002 }, gate: { leastClicks: 25 } });
`;

interface Line {
  readonly model: string;
  readonly artefact: string;
  readonly stage?: string;
  readonly version?: number;
  readonly parent?: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly verdict: { readonly verdict: string };
}

describe.skipIf(!hasOnnx)('headrace train base', () => {
  test('registers embeddings as a candidate, the same each time; the next goes on from the champion', { timeout: 180_000 }, async () => {
    const cwd = await withDecisions(plan);
    const [said, version] = (await headrace(['train', 'base', '--plan', 'plan.ts', '--json'], { cwd })).json() as [Line, Line];
    expect(version).toMatchObject({ model: 'mine', version: 1, stage: 'candidate', artefact: said.artefact, parent: null });
    expect(said.metrics['recallAt20']).toBeGreaterThan(0);
    const dry = (await headrace(['train', 'base', '--plan', 'plan.ts', '--dry-run', '--json'], { cwd })).json() as Line[];
    expect(dry.map(({ artefact }) => artefact)).toEqual([said.artefact, said.artefact]);
    const part = (await headrace(['train', 'base', '--plan', 'plan.ts', '--to', '2026-01-05T14:00:00Z', '--dry-run', '--json'], { cwd })).json() as Line[];
    expect(part[0]!.metrics['interactions']).toBeLessThan(said.metrics['interactions']!);
    if (hasChdb) {
      const env = { CLICKHOUSE_URL: 'chdb:' };
      expect((await headrace(['copy', 'logged-decisions'], { cwd, env })).code).toBe(0);
      const fromTables = (await headrace(['train', 'base', '--plan', 'plan.ts', '--warehouse', '--dry-run', '--json'], { cwd, env })).json() as Line[];
      expect(fromTables[0]!.artefact).toBe(said.artefact);
    }
    // a head is trained on hours that its base has not learned
    writeFileSync(join(cwd, 'unjudged.ts'), plan.replace('width: 16', 'width: 16, judged: 0'));
    expect((await headrace(['train', 'base', '--plan', 'unjudged.ts', '--to', '2026-01-05T13:00:00Z', '--json'], { cwd })).json().at(-1)).toMatchObject({ version: 2, stage: 'candidate' });
    await headrace(['models', 'promote', 'mine', '2', 'champion'], { cwd });
    writeFileSync(join(cwd, 'head.ts'), headPlan);
    const trained = (await headrace(['train', 'head', '--plan', 'head.ts', '--from', '2026-01-05T13:00:00Z', '--json'], { cwd })).json().at(-1) as Line;
    expect(trained).toMatchObject({ model: 'head', stage: 'candidate', metrics: { base: 2 } });
    const [, second] = (await headrace(['train', 'base', '--plan', 'plan.ts', '--json'], { cwd })).json() as [Line, Line];
    expect(second).toMatchObject({ version: 3, parent: 2 });
    const runtime = openEmbedded({ dataDir: join(cwd, '.headrace'), mode: 'read' });
    const base = decodeBase(await runtime.artefacts.get(version.artefact));
    await runtime.close();
    expect([base.model, base.width, base.digest]).toEqual(['mine', 16, version.artefact]);
    // slots of decisions are what was clicked; the topic of clicks is another source
    expect((await headrace(['train', 'base', '--source', 'clicks'], { cwd })).stderr).toContain('There is no topic clicks');
  });

  test('of clicks takes the events that choose', { timeout: 60_000 }, async () => {
    const cwd = workplace();
    const runtime = openEmbedded({ dataDir: join(cwd, '.headrace'), mode: 'write' });
    const rows = await openTopicEncoder(clicks, { ...runtime, partitions: 1 });
    for (let i = 0; i < 400; i++) rows.add({ eventId: `e${i}`, userId: `u${i % 40}`, itemId: `i${(i * 7) % 23}`, creatorId: 'c', category: 'k', eventType: i % 2 === 0 ? 'CLICK' : 'IMPRESSION', watchMs: 0, durationMs: 0, timestamp: Date.UTC(2026, 0, 5) + 1_000 * i, surface: '', position: 0, agent: null, decisionId: null });
    await runtime.log.append(rows.take());
    await runtime.close();
    writeFileSync(join(cwd, 'plan.ts'), plan.replace('width: 16', 'width: 16, judged: 0'));
    const [said] = (await headrace(['train', 'base', '--plan', 'plan.ts', '--source', 'clicks', '--dry-run', '--json'], { cwd })).json() as Line[];
    expect(said).toMatchObject({ verdict: null, metrics: { interactions: 200 } });
  });
});

test.each([
  [['train', 'base', '--source', 'click'], 2, '--source is "click"; give decisions or clicks. Did you mean clicks?'],
  [['train', 'base', '--warehouse'], 2, 'Say which ClickHouse'],
  [['train', 'head', '--warehouse'], 2, '--warehouse is for `headrace train base`.'],
  [['train', 'base', '--on-base'], 2, '--on-base is for `headrace train head`.'],
  [['train', 'head', '--on-base', '--plan', 'plan.mjs'], 2, '--plan and --on-base both name a plan; give one.'],
  [['train', 'base', '--plan', 'plan.mjs'], 1, 'Let it `export default basePlan({ … })`.'],
  [['train', 'base'], 1, 'HR_TOPIC_MISSING'],
])('headrace %s is answered with what to do', async (words, code, message) => {
  const cwd = workplace();
  mkdirSync(join(cwd, '.headrace'));
  await openEmbedded({ dataDir: join(cwd, '.headrace'), mode: 'write' }).close();
  writeFileSync(join(cwd, 'plan.mjs'), 'export default 7;\n');
  const ended = await headrace(words, { cwd });
  expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(message)]);
});
