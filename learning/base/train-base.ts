import { HeadraceError } from '../../dataflow/errors.js';
import type { GateCheck, GateVerdict } from '../gate.js';
import { type Bag, bagsOf } from './bags.js';
import { type Base, decodeBase, encodeBase } from './base.js';
import { type BasePlan, bagsOfPlan } from './base-plan.js';
import { inOrder, type Interaction } from './interactions.js';
import { largestOf, recallOf } from './recall.js';
import type { TowerPairs, TowerSessions } from './tower-sessions.js';
import type { TowerShape } from './tower-shape.js';
import { newTowers, type TowerState } from './tower-state.js';
import { tokensOf, vocabularyOf, type Vocabulary } from './vocabulary.js';

/** What a training of the base gave. */
export interface TrainedBase {
  readonly bytes: Uint8Array;
  readonly base: Base;
  /** By the newest interactions, which it has not learned: recall at 20 of this one, of the one before, and of what is popular; and what it was made of. */
  readonly metrics: Readonly<Record<string, number>>;
  /** undefined: nothing was kept to judge it by. */
  readonly verdict: GateVerdict | undefined;
}

/** What opens towers. */
export type OpenTowers = (shape: TowerShape, plan: BasePlan) => Promise<TowerSessions>;

/** Users by which a base is judged at least. */
export const leastJudgedUsers = 20;
/** Items of which a base is judged by how many were chosen. */
const among = 20;

/**
 * Trains a base on interactions: a pair of towers, then the embeddings of all users and items that it has seen.
 *
 * *Details*: a pair is what a user chose, and what the same user had chosen before, so that nothing is learned from the future. Items are drawn into batches as often as they were chosen, so the correction is by exact
 * counts. Vectors begin as those of the base before, where it has the token. The newest interactions are not learned: the base is judged by them: against the base before, or, where it is the first, against chance. What is popular is told beside it, and is no limit: a base is there for what differs between users. The same
 * interactions give the same bytes on the CPU, whatever their order.
 *
 * Source: X. Yi et al., "Sampling-bias-corrected neural modeling for large corpus item recommendations", RecSys 2019; the history as a bag: P. Covington et al., "Deep neural networks for YouTube recommendations", RecSys 2016.
 *
 * @param before the base that the vectors go on from
 * @throws HR_EXAMPLES too few interactions to learn from, or to judge by; HR_ARGUMENT, HR_ONNX
 */
export async function trainBase(plan: BasePlan, open: OpenTowers, interactions: readonly Interaction[], before?: Base): Promise<TrainedBase> {
  const all = inOrder(interactions);
  const [learned, judged] = [all.slice(0, all.length - Math.floor(plan.judged * all.length)), all.slice(all.length - Math.floor(plan.judged * all.length))];
  if (learned.length < 2) throw new HeadraceError('HR_EXAMPLES', `${learned.length} interactions are too few to learn from.`, { remedy: 'Take a longer stretch of time.' });
  const vocabulary = vocabularyOf(tokensOf(learned, plan), plan);
  const shape: TowerShape = { tokens: vocabulary.names.length, width: plan.width, hidden: plan.hidden, bag: bagsOfPlan(plan) };
  const { pairs, users, items } = pairsOf(learned, vocabulary);
  const sessions = await open(shape, plan);
  try {
    const { state, losses } = await sessions.train(goneOn(newTowers(shape, vocabulary.names, plan.seed), vocabulary.names, before), pairs, { ...plan.training, shuffleSeed: plan.seed });
    if (!losses.every(Number.isFinite)) throw new HeadraceError('HR_EXAMPLES', 'The loss of the base is no number any more.', { remedy: 'Take a smaller learning rate, or a larger temperature.' });
    const bytes = encodeBase({
      ...(({ model, width, history, recency, temperature }) => ({ model, width, history, recency, temperature }))(plan),
      trainedTo: learned.at(-1)!.time,
      users: { ids: users.ids, values: await sessions.embed(state.parameters, 'user', bagsOf(users.bags)) },
      items: { ids: items.ids, values: await sessions.embed(state.parameters, 'item', bagsOf(items.bags)) },
      tokens: vocabulary.names,
      shape,
      parameters: state.parameters,
    });
    const base = decodeBase(bytes);
    const facts = { interactions: learned.length, users: users.ids.length, items: items.ids.length, tokens: vocabulary.names.length, loss: mean(losses.subarray(-pairsSteps(pairs, plan))), trainedTo: base.trainedTo };
    if (plan.judged === 0) return { bytes, base, metrics: facts, verdict: undefined };
    const { metrics, verdict } = judgedBy(base, before, learned, judged);
    return { bytes, base, metrics: { ...facts, ...metrics }, verdict };
  } finally {
    await sessions.close();
  }
}

