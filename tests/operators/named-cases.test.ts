import { describe, test } from 'vitest';
import { count, max, sum } from '../../dataflow/aggregates/index.js';
import { columnsOf } from '../../dataflow/expression.js';
import { type AnyStream, pipeline, type PipelineScope } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { hopping, session, sliding, tumbling } from '../../dataflow/windows/window-spec.js';
import { aggregate, dedupe, join, keyBy, latest, lookup, map, reduce, throttle, to, topN, union, window, windowJoin } from '../../operators/index.js';
import { type KeyedStream, play } from '../../runners/testing/index.js';

/** What every step has to get right beside its own rules; the cases of one step alone are with that step. */

interface Bid {
  readonly name: string;
  readonly price: number;
}
interface Ask {
  readonly name: string;
}
const bid = columnsOf<Bid>();
const ask = columnsOf<Ask>();
const priced = (name: string): Bid => ({ name, price: name.charCodeAt(0) - 96 });
const fields = { left: { b: bid.name }, right: { a: ask.name } } as const;
const one = { record: priced, key: () => 'k' };
const pairs = (kind: 'inner' | 'left' | 'full' = 'full') => (bids: KeyedStream<Bid>, asks: KeyedStream<Ask>) => join('j', bids, asks, { kind, within: '2s', ...fields }).pipe(map((r) => `${r.b ?? '.'}${r.a ?? '.'}`));
const windowPairs = (bids: KeyedStream<Bid>, asks: KeyedStream<Ask>) => windowJoin('j', bids, asks, { kind: 'full', every: '10s', ...fields }).pipe(map((r) => `${r.b ?? '.'}${r.a ?? '.'}`));
const looked = (bids: KeyedStream<Bid>, asks: KeyedStream<Ask>) => lookup('l', bids, asks, { columns: { a: ask.name }, expire: '20s' }).pipe(map((r) => `${r.name}${r.a ?? '.'}`));

describe('ties', () => {
  test('join: every pair of one time', () => play(pairs(), { record: priced, in: { bids: 'a@1 b@1     |w9 ||', asks: '        x@1 y@1 |w9 ||' }, out: 'ax@1 bx@1 ay@1 by@1' }));
  test('windowJoin: every pair of one time', () => play(windowPairs, { record: priced, in: { bids: 'a@1 b@1 ||', asks: 'x@1 y@1 ||' }, out: 'ax@9.999 ay@9.999 bx@9.999 by@9.999' }));
  test('lookup: of rows of one time the later counts, also for a record of that time', () => play(looked, { record: priced, in: { bids: 'a@1 |w9 ||', asks: 'x@1 y@1 |w9 ||' }, out: 'ay@1' }));
  test('sessions: records of one time are in one', () => play(window('s', session('5s'), { n: count() }), { in: 'a@1 b@1 c@1 ||', out: '{n:3}@6' }));
  test('dedupe and throttle: of one time the first to come passes', () => {
    play(dedupe('d', { within: '5s' }), { ...one, in: 'a@1 b@1 c@1', out: 'a@1' });
    play(throttle('t', { every: '5s' }), { ...one, in: 'b@1 a@1 c@6 d@6', out: 'b@1 c@6' });
  });
  test('topN: of one price and time the first to come ranks higher', () =>
    play(topN('t', { n: 2, by: (r: Bid) => r.price % 1, every: '10s' }), { ...one, in: 'b@1 a@1 c@1 ||', out: '{name:b,price:2,rank:1,windowStart:0,windowEnd:10000}@9.999 {name:a,price:1,rank:2,windowStart:0,windowEnd:10000}@9.999' }));
  test('latest: of one time the last to come counts', () => play(latest('l'), { ...one, in: 'b@1 a@1 |w2', out: 'a@1' }));
});

describe('exact bounds', () => {
  test('join: both ends belong to it', () => play(pairs(), { record: priced, in: { bids: 'a@8 b@12 c@7.999 d@12.001 ||', asks: 'x@10 ||' }, out: 'ax@10 bx@12 c.@7.999 d.@12.001' }));
  test('windowJoin: the start belongs to a window, the end to the next', () => play(windowPairs, { record: priced, in: { bids: 'a@0 b@9.999 c@10 ||', asks: 'x@5 ||' }, out: 'ax@9.999 bx@9.999 c.@19.999' }));
  test('lookup: a row of the record’s own time counts, one of the next millisecond does not', () => play(looked, { record: priced, in: { bids: 'a@5 ||', asks: 'x@4 y@5.001 ||' }, out: 'ax@5' }));
  test('dedupe: the last moment of the time is a duplicate', () => play(dedupe('d', { within: '5s' }), { ...one, in: 'a@1 b@6 c@6.001', out: 'a@1 c@6.001' }));
  test('throttle: the first moment of the next stretch passes', () => play(throttle('t', { every: '5s' }), { ...one, in: 'a@1 b@5.999 c@6', out: 'a@1 c@6' }));
});

