export { memoryRuntime, type MemoryRuntime } from './memory-runtime.js';
export { type KeyedStream, type ManyInputs, play, type PlayManyOptions, type PlayOptions } from './play.js';
export type { PlayPipelineOptions } from './play-pipeline.js';
export { sideOutput } from './side-output.js';
export { runPipeline, type PipelineRun, type RunPipelineOptions } from './run-pipeline.js';
export type { Faults } from './seeded-faults.js';
export type { InputRecords, TopicRecord } from './topic-records.js';
export { virtualClock, type VirtualClock } from './virtual-clock.js';
export { scrutinise, type PipelineScrutiny, type ManyInputsScrutiny, type ScrutinyOptions, type StepScrutiny } from './scrutinise.js';
