/**
 * V8 flags of the `headrace` command (its first line has them too). Most memory of a run is in array buffers and the
 * heap is small: collecting it on helper threads costs more CPU than it saves (measured on click-tiles: 3.2 s against 2.7 s).
 */
export const nodeFlags = ['--single-threaded-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'] as const;
