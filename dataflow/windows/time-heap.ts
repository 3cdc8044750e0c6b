/** Numbers in the order of a time, those of one time in the order of a second number. Cost: the logarithm of its size. */
export interface TimeHeap {
  readonly size: number;
  push(time: number, order: number, id: number): void;
  /** The first one up to `now`, taken out; undefined when there is none. */
  popUntil(now: number): { readonly time: number; readonly order: number; readonly id: number } | undefined;
  clear(): void;
}

/** An empty heap. */
export function timeHeap(): TimeHeap {
  const heap: { readonly time: number; readonly order: number; readonly id: number }[] = [];
  const before = (i: number, j: number) => heap[i]!.time < heap[j]!.time || (heap[i]!.time === heap[j]!.time && heap[i]!.order < heap[j]!.order);
  const swap = (i: number, j: number) => {
    [heap[i], heap[j]] = [heap[j]!, heap[i]!];
  };
  return {
    get size() {
      return heap.length;
    },
    push(time, order, id) {
      heap.push({ time, order, id });
      for (let i = heap.length - 1; i > 0 && before(i, (i - 1) >> 1); i = (i - 1) >> 1) swap(i, (i - 1) >> 1);
    },
    popUntil(now) {
      const first = heap[0];
      if (first === undefined || first.time > now) return undefined;
      const last = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = last;
        for (let i = 0; ; ) {
          const left = 2 * i + 1;
          if (left >= heap.length) break;
          const child = left + 1 < heap.length && before(left + 1, left) ? left + 1 : left;
          if (!before(child, i)) break;
          swap(i, child);
          i = child;
        }
      }
      return first;
    },
    clear() {
      heap.length = 0;
    },
  };
}
