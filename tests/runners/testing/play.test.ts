import type { Observable } from 'rxjs';
import { expect, test } from 'vitest';
import { count, sum } from '../../../dataflow/aggregates/index.js';
import type { Signal } from '../../../dataflow/signal.js';
import { topic } from '../../../dataflow/topic.js';
import { filter } from '../../../operators/filter.js';
import { keyBy } from '../../../operators/key-by.js';
import { map } from '../../../operators/map.js';
import { process } from '../../../operators/process.js';
import { to } from '../../../operators/to.js';
import { window } from '../../../operators/window.js';
import { play, sideOutput } from '../../../runners/testing/index.js';

interface Click {
  readonly name: string;
  readonly time: number;
}

test('a record later than the lateness goes to the late output and leaves the window as it was', () => {
  const late = sideOutput<Click>('late');
  play(window('n', { every: '10s', lateness: '5s', late }, { n: count() }), {
    in:   'a@1 b@4 |w10 c@2 |w16 d@3',     // records at event times, |w = watermark
    out:  '{n:2}@10 {n:3,rev:1}@10',
    late: 'd@3',
  });
});

test('records keep their names, and others print their fields', () => {
  play(filter<Click>((c) => c.name !== 'b'), { in: 'a@1 b@2 c@3.5', out: 'a@1 c@3.5' });
  play(map((c: Click) => ({ n: c.name, s: c.time / 1000, l: [1, 'x'], o: { p: null } })), { in: 'a@1', out: '{n:a,s:1,l:[1,x],o:{p:null}}@1' });
  play(map((c: Click) => `${c.name} ${c.name}`), { in: 'a@1 b@2', out: '"a a"@1 "b b"@2' });
  play(map((c: Click) => c.name), { in: 'a@1 b@2', out: 'a@1 b@2' });
});

test('a unit, records by name or function, and a key', () => {
  const step = window('w', { every: '1m', late: sideOutput<{ user: string; ms: number }>('late') }, { ms: sum((r) => r.ms) });
  const records = { a: { user: 'u', ms: 2 }, b: { user: 'v', ms: 3 } };
  play(step, { in: 'a@1 b@2 a@3 |w10 b@61 ||', unit: '1s', records, key: (r) => r.user, out: '{key:u,ms:4}@60 {key:v,ms:3}@60 {key:v,ms:3}@120' });
  play(step, { in: 'a@1 b@2 a@3 ||', unit: '1m', record: (name) => records[name as 'a' | 'b'], key: (r) => r.user, out: '{key:u,ms:2}@2 {key:v,ms:3}@3 {key:u,ms:2}@4' });
});

test('a restart goes back to the last barrier and takes again what came since', () => {
  let opened = 0;
  const seen = process<Click, { key: string }, { n: number }, string>('seen', {
    init: () => ({ n: 0 }),
    onRecord(click, state, { emit, timer, time }) {
      state.n += 1;
      if (click.name === 'a') opened += 1;
      emit(`${click.name}${state.n}`);
      if (click.name === 't') timer(time + 1_000);
    },
    onTimer: (_time, state, { emit }) => emit(`timer${state.n}`),
  });
  play(seen, { in: 'a@1 |b b@2 |r c@3 |r d@4', out: 'a1@1 b2@2 c3@3 d4@4' });
  expect(opened).toBe(1);
  play(seen, { in: 'a@1 b@2 |r c@3', out: 'a1@1 b2@2 c3@3' });
  expect(opened).toBe(3);
  play(seen, { in: 't@1 |w1 |b |r |w1.5 |b |r |w2 |b |r |w9', out: 't1@1 timer1@2' });
});

test('processing time fires timers', () => {
  const later = process<Click, { key: string }, object, string>('later', {
    init: () => ({}),
    onRecord: (_click, _state, { processingTimer }) => processingTimer(5_000),
    onTimer: (time, _state, { emit }) => emit('rang', time),
  });
  play(later, { in: 'a@1 |p4 |p5 |p6', out: 'rang@5' });
});

test('what a step writes to topics and sets aside is compared too', () => {
  const names = topic('names', { value: { name: 'string' } });
  play(to(names), { in: 'a@1 b@2', out: 'a@1 b@2', late: '{name:a}@1 {name:b}@2' });
  const careful = map((c: Click) => {
    if (c.name === 'bad') throw new Error('no');
    return c;
  });
  play(careful, { in: 'a@1 bad@2', out: 'a@1', deadLetters: 'bad@2' });
  expect(() => play(careful, { in: 'a@1 bad@2', out: 'a@1' })).toThrow(/deadLetters is not/);
});

test('steps in a row, with an exchange between them', () => {
  play((source: Observable<Signal<Click>>) => source.pipe(map((c: Click) => ({ ...c, first: c.name[0]! })), keyBy('first', (c) => c.first), window('n', { every: '10s' }, { n: count() })), {
    in: 'ax@1 by@2 az@3 |w10 |b |r bx@11 ||',
    key: () => '',
    out: '{key:a,n:2}@10 {key:b,n:1}@10 {key:b,n:1}@20',
  });
});

test('a difference shows what was expected and what came, one under the other', () => {
  const attempt = () => play(window('n', { every: '10s', lateness: '5s' }, { n: count() }), { in: 'a@1 b@4 |w10 c@2 |w16 d@21 |w30', out: '{n:2}@10 {n:30,rev:1}@10' });
  expect(attempt).toThrow(
    ['out is not what was expected:', '  expected  {n:2}@10 {n:30,rev:1}@10', '  actual    {n:2}@10 {n:3,rev:1}@10  {n:1}@30', '                     ^'].join('\n'),
  );
  expect(() => play(filter(() => true), { in: 'a@1', out: '' })).toThrow(/actual    a@1/);
  expect(() => play(filter(() => true), { in: 'a@1', out: 'a@1', late: 'a@1' })).toThrow(/late is not/);
});

test('marbles that cannot be read are refused', () => {
  for (const bad of ['a', 'a@', '@1', '|x', '|w', 'a@b', '|||']) expect(() => play(filter(() => true), { in: bad, out: '' })).toThrow(/is not a marble/);
});

test('late records that were made anew before the step need a real topic', () => {
  const late = topic('late', { value: { name: 'string' } });
  play((source: Observable<Signal<Click>>) => source.pipe(map((c: Click) => ({ name: `${c.name}!`, time: c.time })), keyBy('all', () => 'x'), window('n', { every: '10s', late }, { n: count() })), {
    in: 'a@1 |w10 b@2',
    out: '{n:1}@10',
    late: '{name:b!}@2',
  });
});
