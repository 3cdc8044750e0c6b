import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileRowEncoder } from '../../schemas/encoder.js';
import { type Decision, decisionSchema } from '../../schemas/generated/decision.js';
import { type LoggedDecision, loggedDecisionSchema } from '../../schemas/generated/logged-decision.js';
import { outcomeSchema } from '../../schemas/generated/outcome.js';
import { unattributedOutcomeSchema } from '../../schemas/generated/unattributed-outcome.js';
import { compileReader } from '../../schemas/reader.js';
import { recordOf } from './random-records.js';

test.each([decisionSchema, loggedDecisionSchema, outcomeSchema, unattributedOutcomeSchema])('$name comes back as it was written, propensities to the last bit', (schema) => {
  const encoder = compileRowEncoder<unknown>(schema);
  const read = compileReader<object>(schema, schema);
  fc.assert(
    fc.property(recordOf(schema), (value) => {
      const bytes = new Uint8Array(encoder.bound(value));
      expect(plain(read(bytes, 0, encoder.encode(value, bytes, 0)))).toEqual(plain(value));
    }),
    { seed: 6, numRuns: 50 },
  );
});

test('a logged decision is a decision and more: who reads decisions can read it', () => {
  const asDecision: Decision = {} as LoggedDecision;
  expect(asDecision).toBeDefined();
  expect(loggedDecisionSchema.fields.slice(0, decisionSchema.fields.length)).toEqual(decisionSchema.fields);
  expect(unattributedOutcomeSchema.fields.slice(0, outcomeSchema.fields.length)).toEqual(outcomeSchema.fields);
});

/** Without the classes of avsc. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value, (_key, x: unknown) => (typeof x === 'number' && !Number.isFinite(x) ? String(x) : Object.is(x, -0) ? '-0' : x)));
}
