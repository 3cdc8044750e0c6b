import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { embeddedArtefacts } from '../../../connectors/embedded/embedded-artefacts.js';
import { temporaryDirectory } from './temporary-directory.js';

test('halves that killed processes have left are removed, and those that others are writing stay', async () => {
  const home = temporaryDirectory();
  const folder = join(home, 'artefacts');
  mkdirSync(folder);
  const now = 1_800_000_000_000;
  for (const [name, age] of [['a.1.partial', 3_601_000], ['a.2.partial', 3_599_000], ['a', 9_000_000]] as const) {
    writeFileSync(join(folder, name), 'half');
    utimesSync(join(folder, name), (now - age) / 1_000, (now - age) / 1_000);
  }
  const digest = await embeddedArtefacts(home, () => now).put(new Uint8Array([1, 2, 3]));
  expect(readdirSync(folder).sort()).toEqual(['a', 'a.2.partial', digest].sort());
});