function pairsSteps({ length }: TowerPairs, { training }: BasePlan): number {
  return Math.ceil(length / (training.batch ?? 256));
}

/** Pairs in the order of time, and the bags of all users and items as they are at the end. */
export function pairsOf(learned: readonly Interaction[], vocabulary: Vocabulary): { readonly pairs: TowerPairs; readonly users: { readonly ids: readonly string[]; readonly bags: readonly Bag[] }; readonly items: { readonly ids: readonly string[]; readonly bags: readonly Bag[] } } {
  const items = new Map<string, { readonly bag: Bag; count: number }>();
  // Its last description is that of an item.
  for (const x of learned) items.set(x.item, { bag: vocabulary.itemBag(x), count: (items.get(x.item)?.count ?? 0) + 1 });
  const ids = [...items.keys()].sort();
  const rows = new Map(ids.map((id, row) => [id, row]));
  const chosen = new Map<string, { time: number; before: string[]; now: string[] }>();
  const bags: Bag[] = [];
  const item: number[] = [];
  for (const x of learned) {
    const user = chosen.get(x.user) ?? { time: x.time, before: [], now: [] };
    chosen.set(x.user, user);
    // What was chosen at the same moment is not known yet.
    if (user.time < x.time) user.before.push(...user.now.splice(0));
    user.time = x.time;
    user.now.push(x.item);
    const bag = vocabulary.userBag(x.user, user.before);
    if (bag.length === 0 || items.get(x.item)!.bag.length === 0) continue;
    bags.push(bag);
    item.push(rows.get(x.item)!);
  }
  const paired = new Float64Array(ids.length);
  for (const row of item) paired[row]! += 1;
  // One that is in no pair is in no batch either: any finite number will do.
  const logQ = Float32Array.from(paired, (n) => Math.log(Math.max(1, n) / Math.max(1, item.length)));
  const names = [...chosen.keys()].sort();
  return {
    pairs: { length: item.length, users: bagsOf(bags), items: bagsOf(ids.map((id) => items.get(id)!.bag)), item: Int32Array.from(item), logQ },
    users: { ids: names, bags: names.map((id) => vocabulary.userBag(id, [...chosen.get(id)!.before, ...chosen.get(id)!.now])) },
    items: { ids, bags: ids.map((id) => items.get(id)!.bag) },
  };
}

/** Towers whose vectors go on from those of the base before, where it has the token and its vectors are as wide. */
function goneOn(state: TowerState, names: readonly string[], before: Base | undefined): TowerState {
  if (before === undefined || before.width !== state.shape.width || before.shape.hidden.join() !== state.shape.hidden.join()) return state;
  const { width } = before;
  const rows = new Map(before.tokens.map((name, row) => [name, row]));
  const parameters = state.parameters.slice();
  names.forEach((name, row) => {
    const old = rows.get(name);
    if (old !== undefined) parameters.set(before.parameters.subarray(old * width, (old + 1) * width), row * width);
  });
  parameters.set(before.parameters.subarray(before.tokens.length * width), names.length * width);
  return { ...state, parameters };
}

