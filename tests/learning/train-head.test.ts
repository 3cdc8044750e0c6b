/*
 * The training of a head as a pipeline: the same intervals, versions and weights whatever the order, the cut and the restarts; bad input holds it and never the champion.
 */
import { describe, expect, test } from 'vitest';
import type { GateVerdict } from '../../learning/gate.js';
import type { HeadPlan, HeadPlanOptions } from '../../learning/head-plan.js';
import { encodeHead, newHead } from '../../learning/head-state.js';
import { drawOf } from '../../learning/reservoir.js';
import { models } from '../../learning/models.js';
import { openModelRegistry } from '../../learning/model-registry.js';
import type { IntervalTrainer } from '../../learning/train-head.js';
import { trainingIntervals } from '../../learning/training-intervals.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { memoryRuntime, runPipeline, type RunPipelineOptions } from '../../runners/testing/index.js';
import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';
import { hasOnnx } from '../connectors/onnx-here.js';
import { decisionsOf, headTrainingJob, smallPlan, trainerHere } from './head-training-job.js';

const hour = 3_600_000;
const plan = smallPlan();
const day = decisionsOf(6);

async function trained(decisions: readonly LoggedDecision[] | readonly (readonly LoggedDecision[])[], options: RunPipelineOptions & { readonly plan?: HeadPlan; readonly trainer?: (plan: HeadPlan) => Promise<IntervalTrainer> } = {}) {
  const run = await runPipeline(headTrainingJob(options.plan ?? plan, options.trainer), { ...options, inputs: { 'logged-decisions': decisions } });
  return { run, intervals: run.values(trainingIntervals), events: run.values(models) };
}

/** Decisions of the hour with that number from the start. */
const inHour = (n: number, change: (decision: LoggedDecision, i: number) => LoggedDecision) => day.map((d, i) => (Math.floor((d.time - day[0]!.time) / hour) === n ? change(d, i) : d));
const clickedAll = (d: LoggedDecision, clicked: boolean): LoggedDecision => ({ ...d, outcomes: d.outcomes.map((o) => ({ ...o, parts: { click: Number(clicked) } })) });