describe('keys that come back after expiry begin anew, over a restart too', () => {
  for (const cut of ['', '|b |r']) {
    const told = cut === '' ? '' : ', restarted';
    test(`join${told}`, () => play(pairs(), { record: priced, in: { bids: `a@1 |w50 ${cut}                    ||`, asks: `    |w50 ${' '.repeat(cut.length)} x@60 ||` }, out: 'a.@1 .x@60' }));
    test(`windowJoin${told}`, () => play(windowPairs, { record: priced, in: { bids: `a@1 |w50 ${cut}  b@61             ||`, asks: `    |w50 ${' '.repeat(cut.length)} x@60 ||` }, out: 'a.@9.999 bx@69.999' }));
    test(`lookup${told}`, () => play(looked, { record: priced, in: { bids: `a@2 |w50 ${cut} b@60 |w90 ||`, asks: `x@1 |w50 ${' '.repeat(cut.length)}      |w90 ||` }, out: 'ax@2 b.@60' }));
    test(`sessions${told}`, () => play(window('s', session('5s'), { n: count() }), { in: `a@1 |w50 ${cut} b@60 ||`, out: '{n:1}@6 {n:1}@65' }));
    test(`sliding windows${told}`, () => play(window('s', sliding('5s'), { n: count() }), { in: `a@1 |w50 ${cut} b@60 ||`, out: '{n:1}@1.001 {n:1}@60.001' }));
    test(`aggregate and reduce${told}`, () => {
      play(aggregate<Bid, { readonly key: string }, { n: ReturnType<typeof count> }>('a', { n: count() }, { expire: '20s' }), { ...one, in: `a@1 |w2 |w50 ${cut} b@60 |w61`, out: '{key:k,n:1}@1 {key:k,n:1}@60' });
      play(reduce('r', { init: () => '', reduce: (all: string, r: Bid) => all + r.name }, { expire: '20s' }), { ...one, in: `a@1 |w2 |w50 ${cut} b@60 |w61`, out: '{key:k,value:a}@1 {key:k,value:b}@60' });
    });
    test(`topN${told}`, () => play(topN('t', { n: 1, by: (r: Bid) => -r.price, expire: '20s' }), { ...one, in: `a@1 |w2 |w50 ${cut} b@60 |w61`, out: '{name:a,price:1,rank:1}@1 {name:b,price:2,rank:1}@60' }));
    test(`latest${told}`, () => play(latest('l', { expire: '20s' }), { ...one, in: `a@60 |w61 |w99 ${cut} b@2 |w100`, out: 'a@60 b@2' }));
    test(`dedupe and throttle${told}`, () => {
      play(dedupe('d', { within: '5s' }), { ...one, in: `a@1 |w50 ${cut} b@2`, out: 'a@1 b@2' });
      play(throttle('t', { every: '5s' }), { ...one, in: `a@1 |w50 ${cut} b@2`, out: 'a@1 b@2' });
    });
  }
});

describe('empty sides', () => {
  const lines = { bids: 'a@1 |w50 ||', none: '    |w50 ||' };
  test('join', () => {
    play(pairs(), { record: priced, in: lines, out: 'a.@1' });
    play(pairs('left'), { record: priced, in: { none: lines.none, asks: 'x@1 |w50 ||' }, out: '' });
    play(pairs(), { record: priced, in: { none: lines.none, asks: 'x@1 |w50 ||' }, out: '.x@1' });
    play(pairs(), { record: priced, in: { none: '||', both: '||' }, out: '' });
  });
  test('windowJoin', () => {
    play(windowPairs, { record: priced, in: lines, out: 'a.@9.999' });
    play(windowPairs, { record: priced, in: { none: lines.none, asks: 'x@1 |w50 ||' }, out: '.x@9.999' });
    play(windowPairs, { record: priced, in: { none: '||', both: '||' }, out: '' });
  });
  test('lookup', () => {
    play(looked, { record: priced, in: lines, out: 'a.@1' });
    play(looked, { record: priced, in: { none: lines.none, asks: 'x@1 |w50 ||' }, out: '' });
  });
  test('union', () => play((bids: KeyedStream<Bid>, none: KeyedStream<Bid>) => union(bids, none), { record: priced, in: lines, out: 'a@1' }));
});

