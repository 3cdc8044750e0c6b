import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { artefactDigest } from '../../../connectors/embedded/artefact-digest.js';

test.each([0, 5, 4 << 20, (4 << 20) + 1, 9 << 20])('the digest of %i bytes is theirs, and large ones leave the event loop its turns', async (length) => {
  const bytes = Buffer.alloc(length, 'artefact');
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const digest = await artefactDigest(bytes);
  isOver = true;
  expect(digest).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(turns).toBeGreaterThanOrEqual(Math.max(0, Math.ceil(length / (4 << 20)) - 1));
});
