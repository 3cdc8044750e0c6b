import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { embeddedArtefacts } from '../../../connectors/embedded/embedded-artefacts.js';
import { artefactsTopic } from '../../../connectors/kafka/internal-topics.js';
import { kafkaArtefacts } from '../../../connectors/kafka/kafka-artefacts.js';
import { HeadraceError } from '../../../dataflow/errors.js';
import { memoryRuntime } from '../../../runners/testing/index.js';

const home = mkdtempSync(join(tmpdir(), 'headrace-artefacts-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Some bytes that are not all alike, of several parts where they are many. */
const bytesOf = (n: number, seed: number) => Uint8Array.from({ length: n }, (_, i) => (i * 31 + seed + (i >> 8)) & 255);

test('another machine has what one has put, whatever its size; the same again is not written again', async () => {
  const { log } = memoryRuntime();
  const [one, other] = [kafkaArtefacts(log, embeddedArtefacts(join(home, 'one'))), kafkaArtefacts(log, embeddedArtefacts(join(home, 'other')))];
  const all = [bytesOf(0, 1), bytesOf(10, 2), bytesOf(512 << 10, 3), bytesOf((1 << 20) + 7, 4)];
  const digests = await Promise.all(all.map((bytes) => one.put(bytes)));
  for (const [i, digest] of digests.entries()) {
    expect(Buffer.compare(await other.get(digest), all[i]!)).toBe(0);
    // now it is here as well
    expect(Buffer.compare(await embeddedArtefacts(join(home, 'other')).get(digest), all[i]!)).toBe(0);
  }
  const { end } = await log.bounds(artefactsTopic, 0);
  expect(end).toBe(1 + 1 + 1 + 3);
  await one.put(all[3]!);
  await other.put(all[1]!);
  expect((await log.bounds(artefactsTopic, 0)).end).toBe(end);
});

test('what nobody has put is missing; a failed append leaves no file that others could not have', async () => {
  const { log } = memoryRuntime();
  const store = kafkaArtefacts(log, embeddedArtefacts(join(home, 'third')));
  await expect(store.get('0'.repeat(64))).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
  const broken = kafkaArtefacts({ ...log, append: () => Promise.reject(new HeadraceError('HR_KAFKA', 'It has refused.')) }, embeddedArtefacts(join(home, 'third')));
  const bytes = bytesOf(100, 9);
  await expect(broken.put(bytes)).rejects.toThrow(expect.objectContaining({ code: 'HR_KAFKA' }));
  const digest = await kafkaArtefacts(log, embeddedArtefacts(join(home, 'fourth'))).put(bytes);
  expect(Buffer.compare(await store.get(digest), bytes)).toBe(0);
});