/** Recall by what was chosen after all that was learned, of users that were known then. */
function judgedBy(base: Base, before: Base | undefined, learned: readonly Interaction[], judged: readonly Interaction[]): { readonly metrics: Readonly<Record<string, number>>; readonly verdict: GateVerdict } {
  const popularity = new Map<string, number>();
  const known = new Map<string, Set<string>>();
  for (const { user, item } of learned) {
    popularity.set(item, (popularity.get(item) ?? 0) + 1);
    (known.get(user) ?? known.set(user, new Set()).get(user)!).add(item);
  }
  const wanted = new Map<string, Set<string>>();
  for (const { user, item } of judged) {
    if (!known.has(user) || known.get(user)!.has(item) || !popularity.has(item)) continue;
    (wanted.get(user) ?? wanted.set(user, new Set()).get(user)!).add(item);
  }
  if (wanted.size < leastJudgedUsers) throw new HeadraceError('HR_EXAMPLES', `${wanted.size} users that were known have chosen something new that was known; a base is judged by at least ${leastJudgedUsers}.`, { remedy: 'Take a longer stretch of time, or let the plan say `judged: 0`.' });
  const popular = Float32Array.from(base.items.ids, (id) => popularity.get(id)!);
  const recalls = (scores: (user: string) => { readonly ids: readonly string[]; readonly scores: Float32Array }): Float64Array =>
    Float64Array.from(wanted, ([user, items]) => {
      const { ids, scores: of } = scores(user);
      const best = largestOf(of, among, (row) => !known.get(user)!.has(ids[row]!));
      return recallOf(Array.from(best, (row) => ids[row]!), items, among);
    });
  const byBase = (of: Base) => recalls((user) => ({ ids: of.items.ids, scores: productsWith(of, of.users.row(user)) }));
  const own = byBase(base);
  const byPopularity = recalls(() => ({ ids: base.items.ids, scores: popular }));
  const champion = before && byBase(before);
  const check = champion === undefined ? aboveChance(own, Float64Array.from(wanted.keys(), (user) => Math.min(1, among / (base.items.ids.length - known.get(user)!.size)))) : notLess(own, champion);
  return {
    metrics: { [`recallAt${among}`]: mean(own), [`popularRecallAt${among}`]: mean(byPopularity), ...(champion === undefined ? {} : { [`championRecallAt${among}`]: mean(champion) }), judgedUsers: wanted.size },
    verdict: { verdict: check.verdict, checks: [check] },
  };
}

/** ⟨user, item⟩ for all items; zeros for a user that is not known. Cost: items × width. */
function productsWith({ users, items, width }: Base, row: number): Float32Array {
  const products = new Float32Array(items.ids.length);
  if (row < 0) return products;
  for (let i = 0; i < products.length; i++) {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += users.values[row * width + k]! * items.values[i * width + k]!;
    products[i] = sum;
  }
  return products;
}

/** Mean of differences, and the half of its 95 % interval. */
function differenceOf(own: Float64Array, other: Float64Array): readonly [mean: number, half: number] {
  const differences = own.map((x, i) => x - other[i]!);
  const difference = mean(differences);
  const variance = differences.reduce((sum, d) => sum + (d - difference) ** 2, 0) / Math.max(1, differences.length - 1);
  return [difference, 1.96 * Math.sqrt(variance / differences.length)];
}

function notLess(own: Float64Array, champion: Float64Array): GateCheck {
  const [difference, half] = differenceOf(own, champion);
  const why = `it is ${mean(own).toFixed(4)}, that of the champion ${mean(champion).toFixed(4)}; the difference is from ${(difference - half).toFixed(4)} to ${(difference + half).toFixed(4)} over ${own.length} users`;
  return { name: `recall at ${among}`, value: difference, limit: 'not below the champion, beyond chance', verdict: difference + half < 0 ? 'rejected' : 'passed', why };
}

function aboveChance(own: Float64Array, chance: Float64Array): GateCheck {
  const [difference, half] = differenceOf(own, chance);
  const why = `it is ${mean(own).toFixed(4)} over ${own.length} users, and ${mean(chance).toFixed(4)} by chance`;
  return { name: `recall at ${among}`, value: difference, limit: 'above chance', verdict: difference - half > 0 ? 'passed' : 'rejected', why };
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return values.length === 0 ? 0 : sum / values.length;
}
