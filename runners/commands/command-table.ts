import type { Command } from './command.js';

/** A command in the list: what help shows without loading it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands, in the order of the help. Each is loaded when it is called. */
export const commandTable: readonly CommandEntry[] = [
  { name: 'init', summary: 'Write a first pipeline with its test into a folder', load: async () => (await import('./init.js')).init },
  { name: 'run', summary: 'Run a pipeline over the topics of a data directory', load: async () => (await import('./run.js')).run },
  { name: 'status', summary: 'Show how pipelines stand: lag, watermark, epoch, who runs them', load: async () => (await import('./status.js')).status },
  { name: 'state', summary: 'List, show, export or drop the state of the steps of a pipeline', load: async () => (await import('./state.js')).stateCommand },
  { name: 'savepoint', summary: 'Take all that a pipeline has committed as a file, and start from one', load: async () => (await import('./savepoint.js')).savepointCommand },
  { name: 'import', summary: 'Write the events of a file to the topic clicks', load: async () => (await import('./import.js')).importCommand },
  { name: 'simulate', summary: 'Write a made-up click world whose truth is known to the topic clicks', load: async () => (await import('./simulate.js')).simulate },
  { name: 'topic', summary: 'List the topics, or read the records of one', load: async () => (await import('./topic.js')).topicCommand },
  { name: 'copy', summary: 'Copy the records of a topic to ClickHouse, each once', load: async () => (await import('./copy.js')).copy },
  { name: 'sql', summary: 'Query the tables that topics were copied to', load: async () => (await import('./sql.js')).sql },
  { name: 'features', summary: 'Look up features of users, items and creators, and what they are made of', load: async () => (await import('./features.js')).featuresCommand },
  { name: 'serve', summary: 'Answer look-ups of features over HTTP', load: async () => (await import('./serve.js')).serve },
  { name: 'evaluate', summary: 'Estimate what a policy would have earned, from a log of another one', load: async () => (await import('./evaluate.js')).evaluate },
  { name: 'train', summary: 'Train a head or a base over a stretch of history', load: async () => (await import('./train.js')).train },
  { name: 'models', summary: 'List the versions of models, promote them and roll back', load: async () => (await import('./models.js')).modelsCommand },
  { name: 'replay', summary: 'Run a pipeline again over history and compare, byte for byte', load: async () => (await import('./replay.js')).replay },
  { name: 'topology', summary: 'Draw the steps and topics of a pipeline', load: async () => (await import('./topology.js')).topology },
  { name: 'doctor', summary: 'Check the machine and a data directory', load: async () => (await import('./doctor.js')).doctor },
];
