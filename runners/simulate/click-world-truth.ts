import { itemId, userId } from './click-world.js';
import { clickProbability, lateFrom, worldColumns } from './world-columns.js';
import { categories, planWorld, type BotKind, type ClickWorldOptions } from './world-plan.js';

export interface ClickWorldTruth {
  /** First event time and the end of the world (epoch ms); events lie in [start, end). */
  readonly start: number;
  readonly end: number;
  /** The planted click-through rate over all people and positions; bots do not count. */
  readonly items: readonly { readonly itemId: string; readonly category: string; readonly durationMs: number; readonly ctr: number; readonly popularity: number }[];
  /** `periodMs` is exact for `regular`, a mean for the others; `from` is epoch ms. */
  readonly bots: readonly { readonly userId: string; readonly kind: BotKind; readonly events: number; readonly from: number; readonly periodMs: number }[];
  /** From `from` (epoch ms) on, the item's CTR and share of the impressions jump. */
  readonly viral: {
    readonly itemId: string;
    readonly from: number;
    readonly ctrBefore: number;
    readonly ctrAfter: number;
    readonly shareBefore: number;
    readonly shareAfter: number;
  };
  /** Events by people. */
  readonly humanEvents: number;
  /** Events that arrive 2 to 10 minutes after they happened, and those that arrive 1 ms to 20 s after. */
  readonly lateEvents: number;
  readonly jitteredEvents: number;
  /** Planted probability that an impression shown to a person is clicked; `timestamp` in epoch ms. */
  readonly clickProbability: (impression: { readonly userId: string; readonly itemId: string; readonly position: number; readonly timestamp: number }) => number;
}

/** What `clickWorld` with the same options has planted. Plays the world once to count. Errors: HR_ARGUMENT. */
export function clickWorldTruth(options: ClickWorldOptions): ClickWorldTruth {
  const plan = planWorld(options);
  const { start, viral } = plan;
  let lateEvents = 0;
  let jitteredEvents = 0;
  for (const { count, delay } of worldColumns(plan)) {
    for (let r = 0; r < count; r++) {
      if (delay[r]! >= lateFrom) lateEvents++;
      else if (delay[r]! > 0) jitteredEvents++;
    }
  }
  const share = plan.popularity[viral.item]!;
  return {
    start,
    end: start + plan.duration,
    items: Array.from({ length: plan.items }, (_, i) => ({
      itemId: itemId(i),
      category: categories[plan.category[i]!]!,
      durationMs: plan.itemDuration[i]!,
      ctr: plan.ctr[i]!,
      popularity: plan.popularity[i]!,
    })),
    bots: plan.bots.map((b) => ({ userId: userId(b.user), kind: b.kind, events: b.events, from: start + b.from, periodMs: b.period })),
    viral: {
      itemId: itemId(viral.item),
      from: start + viral.from,
      ctrBefore: plan.ctr[viral.item]!,
      ctrAfter: viral.ctr,
      shareBefore: share,
      shareAfter: share + viral.extraShare * (1 - share),
    },
    humanEvents: plan.humanEvents,
    lateEvents,
    jitteredEvents,
    clickProbability: (i) => clickProbability(plan, Number(i.userId.slice(1)), Number(i.itemId.slice(1)), i.position, i.timestamp - start),
  };
}
