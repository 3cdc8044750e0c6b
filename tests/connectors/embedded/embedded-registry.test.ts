import { expect, onTestFinished, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { temporaryDirectory } from './temporary-directory.js';

test('a text has one id, and a subject the text registered last', async () => {
  const dataDir = temporaryDirectory();
  const { registry, close } = openEmbedded({ dataDir, mode: 'write' });
  expect(await registry.register('clicks-value', '"string"')).toBe(1);
  expect(await registry.register('clicks-value', '"long"')).toBe(2);
  expect(await registry.register('other-value', '"string"')).toBe(1);
  expect(await registry.latest('clicks-value')).toEqual({ id: 2, schemaText: '"long"' });
  expect(await registry.latest('other-value')).toEqual({ id: 1, schemaText: '"string"' });
  expect(await registry.register('clicks-value', '"string"')).toBe(1);
  expect(await registry.latest('clicks-value')).toEqual({ id: 1, schemaText: '"string"' });
  expect(await registry.schemaById(2)).toBe('"long"');
  for (const id of [0, 3, -1, 1.5]) expect(await registry.schemaById(id)).toBeUndefined();
  expect(await registry.latest('none')).toBeUndefined();
  await close();

  const reader = openEmbedded({ dataDir, mode: 'read' });
  onTestFinished(reader.close);
  // what is there can be registered by a reader too
  expect(await reader.registry.register('clicks-value', '"string"')).toBe(1);
  await expect(reader.registry.register('clicks-value', '"int"')).rejects.toMatchObject({ code: 'HR_DATA_DIR' });
});
