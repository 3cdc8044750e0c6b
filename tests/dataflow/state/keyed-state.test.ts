import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKeyedState } from '../../../dataflow/state/keyed-state.js';
import { createStateTable } from '../../../dataflow/state/state-table.js';
import { memoryRuntime } from '../../../runners/testing/index.js';

interface Model {
  readonly states: Map<string, { n: number; seen: number }>;
  readonly timers: Set<string>;
}

function opened(cached: number, expire: number) {
  const memory = memoryRuntime();
  const open = () => {
    const table = createStateTable(memory.state, 'p', 's');
    const state = createKeyedState<{ n: number }>({ table, task: 3, init: () => ({ n: 0 }), expire, cached });
    const save = () => {
      state.save();
      memory.writeState('p', table.take());
      table.settle();
    };
    return { state, save };
  };
  return open;
}

test('state and timers equal a map, whatever is saved, evicted and restored', () => {
  const aKey = fc.constantFrom('a', 'b', 'c', 'ü\u0000', '');
  const anAction = fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: aKey }) },
    { weight: 1, arbitrary: fc.record({ clear: aKey }) },
    { weight: 3, arbitrary: fc.record({ timer: aKey, at: fc.integer({ min: -5, max: 20 }) }) },
    { weight: 2, arbitrary: fc.record({ reach: fc.integer({ min: 0, max: 5 }) }) },
    { weight: 2, arbitrary: fc.constantFrom('save' as const, 'restart' as const) },
  );
  fc.assert(
    fc.property(fc.array(anAction, { maxLength: 60 }), fc.constantFrom(0, 1, 100), fc.constantFrom(3, Infinity), (actions, cached, expire) => {
      const open = opened(cached, expire);
      let { state, save } = open();
      const model: Model = { states: new Map(), timers: new Set() };
      let saved = structuredClone(model);
      let now = 0;
      let savedNow = 0;
      for (const action of actions) {
        if (action === 'save') {
          save();
          saved = structuredClone(model);
          savedNow = now;
        } else if (action === 'restart') {
          ({ state, save } = open());
          now = savedNow;
          model.states.clear();
          model.timers.clear();
          for (const [k, v] of saved.states) model.states.set(k, { ...v });
          for (const t of saved.timers) model.timers.add(t);
        } else if ('add' in action) {
          const held = model.states.get(action.add) ?? { n: 0, seen: now };
          held.n += 1;
          held.seen = Math.max(held.seen, now);
          model.states.set(action.add, held);
          const own = state.get(action.add, now);
          own.n += 1;
          state.touch(action.add, now);
          expect(own.n).toBe(held.n);
        } else if ('clear' in action) {
          model.states.delete(action.clear);
          state.clear(action.clear);
        } else if ('timer' in action) {
          model.timers.add(JSON.stringify([action.at, action.timer]));
          state.setTimer(action.timer, action.at);
        } else {
          now += action.reach;
          const due = [...model.timers].map((t) => JSON.parse(t) as [number, string]).filter(([at]) => at <= now).sort(([at, k], [at2, k2]) => at - at2 || (k < k2 ? -1 : 1));
          for (const [time, key] of due) {
            expect(state.nextTimer(now)).toEqual({ time, key });
            model.timers.delete(JSON.stringify([time, key]));
          }
          expect(state.nextTimer(now)).toBeUndefined();
          state.reach(now);
          for (const [k, v] of model.states) if (now - v.seen > expire) model.states.delete(k);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test('what was reached and the key are kept over a restart; the end of the input is not a time', () => {
  const open = opened(10, Infinity);
  const first = open();
  expect(first.state.reached).toBe(-Infinity);
  first.state.keyedBy = { name: 'k', kind: 'number' };
  first.state.reach(7);
  first.state.reach(5);
  first.state.reach(Infinity);
  first.save();
  const second = open();
  expect(second.state.reached).toBe(7);
  expect(second.state.keyedBy).toEqual({ name: 'k', kind: 'number' });
});
