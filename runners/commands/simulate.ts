import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Imported } from '../import/importer.js';
import { writeEvents } from '../import/write-events.js';
import { clickWorld } from '../simulate/click-world.js';
import { clickWorldTruth } from '../simulate/click-world-truth.js';
import { planWorld, type ClickWorldOptions } from '../simulate/world-plan.js';
import { formatDuration, formatNumber } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { positiveNumber, usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { recordsIn } from './import.js';

/** `headrace simulate`: a click world with known truth. */
export const simulate: Command = {
  name: 'simulate',
  usage: ['simulate [--events N] [--seed S] [--users N] [--items N] [--rate R]'],
  about:
    'Writes the events of a made-up world to the topic clicks, in their order of arrival: users with tastes, items with planted click\n' +
    'rates, bots, one item that turns viral, and late events. The same options give the same events everywhere. With --json the truth\n' +
    'is printed: the planted click rate of each item, the bots, and the viral item.',
  options: {
    events: { value: 'N', what: 'how many events (default 100,000)' },
    seed: { value: 'S', what: 'seed of all chance (default 1)' },
    users: { value: 'N', what: 'users (default 2,000)' },
    items: { value: 'N', what: 'items (default 500)' },
    rate: { value: 'R', what: 'events per second of event time (default: the events cover one day)' },
    partitions: { value: 'N', what: 'partitions of the topic clicks when it is created (default 4)' },
  },
  operands: [0, 0],
  endsOnAbort: true,
  async run(call) {
    const world = worldOptions(call);
    const partitions = wholeNumber(call, 'partitions', 1, 10_000);
    const started = performance.now();
    const runtime = openEmbedded({ dataDir: call.dataDir, mode: 'write', owner: 'simulate' });
    const bar = progress({ label: 'simulating', total: world.events });
    try {
      const before = await recordsIn(runtime.log, 'clicks');
      if (before > 0) call.notice(`The topic clicks already has ${formatNumber(before)} records; these come behind them.`);
      const written = await writeEvents(arrivals(world), { log: runtime.log, registry: runtime.registry, input: 'simulate', partitions, abort: call.abort, onProgress: (n) => bar.update(n) });
      const { clickProbability: _, ...truth } = clickWorldTruth(world);
      bar.done();
      const wallS = Number(((performance.now() - started) / 1e3).toFixed(3));
      const { viral, bots } = truth;
      await call.output.print({ topic: 'clicks', partitions: written.partitions, events: written.events, seed: String(world.seed), wallS, ...truth }, () =>
        [
          `${formatNumber(written.events)} events to the topic clicks (${written.partitions} partitions) in ${formatDuration(wallS * 1e3)}`,
          `from ${new Date(truth.start).toISOString()} to ${new Date(truth.end).toISOString()}, ${formatNumber(truth.items.length)} items, ${bots.length} bots, ${formatNumber(truth.lateEvents)} events over two minutes late`,
          `${viral.itemId} turns viral at ${new Date(viral.from).toISOString()}: its click rate goes from ${viral.ctrBefore} to ${viral.ctrAfter}`,
        ].join('\n'),
      );
      return exitCodes.done;
    } finally {
      bar.done();
      await runtime.close();
    }
  },
};

function worldOptions(call: Call): ClickWorldOptions {
  const seed = call.options.get('seed') ?? '1';
  if (!/^-?\d{1,18}$/.test(seed)) throw usageError(call.command, `--seed is "${seed}"; give a whole number of at most 18 digits.`);
  const given = { users: wholeNumber(call, 'users', 1), items: wholeNumber(call, 'items', 1), rate: positiveNumber(call, 'rate') };
  const world: ClickWorldOptions = {
    events: wholeNumber(call, 'events', 0) ?? 100_000,
    seed: Number.isSafeInteger(Number(seed)) ? Number(seed) : BigInt(seed),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  try {
    planWorld(world);
  } catch (error) {
    if (error instanceof HeadraceError) throw usageError(call.command, error.message);
    throw error;
  }
  return world;
}

function* arrivals(world: ClickWorldOptions): Iterable<Imported> {
  for (const event of clickWorld(world)) yield { event };
}