describe('an idle partition holds results back until its time is over, and no longer', () => {
  const bids = topic('bids', { time: 'at', value: { name: 'string', price: 'int', at: 'timestamp' } });
  const asks = topic('asks', { time: 'at', value: { name: 'string', at: 'timestamp' } });
  const out = topic('out', { value: { text: 'string' } });
  const all = (scope: PipelineScope) => scope.from(bids, { idleness: '5s' }).pipe(keyBy('all', () => 'all'));
  const allAsks = (scope: PipelineScope) => scope.from(asks, { idleness: '5s' }).pipe(keyBy('all-asks', () => 'all'));
  const texts = <T>(text: (row: T) => string | number) => map((row: T) => ({ text: String(text(row)) }));
  const records = { a: { name: 'a', price: 1 }, b: { name: 'b', price: 2 }, x: { name: 'x' } };

  const steps: Readonly<Record<string, { readonly build: (scope: PipelineScope) => AnyStream; readonly held?: string; readonly out: string }>> = {
    tumbling: { build: (s) => all(s).pipe(window('w', tumbling('10s'), { sum: sum(bids.price) }), texts((r) => r.sum), to(out)), out: '{text:1}@9.999' },
    hopping: { build: (s) => all(s).pipe(window('w', hopping('20s', '10s'), { sum: sum(bids.price) }), texts((r) => r.sum), to(out)), out: '{text:1}@9.999 {text:1}@19.999' },
    sliding: { build: (s) => all(s).pipe(window('w', sliding('10s'), { sum: sum(bids.price) }), texts((r) => r.sum), to(out)), out: '{text:1}@1' },
    sessions: { build: (s) => all(s).pipe(window('w', session('5s'), { sum: sum(bids.price) }), texts((r) => r.sum), to(out)), out: '{text:1}@5.999' },
    aggregate: { build: (s) => all(s).pipe(aggregate('a', { most: max(bids.price) }), texts((r) => r.most!), to(out)), out: '{text:2}@30' },
    reduce: { build: (s) => all(s).pipe(reduce('r', { init: () => 0, reduce: (n: number, r: { price: number }) => n + r.price }), texts((r) => r.value), to(out)), out: '{text:3}@30' },
    topN: { build: (s) => all(s).pipe(topN('t', { n: 1, by: bids.price, every: '10s' }), texts((r) => r.name), to(out)), out: '{text:a}@9.999' },
    latest: { build: (s) => all(s).pipe(latest('l'), texts((r) => r.name), to(out)), out: '{text:b}@30' },
    join: { build: (s) => join('j', all(s), allAsks(s), { kind: 'left', within: '2s', left: { b: bids.name }, right: { a: asks.name } }).pipe(texts((r) => `${r.b}${r.a ?? '.'}`), to(out)), held: '{text:bx}@30', out: '{text:bx}@30 {text:a.}@1' },
    windowJoin: { build: (s) => windowJoin('j', all(s), allAsks(s), { kind: 'left', every: '10s', left: { b: bids.name }, right: { a: asks.name } }).pipe(texts((r) => `${r.b}${r.a ?? '.'}`), to(out)), out: '{text:a.}@9.999' },
    lookup: { build: (s) => lookup('l', all(s), allAsks(s), { columns: { a: asks.name } }).pipe(texts((r) => `${r.name}${r.a ?? '.'}`), to(out)), out: '{text:a.}@1' },
  };
  for (const [name, { build, held = '', out: expected }] of Object.entries(steps)) {
    test(name, async () => {
      const job = pipeline('job', build, { tick: '1s' });
      const isPair = ['join', 'windowJoin', 'lookup'].includes(name);
      const lines = (mark: string): Readonly<Record<string, readonly string[]>> => ({ bids: [`a@1 b@30 ${mark}`, ''], ...(isPair ? { asks: [' x@30', ''] } : {}) });
      const given: Readonly<Record<string, object>> = isPair ? { a: records.a, b: records.b, x: records.x } : { a: records.a, b: records.b };
      await play(job, { records: given, in: lines('|p4'), out: { out: held } });
      await play(job, { records: given, in: lines('|p6'), out: { out: expected } });
    });
  }
});
