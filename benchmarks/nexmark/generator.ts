import { cell, type Column, type StringColumn, stringColumn } from '../../schemas/column.js';
import type { BatchRows } from '../../dataflow/batch.js';
import { HeadraceError } from '../../dataflow/errors.js';

/** Kinds of events: 1 person, 3 auctions and 46 bids of every 50 events. */
export type EventKind = 'person' | 'auction' | 'bid';

/** The events of a Nexmark run as columns: each a pure function of seed and number, with the rules and constants of the Nexmark generator. */
export interface Nexmark {
  /** Number of events of a kind among the first `events`. */
  count(kind: EventKind, events: number): number;
  /** `length` events of a kind: numbers first, first + stride, … Columns are computed when they are asked for. */
  rows(kind: EventKind, first: number, stride: number, length: number): BatchRows;
}

const places: Readonly<Record<EventKind, { readonly first: number; readonly of50: number }>> = { person: { first: 0, of50: 1 }, auction: { first: 1, of50: 3 }, bid: { first: 4, of50: 46 } };

/** First event time (2025-10-09T07:54:00Z). */
export const baseTime = 1_759_996_440_000;

const words = (text: string): string[] => text.split(',');
const firstNames = words('Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter');
const lastNames = words('Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris');
const cities = words('Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne');
const states = words('AZ,CA,ID,OR,WA,WY');
const hotChannels = words('Google,Facebook,Baidu,Apple');
const plainChannels = 100;

/** Longest time that an auction is open, in milliseconds. */
export function longestAuctionMs(tickNs: number): number {
  return Math.max(2 * Math.floor((6_664 * tickNs) / 1e6), 1);
}

/** The hash words of many events, one after the other: splitmix64 (Steele et al. 2014) in two halves of 32 bits. */
interface Hashes {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

/** One step of splitmix64 on each word. Cost: about 20 ns a word. */
function mixAll(from: Hashes): Hashes {
  const n = from.low.length;
  const high = new Uint32Array(n);
  const low = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    let l = from.low[i]! + 0x7f4a7c15;
    let h = (from.high[i]! + 0x9e3779b9 + (l > 0xffffffff ? 1 : 0)) | 0;
    l |= 0;
    l ^= (l >>> 30) | (h << 2);
    h ^= h >>> 30;
    let c = Math.imul(h, 0x1ce4e5b9) + Math.imul(l, 0xbf58476d);
    h = (upper(l, 0x1ce4, 0xe5b9) + c) | 0;
    l = Math.imul(l, 0x1ce4e5b9);
    l ^= (l >>> 27) | (h << 5);
    h ^= h >>> 27;
    c = Math.imul(h, 0x133111eb) + Math.imul(l, 0x94d049bb);
    h = (upper(l, 0x1331, 0x11eb) + c) | 0;
    l = Math.imul(l, 0x133111eb);
    low[i] = l ^ ((l >>> 31) | (h << 1));
    high[i] = h ^ (h >>> 31);
  }
  return { high, low };
}

/** The upper half of the 64-bit product of a 32-bit word and another in halves of 16 bits: both partial products are exact in a double. */
function upper(a: number, b1: number, b0: number): number {
  const word = a >>> 0;
  return Math.floor((word * b1 + Math.floor((word * b0) / 65_536)) / 65_536) | 0;
}

/** `w % d` for words over 2^31, where the operator is slow. */
const modulo = (w: number, d: number): number => w - d * Math.floor(w / d);

/** price = 100 * 10^(6u), u from 20 bits: a product of square roots, the same in every IEEE language. */
const priceFactors = (() => {
  const roots = [0, 1000];
  for (let j = 2; j <= 20; j++) roots.push(Math.sqrt(roots[j - 1]!));
  const upperBits = new Float64Array(1024);
  const lowerBits = new Float64Array(1024);
  for (let v = 0; v < 1024; v++) {
    let a = 1;
    let b = 1;
    for (let j = 1; j <= 10; j++) {
      if (((v >>> (10 - j)) & 1) === 0) continue;
      a *= roots[j]!;
      b *= roots[j + 10]!;
    }
    upperBits[v] = a;
    lowerBits[v] = b;
  }
  return { upperBits, lowerBits };
})();

