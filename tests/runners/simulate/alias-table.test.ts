import { expect, test } from 'vitest';
import { splitmix } from '../../../dataflow/splitmix.js';
import { aliasTable } from '../../../runners/simulate/alias-table.js';

test('an alias table draws by weight and never what has none', () => {
  const weights = Float64Array.of(1, 0, 5, 0.5, 3.5);
  const draw = aliasTable(weights);
  const random = splitmix(1);
  const counts = Array.from({ length: 5 }, () => 0);
  const n = 200_000;
  for (let i = 0; i < n; i++) counts[draw(random.unit(), random.unit())]!++;
  for (const [i, w] of weights.entries()) {
    const p = w / 10;
    expect(Math.abs(counts[i]! - n * p)).toBeLessThanOrEqual(5 * Math.sqrt(n * p * (1 - p)));
  }
});
