import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const results = process.env.HEADRACE_TEST_RESULTS;

// What a user imports is the sources here.
const packages = { 'headrace/aggregates': 'dataflow/aggregates/index.ts', 'headrace/evaluation': 'evaluation/index.ts', 'headrace/learning': 'learning/index.ts', 'headrace/serving': 'serving/index.ts', 'headrace/testing': 'runners/testing/index.ts', 'headrace/operators': 'operators/index.ts', headrace: 'index.ts' };
const alias = Object.entries(packages).map(([name, file]) => ({ find: new RegExp(`^${name}$`), replacement: fileURLToPath(new URL(file, import.meta.url)) }));

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['tests/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    // tests say themselves which services they use, whatever the shell has
    env: { KAFKA_BROKERS: '', REDIS_URL: '', CLICKHOUSE_URL: '', SCHEMA_REGISTRY_URL: '' },
    globalSetup: ['tests/optional-packages.ts', 'tests/services/stop-after-tests.ts'],
    pool: 'forks',
    maxWorkers: 2,
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
  },
});
