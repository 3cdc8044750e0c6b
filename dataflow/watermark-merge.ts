import type { WatermarkSignal } from './signal.js';

/** The watermark where several inputs meet. */
export interface WatermarkMerge {
  /** Input `input` is at `time`, idle or not; the signal that follows for what comes behind, or undefined when nothing changes. */
  update(input: number, time: number, idle: boolean): WatermarkSignal | undefined;
}

/**
 * The smallest watermark of the inputs that are not idle; it never goes back, and it is Infinity when all inputs are at their end. When all are idle, nobody is left to be held back by another:
 * event time goes on to the furthest of them, as in Flink. Cost: one pass over the inputs.
 */
export function createWatermarkMerge(inputs: number): WatermarkMerge {
  const watermarks = new Float64Array(inputs).fill(Number.NEGATIVE_INFINITY);
  const isIdle = new Uint8Array(inputs);
  let merged = Number.NEGATIVE_INFINITY;
  return {
    update(input, time, idle) {
      watermarks[input] = Math.max(watermarks[input]!, time);
      isIdle[input] = idle ? 1 : 0;
      let least = Number.POSITIVE_INFINITY;
      let furthest = Number.NEGATIVE_INFINITY;
      let allIdle = true;
      for (let i = 0; i < inputs; i++) {
        furthest = Math.max(furthest, watermarks[i]!);
        if (isIdle[i]) continue;
        allIdle = false;
        least = Math.min(least, watermarks[i]!);
      }
      if (allIdle) {
        merged = Math.max(merged, furthest);
        return { kind: 'watermark', time: merged, idle: true };
      }
      // The end is an end only when all have told it: an idle input may still give out what it has kept.
      if (least <= merged || (least === Number.POSITIVE_INFINITY && watermarks.some((w) => w !== least))) return undefined;
      merged = least;
      return { kind: 'watermark', time: merged };
    },
  };
}
