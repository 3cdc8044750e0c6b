import { defineConfig } from 'vitest/config';

const results = process.env.HEADRACE_TEST_RESULTS;

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    globalSetup: ['tests/optional-packages.ts', 'tests/services/stop-after-tests.ts'],
    pool: 'forks',
    maxWorkers: 2,
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
  },
});