const price = (w: number): number => Math.floor(100 * (priceFactors.upperBits[w >>> 22]! * priceFactors.lowerBits[(w >>> 12) & 1023]!) + 0.5);
const lastPerson = (i: number): number => Math.floor(i / 50);
const lastAuction = (i: number): number => {
  const e = Math.floor(i / 50);
  const o = i % 50;
  return o < 1 ? 3 * e - 1 : o < 4 ? 3 * e + o - 1 : 3 * e + 2;
};
const anyPerson = (i: number, w: number): number => {
  const n = lastPerson(i) + 1;
  const active = Math.min(n, 1_000);
  return n - active + modulo(w, active + 10);
};
const fourDigits = (n: number): string => String(10_000 + n).slice(1);

function letters(w: number, n: number): string {
  let text = '';
  for (let k = 0; k < n; k++) {
    text += String.fromCharCode(97 + (w % 26));
    w = Math.floor(w / 26);
  }
  return text;
}

/**
 * @param seed under 2^32
 * @param tickNs nanoseconds of event time of a quarter of an event
 */
export function nexmark(seed: number, tickNs: number): Nexmark {
  const channels = channelTable(seed);
  const auctionMs = longestAuctionMs(tickNs);
  return {
    count: (kind, events) => {
      const { first, of50 } = places[kind];
      return Math.floor(events / 50) * of50 + Math.min(Math.max((events % 50) - first, 0), of50);
    },
    rows: (kind, first, stride, length) => {
      const { first: place, of50 } = places[kind];
      const index = new Float64Array(length);
      for (let i = 0; i < length; i++) {
        const n = first + i * stride;
        index[i] = 50 * Math.floor(n / of50) + place + (n % of50);
      }
      return eventRows(kind, index, seed, tickNs, channels, auctionMs);
    },
  };
}

/** The texts of channels, as ranges of one column each, so that no text is copied a row. */
function channelTable(seed: number): { readonly name: StringColumn; readonly url: StringColumn } {
  const numbers = Array.from({ length: plainChannels + hotChannels.length }, (_, k) => k);
  const first = mixAll({ high: Uint32Array.from(numbers, () => 0x4348414e), low: Uint32Array.from(numbers, (k) => (seed ^ k) >>> 0) });
  const second = mixAll(first);
  const third = mixAll(second);
  const url = (k: number) => {
    const folders = [first.low[k]!, first.high[k]!, second.low[k]!].map((w) => letters(w, 5)).join('/');
    const id = k < plainChannels && second.high[k]! % 10 > 0 ? `&channel_id=${third.low[k]! % 1_000_000}` : '';
    return `https://www.nexmark.com/${folders}/item.htm?query=1${id}`;
  };
  return { name: stringColumn(numbers.map((k) => (k < plainChannels ? `channel-${k}` : hotChannels[k - plainChannels]!))), url: stringColumn(numbers.map(url)) };
}

