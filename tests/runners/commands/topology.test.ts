import { expect, test } from 'vitest';
import { clicksFile, headrace, workplace } from './headrace-process.js';

const files = {
  'clicks.ts': clicksFile,
  'two-ways.ts': `
    import { pipeline, topic, keyBy, window, to } from 'headrace';
    import { count } from 'headrace/aggregates';
    import { clicks } from './clicks.js';
    const byUser = topic('by-user', { key: 'userId', value: { userId: 'string', n: 'int' } });
    const byItem = topic('by-"item"'.replaceAll('"', '.'), { key: 'itemId', value: { itemId: 'string', n: 'int' } });
    const late = topic('late', { key: 'userId', value: { userId: 'string', itemId: 'string', watchMs: 'int', timestamp: 'timestamp' } });
    export default pipeline('two-ways', ({ from }) => {
      const events = from(clicks, { disorder: '30s' });
      return [
        events.pipe(keyBy(clicks.userId), window('users', { every: '5m', late }, { n: count() }), to(byUser)),
        events.pipe(keyBy(clicks.itemId), window('items', { size: '1h', every: '5m' }, { n: count() }), to(byItem)),
      ];
    });`,
};

interface Graph {
  readonly nodes: readonly { readonly node: string; readonly kind?: string; readonly exchange?: boolean; readonly details?: object }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly type: string }[];
}

test('json: the steps with what they were given, the topics, and which steps exchange records', async () => {
  const cwd = workplace(files);
  const done = await headrace(['topology', 'two-ways.ts', '--json'], { cwd });
  expect(done.code).toBe(0);
  const [graph] = done.json() as [Graph];
  expect(graph).toMatchObject({ pipeline: 'two-ways', tickMs: 3_000 });
  expect(graph.nodes.filter((n) => n.exchange).map((n) => n.node)).toEqual(['step:keyBy-2']);
  expect(graph.nodes).toContainEqual({ node: 'step:items', type: 'step', kind: 'window', id: 'items', exchange: false, details: { every: '5m', size: '1h', lateness: '0s' } });
  expect(graph.nodes).toContainEqual({ node: 'topic:by-user', type: 'topic', name: 'by-user', key: 'userId', time: null });
  expect(graph.edges.map((e) => `${e.from} ${e.type} ${e.to}`)).toEqual([
    'topic:clicks records step:clicks',
    'step:clicks records step:keyBy-1',
    'step:keyBy-1 records step:users',
    'step:users side topic:late',
    'step:users records step:to-1',
    'step:to-1 records topic:by-user',
    'step:clicks records step:keyBy-2',
    'step:keyBy-2 records step:items',
    'step:items records step:to-2',
    'step:to-2 records topic:by-.item.',
  ]);
  expect((await headrace(['topology', 'two-ways.ts', '--format', 'json'], { cwd })).stdout).toBe(done.stdout);
});

test('mermaid: topics are cylinders, side outputs dotted, exchanges marked', async () => {
  const { stdout } = await headrace(['topology', 'two-ways.ts'], { cwd: workplace(files) });
  expect(stdout).toContain('---\ntitle: two-ways\n---\nflowchart LR\n');
  expect(stdout).toContain('n0[("clicks")]');
  expect(stdout).toMatch(/n\d+\[\["<b>keyBy<\/b> keyBy-2<br>by: itemId<br><i>exchange<\/i>"\]\]/);
  expect(stdout.match(/-\.->/g)).toHaveLength(1);
  expect(stdout.match(/ --> /g)).toHaveLength(9);
});

test('svg: every node once, nothing overlaps, everything is inside', async () => {
  const { stdout } = await headrace(['topology', 'two-ways.ts', '--format', 'svg'], { cwd: workplace(files) });
  expect(stdout.match(/<g>/g)).toHaveLength(11);
  expect(stdout.match(/class="(records|side)" d=/g)).toHaveLength(10);
  const boxes = [...stdout.matchAll(/<rect class="(?:step|exchange)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map((m) => m.slice(1).map(Number) as [number, number, number, number]);
  expect(boxes).toHaveLength(7);
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(stdout)!.map(Number) as [number, number, number];
  boxes.forEach(([x, y, w, h], i) => {
    expect(x >= 0 && y >= 0 && x + w <= width && y + h <= height).toBe(true);
    for (const [x2, y2, w2, h2] of boxes.slice(i + 1)) expect(x + w <= x2 || x2 + w2 <= x || y + h <= y2 || y2 + h2 <= y).toBe(true);
  });
});

test('a topic that is read and written stands once', async () => {
  const cwd = workplace({
    'clicks.ts': clicksFile,
    'loop.ts': `
      import { pipeline, filter, to } from 'headrace';
      import { clicks } from './clicks.js';
      export default pipeline('loop', ({ from }) => from(clicks).pipe(filter((c) => c.watchMs > 0), to(clicks)));`,
  });
  const [graph] = (await headrace(['topology', 'loop.ts', '--json'], { cwd })).json() as [Graph];
  expect(graph.nodes.filter((n) => n.node === 'topic:clicks')).toHaveLength(1);
  expect((await headrace(['topology', 'loop.ts', '--format', 'svg'], { cwd })).code).toBe(0);
});