describe.skipIf(!hasOnnx)('head-training', () => {
  const calm = hasOnnx ? trained(day) : undefined;

  test('scores each hour with the champion before a candidate learns from it, and makes it champion when it passes', async () => {
    const { intervals, events } = await calm!;
    expect(intervals.map((i) => i.start)).toEqual(Array.from({ length: 6 }, (_, h) => Date.UTC(2026, 0, 5, 12 + h)));
    expect(intervals.reduce((sum, i) => sum + i.examples, 0)).toBe(3 * day.length);
    const passed = intervals.filter((i) => i.verdict === 'PASSED');
    expect(passed.length).toBeGreaterThanOrEqual(4);
    // the champion of an hour is what the hour before it made
    intervals.forEach((interval, i) => {
      const before = intervals.slice(0, i).findLast((p) => p.verdict === 'PASSED');
      expect(interval.champion).toBe(before?.candidate ?? null);
      expect(interval.auc === null).toBe(before === undefined);
    });
    expect(intervals.at(-1)!.auc!).toBeGreaterThan(0.6);
    // from the second training on a fifth of what is learned comes from the reservoir, as far as it goes
    const later = passed.at(-1)!;
    expect(later.replayed).toBe(Math.min(1_500, Math.round((later.learned - later.replayed) / 4)));
    // each champion's registration names what it learned from, and its parent
    const crowned = events.filter((e) => e.stage === 'CHAMPION');
    expect(crowned.map((e) => e.version)).toEqual(passed.map((i) => i.candidate));
    expect(crowned.slice(1).map((e) => e.parent)).toEqual(crowned.slice(0, -1).map((e) => e.version));
    expect(Object.values(crowned.at(-1)!.inputs)).toEqual([day.length]);
  });

  test('the registry reads what the pipeline has written, and its artefacts', async () => {
    const { run } = await calm!;
    const registry = await openModelRegistry({ ...run.runtime, clock: { now: () => 0 } });
    const champion = registry.champion('head')!;
    expect(registry.list('head').filter((v) => v.stage === 'champion')).toEqual([champion]);
    expect((await registry.artefact(champion)).length).toBe(champion.bytes);
  });

  test.each([
    { stepRows: 7, commitMs: 0 },
    { stepRows: 100, commitMs: 0, restarts: { seed: 1, share: 0.2 } },
    { stepRows: 1_000, commitMs: 0, restarts: { seed: 2, share: 0.5 } },
  ])('the same bytes in steps of $stepRows, cut off by $restarts', async (form) => {
    const [disturbed, quiet] = [await trained(day, form), await calm!];
    expect(disturbed.intervals).toEqual(quiet.intervals);
    expect(disturbed.events).toEqual(quiet.events);
  });

  test('the same weights from four partitions as from one', async () => {
    const [spread, quiet] = [await trained(day, { partitions: 4 }), await calm!];
    expect(spread.intervals).toEqual(quiet.intervals);
    expect(spread.events.map((e) => e.artefact)).toEqual(quiet.events.map((e) => e.artefact));
  });

  test('thinned examples without a click give calibrated scores', async () => {
    const { intervals } = await trained(day, { plan: smallPlan({ negatives: 0.4 }) });
    const last = intervals.filter((i) => i.auc !== null);
    const [predicted, seen] = [last.reduce((s, i) => s + i.calibration! * i.clicks, 0), last.reduce((s, i) => s + i.clicks, 0)];
    expect(predicted / seen).toBeGreaterThan(0.85);
    expect(predicted / seen).toBeLessThan(1.15);
    expect(last.at(-1)!.learned).toBeLessThan(0.75 * last.at(-1)!.examples);
  });

  describe('bad input', () => {
    test('decisions with a missing, a wrong number of, or no numbers as features are set aside', async () => {
      const bad = (d: LoggedDecision, features: readonly number[]) => ({ ...d, candidates: d.candidates.map((c) => ({ ...c, features })) });
      const wrong = [{ ...day[0]!, context: {} }, bad(day[1]!, [1, 2]), bad(day[2]!, Array.from({ length: 10 }, () => Number.NaN))];
      const { run, intervals } = await trained([...wrong, ...day.slice(3, 1_400)]);
      expect(run.deadLetters.map((l) => l.headers['hr-code'])).toEqual(['HR_EXAMPLES', 'HR_EXAMPLES', 'HR_EXAMPLES']);
      expect(run.warnings.join()).toMatch(/HR_EXAMPLES {2}Decision d7.0-2: the feature "score" of i\d+ is NaN/);
      expect(intervals[0]!.examples).toBe(3 * 1_397);
    });

    test.each([
      { name: 'all-positive', clicked: true },
      { name: 'all-negative', clicked: false },
    ])('an $name hour is held by the label rate and not learned from, now or later', async ({ clicked }) => {
      const [{ intervals }, quiet] = [await trained(inHour(3, (d) => clickedAll(d, clicked))), await calm!];
      expect(intervals[3]).toMatchObject({ verdict: 'HELD', rows: 'DROPPED', candidate: null, champion: quiet.intervals[3]!.champion });
      expect(intervals[3]!.reason).toMatch(/^label rate: /);
      // the end of the hour is left for the next one, and is not enough to hold that
      expect(intervals[4]!.champion).toBe(intervals[3]!.champion);
    });

    test('an empty hour leaves no line; one with ten examples is held, and its examples are learned with the next', async () => {
      const { intervals } = await trained(day.filter((d, i) => {
        const h = Math.floor((d.time - Date.UTC(2026, 0, 5, 12)) / hour);
        return h !== 2 && (h !== 3 || i % 300 === 0);
      }));
      expect(intervals.map((i) => (i.start - Date.UTC(2026, 0, 5, 12)) / hour)).toEqual([0, 1, 3, 4, 5]);
      expect(intervals[2]).toMatchObject({ verdict: 'HELD', rows: 'CARRIED', candidate: null });
      expect(intervals[2]!.examples).toBeLessThan(20);
      expect(intervals[2]!.reason).toContain('examples to judge by were clicked');
      // what was left of the hours before is learned with it
      expect(intervals[3]!.learned - intervals[3]!.replayed).toBeGreaterThan((intervals[3]!.examples * 5) / 6 + intervals[2]!.examples / 2);
    });

    test('a champion of another layout, and one whose bytes were changed, hold the candidate', async () => {
      const runtime = memoryRuntime();
      await trained(day.slice(0, 2_900), { runtime });
      const registry = await openModelRegistry({ ...runtime, clock: { now: () => day[2_900]!.time } });
      const other = await registry.register('head', { artefact: encodeHead(newHead({ inputs: 3, hidden: [4], outputs: ['click'] }, 1)) });
      await registry.promote('head', other.version, 'champion');
      const held = await trained(day.slice(2_900, 5_600), { runtime });
      expect(held.intervals.at(-1)).toMatchObject({ verdict: 'HELD', rows: 'CARRIED', champion: other.version });
      expect(held.intervals.at(-1)!.reason).toMatch(/champion: HR_MODEL: version \d+ has 3 inputs/);
      expect(held.events.at(-1)!.version).toBe(other.version);

      const changed: typeof runtime = { ...runtime, artefacts: { ...runtime.artefacts, get: () => Promise.reject(new HeadraceError('HR_MODEL_CORRUPT', 'It has other bytes than were stored.')) } };
      const corrupt = await trained(day.slice(5_600, 7_000), { runtime: changed });
      expect(corrupt.intervals.at(-1)!.reason).toContain('HR_MODEL_CORRUPT');
      expect(corrupt.intervals.at(-1)!.verdict).toBe('HELD');
    });

    test('a full disk stops the run; it goes on from there to the same result', async () => {
      const runtime = memoryRuntime();
      let puts = 0;
      const full = { ...runtime, artefacts: { ...runtime.artefacts, put: (bytes: Uint8Array) => (++puts === 3 ? Promise.reject(new HeadraceError('HR_DISK_FULL', 'No space left.')) : runtime.artefacts.put(bytes)) } };
      await expect(trained(day, { runtime: full })).rejects.toThrow(expect.objectContaining({ code: 'HR_DISK_FULL' }));
      const after = await trained([], { runtime });
      expect(after.events).toEqual((await calm!).events);
    });
  });

  describe('versions', () => {
    test('go through shadow and canary, an interval each, before they are champion', async () => {
      const { intervals, events } = await trained(day, { plan: smallPlan({ rollout: ['shadow', 'canary'], canaryShare: 0.2 }) });
      const first = intervals.find((i) => i.verdict === 'PASSED')!.candidate;
      // without a champion nothing can be compared: the stages of the first one wait for no interval, but a champion is needed to judge them
      expect(events.filter((e) => e.version === first).map((e) => e.stage)).toEqual(['CANDIDATE', 'CHAMPION', 'RETIRED']);
      const second = intervals.filter((i) => i.verdict === 'PASSED')[1]!.candidate;
      expect(events.filter((e) => e.version === second).map((e) => [e.stage, e.share]).slice(0, 4)).toEqual([['CANDIDATE', 0], ['SHADOW', 0], ['CANARY', 0.2], ['CHAMPION', 0]]);
      // each was trained from the newest one on its way
      const registered = events.filter((e) => e.kind === 'REGISTERED' && e.stage === 'CANDIDATE');
      expect(registered.slice(1).map((e) => e.parent)).toEqual(registered.slice(0, -1).map((e) => e.version));
    });

    test('a canary whose share of the users clicks less is retired by itself, and one that is clicked as often becomes champion', async () => {
      const canary = smallPlan({ rollout: ['canary'], canaryShare: 0.25 });
      const [first, second] = [1, 2];
      /** The third hour is served by the champion, and to a quarter of the users by the canary; so much of what it showed is clicked. */
      const served = (share: number) =>
        inHour(2, (d) => {
          if (drawOf(d.userId) % 4 >= 1) return { ...d, modelVersion: String(first) };
          return { ...d, modelVersion: String(second), outcomes: d.outcomes.map((o, slot) => (drawOf(`${d.decisionId} ${slot}`) % 100 < 100 * share ? o : { ...o, parts: { click: 0 } })) };
        }).slice(0, 4_200);
      const stages = async (share: number) => (await trained(served(share), { plan: canary })).events.filter((e) => e.version === second);
      const dropped = await stages(0.4);
      expect(dropped.map((e) => e.stage)).toEqual(['CANDIDATE', 'CANARY', 'RETIRED']);
      expect(dropped.at(-1)!.reason).toMatch(/^\d+\.\d\d % of what it served was clicked, \d+\.\d\d % of what the champion served: \d+\.\d standard errors$/);
      expect((await stages(1)).map((e) => e.stage).slice(0, 3)).toEqual(['CANDIDATE', 'CANARY', 'CHAMPION']);
    });

    test('a champion that is surely worse than the one before gives its place back by itself, and what was trained from it goes too', async () => {
      // The gate is blind here: it lets a champion pass that has learned nothing but noise.
      const blind = smallPlan({ gate: { leastClicks: 25, entropy: 0.01, calibration: [0, 99], slope: [-99, 99], replayEntropy: 9, segmentEntropy: 9, auc: 1, stability: 99, coverage: 0 } });
      let n = 0;
      const poisoned = async (p: HeadPlan): Promise<IntervalTrainer> => {
        const trainer = await trainerHere(p);
        return {
          close: trainer.close,
          async interval(plan, task) {
            const outcome = await trainer.interval(plan, task);
            n += 1;
            return n === 3 ? { ...outcome, verdict: { verdict: 'passed', checks: [] }, rows: 'learned', head: { ...outcome.head!, bytes: encodeHead(newHead(p.shape, 99)) } } : outcome;
          },
        };
      };
      const { events, intervals } = await trained(day, { plan: blind, trainer: poisoned });
      const bad = intervals[2]!.candidate;
      const story = events.filter((e) => e.version === bad || (e.stage === 'CHAMPION' && e.version === intervals[2]!.champion)).map((e) => [e.version, e.stage]);
      expect(story).toEqual([[intervals[2]!.champion, 'CHAMPION'], [bad, 'CANDIDATE'], [bad, 'CHAMPION'], [bad, 'RETIRED'], [intervals[2]!.champion, 'CHAMPION']]);
      expect(events.findLast((e) => e.version === intervals[2]!.champion && e.stage === 'CHAMPION')!.reason).toMatch(/^rolled back from version \d+: normalised entropy/);
      // and the training goes on from the one that serves again
      expect(events.find((e) => e.kind === 'REGISTERED' && e.version === intervals[3]!.candidate)!.parent).toBe(intervals[2]!.champion);
    });

    test('a rollback by hand is where the training goes on from', async () => {
      const runtime = memoryRuntime();
      const before = await trained(day.slice(0, 5_600), { runtime });
      const registry = await openModelRegistry({ ...runtime, clock: { now: () => day[5_600]!.time } });
      const back = await registry.rollback('head', 'users complain');
      const after = await trained(day.slice(5_600), { runtime });
      const next = after.intervals[before.intervals.length]!;
      expect(next.champion).toBe(back.version);
      expect(after.events.find((e) => e.version === next.candidate)!.parent).toBe(back.version);
    });
  });

  describe('the gate asks what the candidate is worth as a policy, and how long it scores', () => {
    const verdicts = async (options: Partial<HeadPlanOptions>, now?: () => number) => {
      const { events, intervals, run } = await trained(day.slice(0, 5_600), { plan: smallPlan(options), trainer: (of) => trainerHere(of, now) });
      return { intervals, run, checks: events.filter((e) => e.kind === 'REGISTERED' && e.parent !== null).map((e) => (JSON.parse(e.verdict!) as GateVerdict).checks) };
    };

    test('by the decisions of the judged part, the same however the run is cut', async () => {
      const policy = { epsilon: 0.1, slots: 400 };
      const { checks, run } = await verdicts({ policy, gate: { leastClicks: 25, effective: 5 } });
      expect(checks.length).toBeGreaterThanOrEqual(2);
      for (const of of checks) expect(of.find((c) => c.name === 'policy value')).toMatchObject({ verdict: 'passed', why: expect.stringMatching(/^[+-]0\.\d+ clicks a slot \(.* to .*\), by 400 logged slots that stand for \d+ of the candidate's$/) as string });
      const cut = await trained(day.slice(0, 5_600), { plan: smallPlan({ policy, gate: { leastClicks: 25, effective: 5 } }), stepRows: 100, commitMs: 0, restarts: { seed: 2, share: 0.05 } });
      expect(cut.run.outputs['models']).toEqual(run.outputs['models']);
    });

    test('and holds it where they stand for too few', async () => {
      const { intervals } = await verdicts({ policy: {}, gate: { leastClicks: 25, effective: 5_000 } });
      const held = intervals.filter((i) => i.verdict === 'HELD');
      expect(held.some((i) => /policy value: \d+ logged slots stand for \d+ of the candidate's/.test(i.reason) && i.rows === 'CARRIED')).toBe(true);
    });

    test('by a clock: one that takes as long as the champion passes, a slow machine is no candidate', async () => {
      let time = 0;
      const { checks } = await verdicts({}, () => (time += 0.5));
      for (const of of checks) expect(of.find((c) => c.name === 'latency')).toMatchObject({ verdict: 'passed', value: null, why: 'within it' });
      const slow = await verdicts({}, () => (time += 30));
      expect(slow.intervals.some((i) => i.verdict === 'REJECTED' && i.reason.includes('latency: 30.0 ms'))).toBe(true);
    });
  });
});
