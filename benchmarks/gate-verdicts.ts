import { openHeadSessions } from '../learning/head-sessions.js';
import { type HeadState, newHead } from '../learning/head-state.js';
import { parameterLayout } from '../learning/head-shape.js';
import { reservoirThreshold } from '../learning/reservoir.js';
import { examplesOf, filtered, joined, type RowColumns } from '../learning/row-blocks.js';
import { judge } from '../learning/train-interval.js';
import { splitmix } from '../dataflow/splitmix.js';
import { driftingRows } from './drifting-rows.js';

const hour = 3_600_000;
/** Of each hour, the last part by which a candidate is judged (ms). */
const judgedMs = hour / 6;

/**
 * What the gate says of heads that were trained honestly and of heads with a planted fault, hour after hour in a world with drift: how many of each it passes, rejects and holds. Honest candidates that pass become champion.
 *
 * @param hours that candidates are made for, behind the first ten, which the first champion is trained on
 */
export async function* gateVerdicts({ hours, decisionsPerDay, seed }: { readonly hours: number; readonly decisionsPerDay: number; readonly seed: number }): AsyncIterable<Record<string, string | number>> {
  const { plan, hours: world, choices } = driftingRows({ days: Math.ceil((hours + 10) / 24), decisionsPerDay, seed });
  const { shape } = plan;
  const width = shape.inputs;
  const sessions = await openHeadSessions(shape, { providers: ['cpu'], clipNorm: plan.clipNorm });
  const train = async (from: HeadState, rows: RowColumns, how: { readonly learningRate?: number } = {}) => (await sessions.train(from, examplesOf(rows, shape), { ...plan.training, ...how, shuffleSeed: seed })).state;
  const random = splitmix(seed);
  let champion = await train(await train(newHead(shape, seed), joined(world.slice(0, 10), width)), joined(world.slice(0, 10), width));
  let history = joined(world.slice(0, 10), width);
  const counts = new Map<string, { passed: number; rejected: number; held: number }>();
  const refusing = new Map<string, number>();
  for (const [n, rows] of world.slice(10, 10 + hours).entries()) {
    const until = Date.UTC(2026, 0, 5) + (11 + n) * hour - judgedMs;
    const fresh = filtered(rows, (row) => rows.time[row]! < until);
    const judged = filtered(rows, (row) => rows.time[row]! >= until);
    const threshold = reservoirThreshold(history.draw, plan.reservoir);
    const old = filtered(history, (row) => history.draw[row]! <= threshold);
    const learned = joined([fresh, filtered(old, (row) => row % 4 === 0)], width);
    const unused = filtered(old, (row) => row % 4 !== 0 && row % 3 === 0);
    const honest = await train(champion, learned);
    const shuffled = learned.click.slice();
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    const candidates: Readonly<Record<string, { readonly state: HeadState; readonly trainedTo?: number }>> = {
      honest: { state: honest },
      'labels shuffled': { state: await train(champion, { ...learned, click: shuffled }) },
      'a feature zeroed': { state: withoutInput(honest, 0) },
      'learning rate × 100': { state: await train(champion, learned, { learningRate: 100 * (plan.training.learningRate ?? 1e-3) }) },
      'trained on the future': { state: await train(champion, joined([learned, judged], width)), trainedTo: judged.time.at(-1)! },
      'collapsed to popular': { state: await train(newHead(shape, seed + 1), onlyInput(learned, 0)) },
      'NaN weights': { state: { ...honest, parameters: honest.parameters.map((p, i) => (i === 100 ? Number.NaN : p)) } },
      'over-confident': { state: sharper(honest, 2) },
    };
    for (const [name, { state, trainedTo }] of Object.entries(candidates)) {
      const { verdict } = await judge(plan, sessions, { champion: { state: champion, negatives: 1 }, candidate: { state, negatives: 1 }, fresh, judged, known: joined([fresh, old], width), old: unused, trainedTo: trainedTo ?? fresh.time.at(-1)!, choices: choices[10 + n]! }, () => performance.now());
      const of = counts.get(name) ?? { passed: 0, rejected: 0, held: 0 };
      counts.set(name, of);
      of[verdict.verdict] += 1;
      if (name !== 'honest') continue;
      if (verdict.verdict === 'passed') champion = honest;
      for (const check of verdict.checks) if (check.verdict !== 'passed') refusing.set(check.name, (refusing.get(check.name) ?? 0) + 1);
    }
    history = joined([history, rows], width);
  }
  await sessions.close();
  for (const [candidate, of] of counts) yield { benchmark: 'gate', candidate, hours, decisionsPerDay, seed, ...of, ...(candidate === 'honest' ? { refusedBy: Array.from(refusing, ([check, n]) => `${check} ${n}`).join(', ') } : {}) };
}

/** The head with the weights of an input at 0: as if the feature did not come any more. */
function withoutInput(head: HeadState, input: number): HeadState {
  const first = parameterLayout(head.shape).blocks[0]!;
  const units = first.dims[1]!;
  return { ...head, parameters: head.parameters.map((p, i) => (i >= first.from + input * units && i < first.from + (input + 1) * units ? 0 : p)) };
}

function onlyInput(rows: RowColumns, input: number): RowColumns {
  return { ...rows, features: rows.features.map((x, i) => (i % rows.width === input ? x : 0)) };
}

/** The head with logits that are so many times as large, around their mean of about -1.3. */
function sharper(head: HeadState, by: number): HeadState {
  const { blocks } = parameterLayout(head.shape);
  const [weights, bias] = blocks.slice(-2) as [(typeof blocks)[number], (typeof blocks)[number]];
  return { ...head, parameters: head.parameters.map((p, i) => (i >= weights.from && i < weights.from + weights.length ? by * p : i === bias.from ? by * p + 1.3 * (by - 1) : p)) };
}
