import { clickHouseVariables } from '../../connectors/clickhouse/clickhouse-settings.js';
import { kafkaVariables } from '../../connectors/kafka/kafka-settings.js';
import { redisVariables } from '../../connectors/redis/redis-settings.js';
import { s3Variables } from '../../connectors/s3/s3-settings.js';
import { registryVariables } from '../../connectors/registry/registry-settings.js';

/** A constant that bounds something, and the file that is its one home. */
export interface DocumentedLimit {
  readonly constant: string;
  readonly file: string;
  readonly unit: 'bytes' | 'ms' | 'time' | '';
  readonly what: string;
}

/** Options of an interface whose defaults are listed. */
export interface DocumentedOptions {
  readonly title: string;
  readonly interface: string;
  readonly file: string;
}

/** Limits that are constants; the page takes their values from the sources. */
export const documentedLimits: readonly DocumentedLimit[] = [
  { constant: 'epochBytes', file: 'runners/engine/run-entry.ts', unit: 'bytes', what: 'Outputs that wait; when there are more, the epoch is committed, whatever the clock says.' },
  { constant: 'blockRecords', file: 'operators/to.ts', unit: '', what: 'Records that `to` collects before it makes a block.' },
  { constant: 'maxCount', file: 'connectors/embedded/partition-store.ts', unit: '', what: 'Records in one stored block.' },
  { constant: 'maxSize', file: 'connectors/embedded/partition-store.ts', unit: 'bytes', what: 'Keys and values in one stored block (one larger record still fits).' },
  { constant: 'smallCount', file: 'connectors/embedded/partition-store.ts', unit: '', what: 'A last block with fewer records is written anew together with what follows.' },
  { constant: 'maxKeyBytes', file: 'dataflow/ports/state-backend.ts', unit: 'bytes', what: 'Longest key of a state entry. Entity keys over half of it are digested.' },
  { constant: 'maxGroupLabels', file: 'dataflow/accumulators/group-values.ts', unit: '', what: 'Different texts of one `by(column)`; further ones are counted together as `~other`.' },
  { constant: 'topNLimit', file: 'operators/top-n.ts', unit: '', what: 'Most rows of a key that `topN` keeps (more where they are equal and `ties` is set).' },
  { constant: 'flatMapLimit', file: 'operators/flat-map.ts', unit: '', what: 'Most records that one record becomes in `flatMap`.' },
  { constant: 'shortestPane', file: 'dataflow/joins/interval-join.ts', unit: 'ms', what: 'Shortest stretch in which `join` keeps rows: they stay up to that much longer than they must.' },
  { constant: 'paneMs.small', file: 'dataflow/features/features.ts', unit: 'ms', what: 'Pane of rolling windows under 12 hours, and the grid of `--at`.' },
  { constant: 'paneMs.large', file: 'dataflow/features/features.ts', unit: 'ms', what: 'Pane of rolling windows of 12 hours and more.' },
  { constant: 'longest', file: 'dataflow/features/features.ts', unit: 'ms', what: 'Longest rolling window.' },
  { constant: 'secondsFrom', file: 'runners/engine/input.ts', unit: '', what: 'An event time from here on …' },
  { constant: 'secondsTo', file: 'runners/engine/input.ts', unit: '', what: '… up to here is taken for seconds, and refused with HR_EVENT_TIME.' },
  { constant: 'latestTime', file: 'runners/engine/input.ts', unit: 'time', what: 'Event times from here on are refused with HR_EVENT_TIME.' },
  { constant: 'mapSize', file: 'connectors/embedded/environment.ts', unit: 'bytes', what: 'Address space of a data directory: the largest that it can grow. It is no memory.' },
  { constant: 'spaceToOpen', file: 'connectors/embedded/environment.ts', unit: 'bytes', what: 'Free space that a writer needs to open a data directory.' },
  { constant: 'spaceToCommit', file: 'connectors/embedded/environment.ts', unit: 'bytes', what: 'Free space that a commit needs beyond its own size.' },
  { constant: 'maxBatchBytes', file: 'connectors/kafka/records/compression.ts', unit: 'bytes', what: 'Most that a compressed batch of Kafka may become.' },
  { constant: 'transactionTimeoutMs', file: 'connectors/kafka/transactions/transactional-producer.ts', unit: 'ms', what: 'After so long the broker aborts a transaction that is not ended.' },
  { constant: 'mostBytes', file: 'connectors/kafka/state/lagging-copy.ts', unit: 'bytes', what: 'Changes by which the copy of the state on disk is behind at most, where features go to Redis and one thread runs the pipeline.' },
  { constant: 'mostMs', file: 'connectors/kafka/state/lagging-copy.ts', unit: 'ms', what: 'The same by the time since the first of them.' },
  { constant: 'standbyMs', file: 'connectors/kafka/group/standby-copies.ts', unit: 'ms', what: 'Between two looks of a copy that follows the changelog of another process (`KAFKA_STANDBY`).' },
  { constant: 'callRecords', file: 'connectors/kafka/kafkajs/kafkajs-producer.ts', unit: '', what: 'Records that kafkajs is given to write at once (`HEADRACE_KAFKA_CLIENT=kafkajs`).' },
  { constant: 'leftBehindMs', file: 'connectors/embedded/embedded-artefacts.ts', unit: 'ms', what: 'Halves of artefacts that are older were left by processes that were killed, and are removed.' },
  { constant: 'requestTimeoutMs', file: 'connectors/s3/s3-artefacts.ts', unit: 'ms', what: 'After so long a request to S3 without an answer is given up and tried anew.' },
  { constant: 'attempts', file: 'connectors/s3/s3-artefacts.ts', unit: '', what: 'So often a request to S3 is tried that fails for the moment.' },
  { constant: 'requestTimeoutMs', file: 'connectors/kafka/protocol/transport.ts', unit: 'ms', what: 'After so long a request to Kafka without an answer is given up and tried anew.' },
  { constant: 'shortestCommitMs', file: 'runners/commands/run.ts', unit: 'ms', what: 'Shortest `--commit-ms` of a live run: it looks for records as often while there are none.' },
  { constant: 'stopGraceMs', file: 'runners/commands/run.ts', unit: 'ms', what: 'After a signal a run is ended when it has not ended by itself in this time.' },
  { constant: 'shortestSecret', file: 'runners/operations/without-secrets.ts', unit: '', what: 'Secrets with fewer characters are not taken out of messages: ordinary words would go with them.' },
  { constant: 'featureBatchLimit', file: 'serving/feature-server.ts', unit: '', what: 'Entities in one request to `headrace serve`.' },
  { constant: 'askStoreEveryMs', file: 'dataflow/features/feature-publication.ts', unit: 'ms', what: 'After so long without a request a feature store is asked whether it still has what was published.' },
  { constant: 'publicationBacklog', file: 'dataflow/features/feature-publication.ts', unit: '', what: 'Entities of a set and task that wait for a feature store, from which on the sources pause.' },
  { constant: 'recordsAtOnce', file: 'runners/copy-topic.ts', unit: '', what: 'Records from which on an insert into the warehouse is large enough.' },
  { constant: 'bytesAtOnce', file: 'runners/copy-topic.ts', unit: 'bytes', what: 'The same by the size of the blocks they come from.' },
  { constant: 'copyEveryMs', file: 'runners/warehouse-copier.ts', unit: 'ms', what: '`toWarehouse` adds to a table at most once in so long.' },
  { constant: 'lookEveryMs', file: 'runners/warehouse-copier.ts', unit: 'ms', what: 'After so long it looks at partitions that other processes write as well.' },
  { constant: 'longestPauseMs', file: 'runners/warehouse-copier.ts', unit: 'ms', what: 'Longest pause before it tries again, while the warehouse is away.' },
  { constant: 'stopMs', file: 'runners/warehouse-copier.ts', unit: 'ms', what: 'Time that a run which is stopped gives the last copy.' },
  { constant: 'maxLineBytes', file: 'runners/import/read-lines.ts', unit: 'bytes', what: 'Longest line of an imported file; a longer one is refused.' },
  { constant: 'blockEvents', file: 'runners/import/write-events.ts', unit: '', what: 'Events that an import commits at once.' },
  { constant: 'blockBytes', file: 'runners/import/write-events.ts', unit: 'bytes', what: 'The same by size.' },
  { constant: 'mostExactItems', file: 'serving/explore/order-grid.ts', unit: '', what: 'Most items whose order has exact probabilities (`thompsonExact`).' },
  { constant: 'mostEnumerated', file: 'serving/explore/slot-marginals.ts', unit: '', what: 'Most beginnings of slates that `slotMarginals` walks through.' },
  { constant: 'defaultMaxWaiting', file: 'serving/decision-log.ts', unit: 'bytes', what: 'Decisions that may wait for the log (`maxWaiting`); beyond, `log` refuses.' },
  { constant: 'tolerance', file: 'runners/check-features.ts', unit: '', what: 'Relative difference up to which `features check` takes two fractions for the same.' },
  { constant: 'smallest', file: 'runners/check-features.ts', unit: '', what: 'Difference that it does not count, whatever the size.' },
  { constant: 'differencesKept', file: 'runners/check-features.ts', unit: '', what: 'Differences that it lists.' },
  { constant: 'shownDifferences', file: 'runners/compare-topics.ts', unit: '', what: 'Differences of a topic that `replay` prints.' },
];

