import type { WatermarkSignal } from './signal.js';

/** The watermark where several inputs meet. */
export interface WatermarkMerge {
  /** Input `input` is at `time`, idle or not; the signal that follows for what comes behind, or undefined when nothing changes. */
  update(input: number, time: number, idle: boolean): WatermarkSignal | undefined;
  /** The signal that was given last, or undefined before the first. */
  readonly last: WatermarkSignal | undefined;
  /** All that is known, for `packed` of another one. */
  pack(): Uint8Array;
}

/**
 * The smallest watermark of the inputs that are not idle; it never goes back, and it is Infinity when all inputs are at their end. When all are idle, nobody is left to be held back by another:
 * event time goes on to the furthest of them, as in Flink, and who is not idle any more says so. Cost: one pass over the inputs.
 *
 * @param packed what another one for as many inputs knew
 */
export function createWatermarkMerge(inputs: number, packed?: Uint8Array): WatermarkMerge {
  const isOurs = packed?.length === packedBytes(inputs);
  const numbers = isOurs ? new Float64Array(Uint8Array.from(packed.subarray(0, 8 * (inputs + 1))).buffer) : new Float64Array(inputs + 1).fill(Number.NEGATIVE_INFINITY);
  const watermarks = numbers.slice(0, inputs);
  const isIdle = isOurs ? Uint8Array.from(packed.subarray(8 * (inputs + 1), 9 * inputs + 8)) : new Uint8Array(inputs);
  let merged = numbers[inputs]!;
  /** The last signal said that all are idle. */
  let saidIdle = isOurs && packed[9 * inputs + 8] === 1;
  return {
    get last(): WatermarkSignal | undefined {
      if (saidIdle) return { kind: 'watermark', time: merged, idle: true };
      return merged === Number.NEGATIVE_INFINITY ? undefined : { kind: 'watermark', time: merged };
    },
    pack() {
      const bytes = new Uint8Array(packedBytes(inputs));
      bytes.set(new Uint8Array(Float64Array.of(...watermarks, merged).buffer));
      bytes.set(isIdle, 8 * (inputs + 1));
      bytes[9 * inputs + 8] = saidIdle ? 1 : 0;
      return bytes;
    },
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
        saidIdle = true;
        return { kind: 'watermark', time: merged, idle: true };
      }
      // others may wait for these inputs again
      if (saidIdle && least < Number.POSITIVE_INFINITY) {
        saidIdle = false;
        merged = Math.max(merged, least);
        return { kind: 'watermark', time: merged };
      }
      // The end is an end only when all have told it: an idle input may still give out what it has kept.
      if (least <= merged || (least === Number.POSITIVE_INFINITY && watermarks.some((w) => w !== least))) return undefined;
      merged = least;
      saidIdle = false;
      return { kind: 'watermark', time: merged };
    },
  };
}

/** Watermarks and what they have merged to; a byte an input for whether it is idle, and one for whether that was said of all. */
function packedBytes(inputs: number): number {
  return 8 * (inputs + 1) + inputs + 1;
}
