import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const folder = resolve(import.meta.dirname, '../docs/operators/examples');

/** Each example compares what comes out itself. */
test.each(readdirSync(folder))('%s gives what it shows', async (file) => {
  await expect(import(join(folder, file))).resolves.toBeDefined();
});