/** Options whose defaults are in their docstrings. */
export const documentedOptions: readonly DocumentedOptions[] = [
  { title: '`from(topic, options)`', interface: 'FromOptions', file: 'dataflow/pipeline.ts' },
  { title: '`pipeline(name, build, options)`', interface: 'PipelineOptions', file: 'dataflow/pipeline.ts' },
  { title: '`topic(name, options)`', interface: 'TopicOptions', file: 'dataflow/topic.ts' },
  { title: '`runEmbedded(pipeline, options)`', interface: 'RunOptions', file: 'runners/run-embedded.ts' },
  { title: '`replay(pipeline, options)`', interface: 'ReplayOptions', file: 'runners/replay.ts' },
  { title: '`checkFeatures(set, options)`', interface: 'CheckOptions', file: 'runners/check-features.ts' },
  { title: '`openChdb(options)`', interface: 'ChdbOptions', file: 'connectors/clickhouse/open-chdb.ts' },
  { title: '`headPlan(options)`', interface: 'HeadPlanOptions', file: 'learning/head-plan.ts' },
  { title: '`policy` of a plan', interface: 'ValuedPolicy', file: 'learning/head-plan.ts' },
  { title: 'Limits of the gate', interface: 'GateLimits', file: 'learning/gate.ts' },
  { title: '`servedFeatures(options)`', interface: 'ServedFeaturesOptions', file: 'learning/skew/served-features.ts' },
  { title: 'Limits of served features', interface: 'SkewLimits', file: 'learning/skew/served-features.ts' },
  { title: '`watchDrift(options)`', interface: 'WatchDriftOptions', file: 'learning/drift/watch-drift.ts' },
  { title: 'Importers', interface: 'SortOptions', file: 'runners/import/sort-by-time.ts' },
];

