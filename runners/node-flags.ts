/**
 * V8 flags of the `headrace` command (its first line has them too). Most memory of a run is in array buffers and the
 * heap is small: collecting it on helper threads costs more CPU than it saves (measured on click-tiles: 3.2 s against 2.7 s).
 * What an epoch changes lives until it is committed: a live run of click-features copies it half as often with a young generation of 32 MiB as with 16, and takes a tenth less CPU and 40 MiB more; click-tiles takes as much as before.
 * It grows to that where much survives; rolling on Kafka peaks at 413 to 448 MiB so, and at 455 to 476 with 32 from the start.
 */
export const nodeFlags = ['--single-threaded-gc', '--min-semi-space-size=16', '--max-semi-space-size=32'] as const;
