import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { profileParts } from '../../benchmarks/profile-parts.js';

test('a sample belongs to the innermost frame that a part names, and idle time to none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-profile-'));
  const frame = (id: number, functionName: string, url: string, ...children: number[]) => ({ id, callFrame: { functionName, url }, children });
  const nodes = [
    frame(1, '(root)', '', 2, 3, 4, 8),
    frame(2, '(idle)', ''),
    frame(3, '(garbage collector)', ''),
    frame(4, 'commit', 'file:///dist/runners/engine/run-entry.js', 5, 6),
    frame(5, 'onBarrier', 'file:///dist/operators/tiles.js', 7),
    frame(6, 'apply', 'file:///dist/connectors/kafka/state/state-copy.js'),
    frame(7, 'getBinaryFast', 'file:///node_modules/lmdb/read.js'),
    frame(8, 'main', 'node:internal/main'),
  ];
  const file = join(folder, 'one.cpuprofile');
  writeFileSync(file, JSON.stringify({ nodes, samples: [2, 3, 4, 5, 6, 7, 8], timeDeltas: [500, 10, 10, 20, 30, 20, 10] }));
  const shares = profileParts(file);
  rmSync(folder, { recursive: true });
  expect(Object.fromEntries([...shares].filter(([, share]) => share > 0))).toEqual({ collection: 0.1, engine: 0.1, tiles: 0.4, stateCopy: 0.3, other: 0.1 });
});
