import { embeddedFeatures } from '../../connectors/embedded/embedded-features.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { servedClickFeatures } from '../../pipelines/served-click-features.js';
import { epsilonGreedy } from '../../serving/explore/epsilon-greedy.js';
import type { Imported } from '../import/importer.js';
import { writeEvents } from '../import/write-events.js';
import { openRuntime } from '../open-runtime.js';
import { clickWorld } from '../simulate/click-world.js';
import { clickWorldTruth } from '../simulate/click-world-truth.js';
import { decisionWorld, policyValue, type WorldItem } from '../simulate/decision-world.js';
import { positions } from '../simulate/world-columns.js';
import { planWorld, type ClickWorldOptions } from '../simulate/world-plan.js';
import { withFeatures } from '../simulate/with-features.js';
import { writeDecisions } from '../simulate/write-decisions.js';
import { formatDuration, formatNumber } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { positiveNumber, usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { recordsIn } from './import.js';

/** `headrace simulate`: a click world with known truth. */
export const simulate: Command = {
  name: 'simulate',
  usage: ['simulate [--events N] [--seed S] [--users N] [--items N] [--rate R]', 'simulate --decisions N [--epsilon E] [--slots N] [--candidates N] [--drift S | --features]'],
  about:
    'Writes the events of a made-up world to the topic clicks, in their order of arrival: users with tastes, items with planted click\n' +
    'rates, bots, one item that turns viral, and late events. The same options give the same events everywhere. With --json the truth\n' +
    'is printed: the planted click rate of each item, the bots, and the viral item.\n\n' +
    'With --decisions the world is asked instead of watched: an epsilon-greedy policy chooses among candidates for its people, and what it chose\n' +
    'and what they clicked goes to the topics decisions and outcomes. What this and some other policies are worth there, in clicks a decision, is printed: an\n' +
    'evaluation of the log can be held against it. With --features they log what click-features has kept of users and items, looked up as of\n' +
    'each decision, for feature-skew to check: run `simulate` and `run click-features --bounded` before.',
  options: {
    events: { value: 'N', what: 'how many events (default 100,000)' },
    seed: { value: 'S', what: 'seed of all chance (default 1)' },
    users: { value: 'N', what: 'users (default 2,000)' },
    items: { value: 'N', what: 'items (default 500)' },
    decisions: { value: 'N', what: 'how many decisions to log, instead of events' },
    epsilon: { value: 'E', what: 'share of slots in which the policy that is logged shows any candidate (default 0.2)' },
    slots: { value: 'N', what: 'positions that a decision fills (default 1)' },
    candidates: { value: 'N', what: 'items among which a decision chooses (default 10)' },
    drift: { value: 'S', what: 'how much what people like changes from hour to hour, from 0 to 1; candidates then have the features that head-training learns from (default 0)' },
    features: { what: 'decisions log features that click-features has kept in the data directory' },
    rate: { value: 'R', what: 'events or decisions per second of event time (default: they cover one day)' },
    partitions: { value: 'N', what: 'partitions of topics when they are created (default 4)' },
  },
  operands: [0, 0],
  endsOnAbort: true,
  async run(call) {
    if (call.options.has('decisions')) return simulateDecisions(call);
    for (const name of ['epsilon', 'slots', 'candidates', 'drift', 'features']) if (call.options.has(name)) throw usageError(call.command, `--${name} goes with --decisions.`);
    const world = worldOptions(call, wholeNumber(call, 'events', 0) ?? 100_000);
    const partitions = wholeNumber(call, 'partitions', 1, 10_000);
    const started = performance.now();
    const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'write', owner: 'simulate', warn: call.notice });
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

/** Decisions that the printed values are means over. */
const valueSamples = 20_000;

async function simulateDecisions(call: Call): Promise<number> {
  if (call.options.has('events')) throw usageError(call.command, 'Give --events or --decisions, not both.');
  const decisions = wholeNumber(call, 'decisions', 1)!;
  const { events: _, ...laidOut } = worldOptions(call, decisions);
  const epsilon = share(call, 'epsilon') ?? 0.2;
  const slots = wholeNumber(call, 'slots', 1, positions) ?? 1;
  const candidates = wholeNumber(call, 'candidates', 1, laidOut.items ?? 500);
  const partitions = wholeNumber(call, 'partitions', 1, 10_000);
  const drift = share(call, 'drift');
  const isLookedUp = call.options.has('features');
  if (isLookedUp && drift !== undefined) throw usageError(call.command, 'Give --drift or --features, not both: they log other inputs.');
  const policyOf = (epsilon: number) => epsilonGreedy<WorldItem>({ epsilon, slots, id: 'simulated' });
  const world = { ...laidOut, decisions, ...(candidates === undefined ? {} : { candidates }), ...(drift === undefined ? {} : { drift }) };
  const started = performance.now();
  const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'write', owner: 'simulate', warn: call.notice });
  const bar = progress({ label: 'simulating', total: decisions });
  try {
    for (const name of ['decisions', 'outcomes']) {
      const before = await recordsIn(runtime.log, name);
      if (before > 0) call.notice(`The topic ${name} already has ${formatNumber(before)} records; these come behind them, and with the same seed under the same ids.`);
    }
    const decided = decisionWorld({ ...world, policy: policyOf(epsilon) });
    const { value: _, ...written } = await writeDecisions(isLookedUp ? withFeatures(decided, embeddedFeatures(runtime.state, 'click-features'), servedClickFeatures) : decided, { ...runtime, partitions, abort: call.abort, onProgress: (n) => bar.update(n) });
    const values = Object.fromEntries(
      Object.entries({ logged: policyOf(epsilon), uniform: policyOf(1), greedy: policyOf(0), 'epsilon-greedy:0.05': policyOf(0.05) }).map(([name, policy]) => [name, policyValue({ ...world, policy, samples: valueSamples })]),
    );
    bar.done();
    const wallS = Number(((performance.now() - started) / 1e3).toFixed(3));
    await call.output.print({ topics: ['decisions', 'outcomes'], ...written, seed: String(world.seed), epsilon, slots, wallS, values }, () =>
      [
        `${formatNumber(written.decisions)} decisions to the topic decisions, ${formatNumber(written.outcomes)} outcomes to the topic outcomes (${written.partitions} partitions) in ${formatDuration(wallS * 1e3)}`,
        `epsilon-greedy with epsilon ${epsilon}, ${candidates ?? 10} candidates, ${slots} slot${slots === 1 ? '' : 's'}; clicks a decision: ${(written.clicks / decisions).toFixed(4)}`,
        `true values, in clicks a decision: ${Object.entries(values).map(([name, { value }]) => `${name} ${value.toFixed(4)}`).join(', ')}`,
      ].join('\n'),
    );
    return exitCodes.done;
  } finally {
    bar.done();
    await runtime.close();
  }
}

/** A number from 0 to 1 given with an option, or undefined. */
function share(call: Call, name: string): number | undefined {
  const text = call.options.get(name);
  if (text === undefined) return undefined;
  if (/^(0|1|0?\.\d+|1\.0+|0\.0+)$/.test(text)) return Number(text);
  throw usageError(call.command, `--${name} is "${text}"; give a number from 0 to 1.`);
}

function worldOptions(call: Call, events: number): ClickWorldOptions {
  const seed = call.options.get('seed') ?? '1';
  if (!/^-?\d{1,18}$/.test(seed)) throw usageError(call.command, `--seed is "${seed}"; give a whole number of at most 18 digits.`);
  const given = { users: wholeNumber(call, 'users', 1), items: wholeNumber(call, 'items', 1), rate: positiveNumber(call, 'rate') };
  const world: ClickWorldOptions = {
    events,
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