function eventRows(kind: EventKind, index: Float64Array, seed: number, tickNs: number, channels: ReturnType<typeof channelTable>, auctionMs: number): BatchRows {
  const n = index.length;
  const seeds: Hashes = { high: new Uint32Array(n), low: new Uint32Array(n) };
  for (let i = 0; i < n; i++) {
    seeds.high[i] = Math.floor(index[i]! / 4_294_967_296);
    seeds.low[i] = seed ^ index[i]!;
  }
  const chain: Hashes[] = [seeds];
  /** Word `k` of each event: the halves of the hash chain, lower half first. */
  const word = (k: number): Uint32Array => {
    const link = (k >> 1) + 1;
    while (chain.length <= link) chain.push(mixAll(chain[chain.length - 1]!));
    return k % 2 === 0 ? chain[link]!.low : chain[link]!.high;
  };
  const columns = new Map<string, Column>();
  const numbers = (of: (i: number) => number): Column => {
    const data = new Float64Array(n);
    for (let i = 0; i < n; i++) data[i] = of(i);
    return { kind: 'number', data };
  };
  const texts = (of: (i: number) => string): Column => stringColumn(Array.from({ length: n }, (_, i) => of(i)));
  const times = () => eventTimes(index, seed, tickNs);
  const prices = (k: number): Column => {
    const w = word(k);
    const data = new Float64Array(n);
    for (let i = 0; i < n; i++) data[i] = price(w[i]!);
    return { kind: 'number', data };
  };
  const fields = fieldsOf[kind];
  const make = (name: string): Column => {
    if (name === 'dateTime') return { kind: 'number', data: times() };
    if (name === 'extra') return randomText(word(fields.extra), word(fields.extra + 1));
    return fields.columns[name]!({ index, word, numbers, texts, prices, channels, auctionMs, times });
  };
  const rows: BatchRows = {
    length: n,
    names: fields.names,
    field(name) {
      let column = columns.get(name);
      if (column === undefined) {
        if (!fields.names.includes(name)) throw new HeadraceError('HR_COLUMN', `A ${kind} has no field "${name}"; it has ${fields.names.join(', ')}.`);
        columns.set(name, (column = make(name)));
      }
      return column;
    },
    value: (i) => Object.fromEntries(fields.names.map((name) => [name, cell(rows.field(name), i)])),
    place: () => ({}),
    record: () => undefined,
    pack: (chosen) => ({ objects: Array.from(chosen ?? index.keys(), (i) => rows.value(i)) }),
  };
  return rows;
}

/** Times of the events `index`. One event of every 20 is early, by up to 4 s at 4 ms an event; no two have the same time. */
function eventTimes(index: Float64Array, seed: number, tickNs: number): Float64Array {
  const n = index.length;
  const first = Math.floor(index[0]! / 20);
  const last = Math.floor(index[n - 1]! / 20);
  const groups = Float64Array.from({ length: last - first + 1 }, (_, g) => first + g);
  const hash = mixAll({ high: Uint32Array.from(groups, (b) => (0x44495352 ^ Math.floor(b / 4_294_967_296)) >>> 0), low: Uint32Array.from(groups, (b) => (seed ^ b) >>> 0) });
  const early = Float64Array.from(hash.low, (w) => modulo(w, 20));
  const times = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const i = index[k]!;
    const b = Math.floor(i / 20);
    const g = b - first;
    let tick = 4 * i;
    if (i - 20 * b === early[g]) {
      const s = 1 + (hash.high[g]! % 49);
      tick = 80 * (b - s) + 4 * Math.floor(s / 3) + 1 + (s % 3);
    }
    times[k] = baseTime + Math.floor((tick * tickNs) / 1e6);
  }
  return times;
}

/** 3 to 6 letters an event, written into one pool. */
function randomText(w: Uint32Array, lengths: Uint32Array): StringColumn {
  const n = w.length;
  const bytes = new Uint8Array(6 * n);
  const offset = new Int32Array(n);
  const length = new Int32Array(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    offset[i] = at;
    const l = (length[i] = 3 + (lengths[i]! % 4));
    let rest = w[i]!;
    for (let k = 0; k < l; k++) {
      const next = Math.floor(rest / 26);
      bytes[at++] = 97 + rest - 26 * next;
      rest = next;
    }
  }
  return { kind: 'string', bytes, offset, length };
}

interface Maker {
  readonly index: Float64Array;
  readonly channels: ReturnType<typeof channelTable>;
  readonly auctionMs: number;
  word(k: number): Uint32Array;
  numbers(of: (i: number) => number): Column;
  texts(of: (i: number) => string): Column;
  prices(word: number): Column;
  times(): Float64Array;
}

/** Which channel an event has: one of the four hot ones half of the time. */
const channelOf = (w: number): number => ((w & 1) > 0 ? plainChannels + ((w >>> 1) & 3) : (w >>> 1) % plainChannels);