/** Variables of Headrace itself, and the file that reads each. */
export const ownVariables = {
  HEADRACE_DATA_DIR: { file: 'runners/headrace.ts', what: 'The data directory, as the option `--data-dir` (default `./.headrace`).' },
  HEADRACE_TOKEN: { file: 'runners/commands/listen.ts', what: 'What requests to `headrace serve`, and to `/metrics` of `headrace run`, have to bring. Needed where it binds to more than loopback. Never printed.' },
  HEADRACE_HTTP: { file: 'runners/commands/run.ts', what: 'Where `headrace run` serves metrics and health, `PORT` or `HOST:PORT`, as its option `--http` does.' },
  HEADRACE_LOG: { file: 'runners/commands/command-log.ts', what: '`text` or `json`: how `headrace run` writes its log, as its option `--log` does.' },
  HEADRACE_DEBUG: { file: 'runners/headrace.ts', what: '`1`: print the stack of an error and of its causes.' },
} as const;

/** Names of all variables but those of the machine: what a configuration file may set. */
export type SettingName = keyof typeof ownVariables | keyof typeof kafkaVariables | keyof typeof clickHouseVariables | keyof typeof redisVariables | keyof typeof registryVariables | keyof typeof s3Variables;

/** Environment variables, and the file that reads each. */
export const documentedVariables: readonly { readonly name: string; readonly file: string; readonly what: string }[] = [
  ...Object.entries(ownVariables).map(([name, { file, what }]) => ({ name, file, what })),
  ...Object.entries(kafkaVariables).map(([name, what]) => ({ name, file: 'connectors/kafka/kafka-settings.ts', what })),
  ...Object.entries(clickHouseVariables).map(([name, what]) => ({ name, file: 'connectors/clickhouse/clickhouse-settings.ts', what })),
  ...Object.entries(redisVariables).map(([name, what]) => ({ name, file: 'connectors/redis/redis-settings.ts', what })),
  ...Object.entries(registryVariables).map(([name, what]) => ({ name, file: 'connectors/registry/registry-settings.ts', what })),
  ...Object.entries(s3Variables).map(([name, what]) => ({ name, file: 'connectors/s3/s3-settings.ts', what })),
  { name: 'TMPDIR', file: 'runners/import/sort-by-time.ts', what: 'Where an import sorts what does not fit into memory, a replay keeps its scratch state, and ClickHouse in the process its tables.' },
];
