import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyConfigFile } from '../../../runners/commands/config-file.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { headrace, workplace } from './headrace-process.js';

async function applied(said: string, environment: Record<string, string | undefined> = {}): Promise<Record<string, string | undefined>> {
  const folder = temporaryDirectory();
  writeFileSync(join(folder, 'headrace.config.mjs'), said);
  expect(await applyConfigFile(undefined, environment, folder)).toBe(join(folder, 'headrace.config.mjs'));
  return environment;
}

test('the environment wins over the file; true is 1, false and undefined are not set', async () => {
  const said = "export default { KAFKA_BROKERS: 'file:1', KAFKA_TLS: true, KAFKA_TLS_INSECURE: false, KAFKA_PATIENCE_MS: 5, REDIS_PREFIX: undefined };";
  expect(await applied(said)).toEqual({ KAFKA_BROKERS: 'file:1', KAFKA_TLS: '1', KAFKA_PATIENCE_MS: '5' });
  expect(await applied(said, { KAFKA_BROKERS: 'env:1', KAFKA_TLS: '' })).toEqual({ KAFKA_BROKERS: 'env:1', KAFKA_TLS: '1', KAFKA_PATIENCE_MS: '5' });
});

test.each([
  ["export default { KAFKA_BROKER: 'x:1' };", /has "KAFKA_BROKER", which is no setting\. .*KAFKA_BROKERS/],
  ['export default { KAFKA_BROKERS: [1] };', /KAFKA_BROKERS in .* is neither text/],
  ['export default 5;', /does not export an object/],
  ["throw new Error('no');", /Error: no/],
])('%s is refused', async (said, message) => {
  await expect(applied(said)).rejects.toMatchObject({ code: 'HR_CONFIG', message: expect.stringMatching(message) as unknown });
});

test('a file that is asked for has to be there; without one and without a name there is none', async () => {
  await expect(applyConfigFile('/nowhere/headrace.config.js', {})).rejects.toMatchObject({ code: 'HR_CONFIG' });
  expect(await applyConfigFile(undefined, {}, temporaryDirectory())).toBeUndefined();
});

test('options, environment, file: each wins over the next; the file may be TypeScript', async () => {
  const cwd = workplace({
    'headrace.config.ts': "import type { HeadraceConfig } from 'headrace';\nexport default { HEADRACE_DATA_DIR: 'from-file', KAFKA_SASL_PASSWORD: 'a-secret-of-the-file' } satisfies HeadraceConfig;\n",
    'other.config.js': "module.exports = { HEADRACE_DATA_DIR: 'from-other' };",
  });
  const place = async (words: readonly string[], env = {}) => /^.*in (\S+)\.\n/.exec((await headrace(['status', ...words], { cwd, env })).stderr)?.[1];
  expect(await place([])).toBe('from-file');
  expect(await place([], { HEADRACE_DATA_DIR: 'from-env' })).toBe('from-env');
  expect(await place(['--data-dir', 'from-option'], { HEADRACE_DATA_DIR: 'from-env' })).toBe('from-option');
  expect(await place(['--config', 'other.config.js'])).toBe('from-other');
  expect((await headrace(['doctor'], { cwd })).stdout).toContain('those of headrace.config.ts');
});