function fromTable(table: StringColumn, make: Maker): Column {
  const w = make.word(5);
  const offset = new Int32Array(w.length);
  const length = new Int32Array(w.length);
  for (let i = 0; i < w.length; i++) {
    const c = channelOf(w[i]!);
    offset[i] = table.offset[c]!;
    length[i] = table.length[c]!;
  }
  return { kind: 'string', bytes: table.bytes, offset, length };
}

/** The fields of each kind in their order, the hash words that `extra` is made of, and how the other columns are made. */
const fieldsOf: Readonly<Record<EventKind, { readonly names: readonly string[]; readonly extra: number; readonly columns: Readonly<Record<string, (make: Maker) => Column>> }>> = {
  person: {
    names: ['id', 'name', 'emailAddress', 'creditCard', 'city', 'state', 'dateTime', 'extra'],
    extra: 8,
    columns: {
      id: ({ index, numbers }) => numbers((i) => 1_000 + lastPerson(index[i]!)),
      name: ({ word, texts }) => texts((i) => `${firstNames[word(0)[i]! % 11]} ${lastNames[word(1)[i]! % 9]}`),
      emailAddress: ({ word, texts }) => texts((i) => `${letters(word(2)[i]!, 6)}@${letters(word(3)[i]!, 4)}.com`),
      creditCard: ({ word, texts }) => texts((i) => [word(4)[i]!, word(5)[i]!].map((w) => `${fourDigits(w % 10_000)} ${fourDigits(Math.floor(w / 10_000) % 10_000)}`).join(' ')),
      city: ({ word, texts }) => texts((i) => cities[word(6)[i]! % 10]!),
      state: ({ word, texts }) => texts((i) => states[word(7)[i]! % 6]!),
    },
  },
  auction: {
    names: ['id', 'itemName', 'description', 'initialBid', 'reserve', 'expires', 'seller', 'category', 'dateTime', 'extra'],
    extra: 9,
    columns: {
      id: ({ index, numbers }) => numbers((i) => 1_000 + lastAuction(index[i]!)),
      itemName: ({ word, texts }) => texts((i) => letters(word(6)[i]!, 6)),
      description: ({ word, texts }) => texts((i) => `${letters(word(7)[i]!, 6)} ${letters(word(8)[i]!, 6)}`),
      initialBid: ({ prices }) => prices(3),
      reserve: ({ word, numbers }) => numbers((i) => price(word(3)[i]!) + price(word(4)[i]!)),
      expires: ({ word, numbers, times, auctionMs }) => {
        const time = times();
        return numbers((i) => time[i]! + 1 + (word(5)[i]! % auctionMs));
      },
      seller: ({ index, word, numbers }) => numbers((i) => 1_000 + (word(0)[i]! % 4 > 0 ? Math.floor(lastPerson(index[i]!) / 100) * 100 : anyPerson(index[i]!, word(1)[i]!))),
      category: ({ word, numbers }) => numbers((i) => 10 + (word(2)[i]! % 5)),
    },
  },
  bid: {
    names: ['auction', 'bidder', 'price', 'channel', 'url', 'dateTime', 'extra'],
    extra: 6,
    columns: {
      auction: ({ index, word }) => {
        const [hot, any] = [word(0), word(1)];
        const data = new Float64Array(index.length);
        for (let i = 0; i < data.length; i++) {
          const last = 3 * Math.floor(index[i]! / 50) + 2;
          const least = Math.max(last - 100, 0);
          data[i] = 1_000 + ((hot[i]! & 1) > 0 ? Math.floor(last / 100) * 100 : least + modulo(any[i]!, last - least + 11));
        }
        return { kind: 'number', data };
      },
      bidder: ({ index, word }) => {
        const [hot, any] = [word(2), word(3)];
        const data = new Float64Array(index.length);
        for (let i = 0; i < data.length; i++) data[i] = 1_000 + ((hot[i]! & 3) > 0 ? Math.floor(lastPerson(index[i]!) / 100) * 100 + 1 : anyPerson(index[i]!, any[i]!));
        return { kind: 'number', data };
      },
      price: ({ prices }) => prices(4),
      channel: (make) => fromTable(make.channels.name, make),
      url: (make) => fromTable(make.channels.url, make),
    },
  },
};
