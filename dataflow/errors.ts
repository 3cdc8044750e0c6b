/** Where an error happened, as far as it is known. */
export interface Place {
  readonly pipeline?: string | undefined;
  readonly step?: string | undefined;
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  readonly offset?: number | undefined;
}

/** Every error that a user can meet: its code, what it means, and what to do. The docs page is made from this table. */
export const errorTable = {
  HR_ARGUMENT: { what: 'An option or argument has a value that cannot be used.', remedy: 'Give one of the values that the message names.' },
  HR_ARTEFACTS: { what: 'The store of artefacts (S3) does not answer, or refuses a request.', remedy: 'See the reason that it gives; check HEADRACE_ARTEFACTS, AWS_ENDPOINT_URL_S3 and what the key may do. What was committed stays.' },
  HR_ARTEFACTS_SETTINGS: { what: 'A setting of the store of artefacts (S3) cannot be used, or is missing.', remedy: 'See HEADRACE_ARTEFACTS and the AWS_ variables in docs/reference-limits.md.' },
  HR_AGGREGATE: { what: 'An aggregate is declared over a column that it cannot take.', remedy: 'Use a numeric column for sum, min, max, mean and quantiles.' },
  HR_CALL_BREAKER: { what: 'A call was not made, since too many before it had failed in a row.', remedy: 'See why they failed; calls are made again after the cooldown of the breaker.' },
  HR_CALL_FAILED: { what: 'The function of an asynchronous step failed in every attempt.', remedy: 'The message is that of the last attempt. Raise `attempts`, give a `fallback`, or treat the failed outcome.' },
  HR_CALL_INTERRUPTED: { what: 'The run stopped while the last allowed attempt of a call was under way.', remedy: 'Whether it took effect is not known: the idempotency key tells. With more `attempts` it would have been made again.' },
  HR_CALL_RESULT: { what: 'What the function of an asynchronous step gave cannot be stored.', remedy: 'Answer with plain data: objects, arrays, text, numbers, typed arrays; no functions.' },
  HR_CALL_TIMEOUT: { what: 'A call gave no answer within its time-out.', remedy: 'Raise `timeout`, or have the function obey its signal and answer sooner.' },
  HR_CHDB: { what: 'ClickHouse in the process (the optional package chdb) is missing or cannot be used here.', remedy: 'Install it beside Headrace: npm install chdb (Linux with glibc and macOS, 550 MB).' },
  HR_CLICKHOUSE_QUERY: { what: 'ClickHouse has refused a query.', remedy: 'See its message.' },
  HR_CLICKHOUSE_SETTINGS: { what: 'A setting of ClickHouse cannot be used.', remedy: 'See the CLICKHOUSE_ variables in docs/reference-limits.md.' },
  HR_COLUMN: { what: 'A column is not in the schema of its topic, or has a name that is taken.', remedy: 'Check the spelling against the .avsc file.' },
  HR_CONFIG: { what: 'The configuration file cannot be used.', remedy: 'It exports an object by default whose names are those of the environment variables in docs/reference-limits.md.' },
  HR_DATA_DIR: { what: 'The data directory cannot be opened or written.', remedy: 'Give another one with --data-dir, or mend its permissions.' },
  HR_DECODE: { what: 'The bytes of a record are not a value of its schema.', remedy: 'Look at the record in the dead-letter topic; it was not processed.' },
  HR_DECISION: { what: 'A decision cannot be logged, or a logged one does not tell its probabilities.', remedy: 'Log what `choose` returns, unchanged; distributions may be left out only where scheme and scores give them.' },
  HR_DECISION_BACKLOG: { what: 'The log of decisions does not keep up, or is closed.', remedy: 'Do not serve a decision that is not logged: answer with a default, and look at why the log is slow.' },
  HR_DISK_FULL: { what: 'The disk is full; the epoch was not committed and nothing is lost.', remedy: 'Free some space and start again: it goes on where it stopped.' },
  HR_DUPLICATE_STEP: { what: 'Two steps of a pipeline have the same id.', remedy: 'Give one of them another id; state is found by it.' },
  HR_DURATION: { what: 'A duration cannot be read, or is not usable here.', remedy: "Write a positive number with a unit: '500ms', '30s', '5m', '1h', '7d'." },
  HR_EPOCH_FENCED: { what: 'Another run of this pipeline has committed a later epoch.', remedy: 'Only one run of a pipeline may write; stop the other one.' },
  HR_EVALUATION_ACTION: { what: 'A logged decision shows an action or slot that is not one of those there are.', remedy: 'Actions and slots are numbered from 0; give the number that the policy could choose from.' },
  HR_EVALUATION_COLUMNS: { what: 'The columns of an evaluation do not fit one another.', remedy: 'Every column has one value a decision, and a whole distribution one a decision and action.' },
  HR_EVALUATION_DROP: { what: 'The probability that a decision was left out of the log cannot be used.', remedy: 'pdrop is at least 0 and less than 1.' },
  HR_EVALUATION_EMPTY: { what: 'There is no decision to evaluate.', remedy: 'Check the log and its time range, and how many of its rows were left out.' },
  HR_EVALUATION_LINE: { what: 'A line of a decision log cannot be understood.', remedy: 'Mend the line; it was left out and counted, and the others were used.' },
  HR_EVALUATION_LOG: { what: 'A decision log cannot be read in the way that was asked for.', remedy: 'Check the name of the log, its format and its columns; `headrace help evaluate` lists the formats.' },
  HR_EVALUATION_MODEL: { what: 'An estimator needs an outcome model, or the model gave a value that is not a number.', remedy: 'Give an outcome model, or choose estimators that need none.' },
  HR_EVALUATION_PMF: { what: 'The probabilities of a policy are no distribution.', remedy: 'Each is between 0 and 1, and those of one decision sum to 1.' },
  HR_EVALUATION_POLICY: { what: 'A policy to evaluate cannot be used.', remedy: 'Check its name or file; `headrace help evaluate` lists what a policy can be.' },
  HR_EVALUATION_PROPENSITY: { what: 'A logged propensity is missing, or not above 0 and at most 1.', remedy: 'Log the probability that the policy drew from, unrounded, when the decision is made.' },
  HR_EVALUATION_RECORD: { what: 'There is no such stored evaluation, or the file of stored evaluations cannot be used.', remedy: 'Store one with --save NAME, or give a file that `headrace evaluate --json` has written.' },
  HR_EVALUATION_REWARD: { what: 'A logged reward is missing, not a finite number, or outside of its bounds.', remedy: 'Count a decision without an outcome as 0, and leave out those that are still open.' },
  HR_EVALUATION_WEIGHT: { what: 'A weight is missing, negative, or too large to compute with.', remedy: 'A propensity this small was never drawn from: look at how it is logged.' },
  HR_EVENT_TIME: { what: 'A record has no usable event time.', remedy: 'Event times are epoch milliseconds; check the unit and the time column of the topic.' },
  HR_EXAMPLES: { what: 'Examples to learn from do not fit the head, or hold a value that is not a number.', remedy: 'See the example that the message names; features are logged as they were served.' },
  HR_FEATURE: { what: 'A feature or feature set is not known.', remedy: 'See `headrace features list` for what is declared.' },
  HR_FEATURE_SQL: { what: 'A feature set, or a part of it, cannot be said in SQL.', remedy: 'Declare it with columns and what they offer (is, oneOf, over, and, or, not) instead of functions.' },
  HR_FEATURE_STORE: { what: 'The feature store is out of reach, or refuses.', remedy: 'Check REDIS_URL, its user and password, and that the server runs. A run goes on and publishes what waits when the store answers.' },
  HR_FILE_EXISTS: { what: 'A file that would be written is already there.', remedy: 'Choose another folder, or move the files away; nothing was changed.' },
  HR_GROUP_MISMATCH: { what: 'Processes that share a pipeline would not run it alike.', remedy: 'Start this one with the options and the version of those that run, or stop those first.' },
  HR_INDEX: { what: 'An index of vectors cannot be built.', remedy: "Install it beside headrace (npm install usearch), or take the index 'exact'." },
  HR_INPUT_FILE: { what: 'An input file cannot be read.', remedy: 'Check the path and its permissions.' },
  HR_INPUT_LINE: { what: 'A line of an imported file cannot be understood.', remedy: 'The line is in the dead-letter topic with its number; the others were imported.' },
  HR_INTERNAL: { what: 'Headrace itself has failed.', remedy: 'Run it again with HEADRACE_DEBUG=1 and report what it prints; nothing that was committed is lost.' },
  HR_KAFKA: { what: 'Kafka has refused a request.', remedy: 'See the reason that it gives, and the log of the broker.' },
  HR_KAFKA_DENIED: { what: 'Kafka does not let this user in, or not to this topic.', remedy: 'Check the KAFKA_SASL_… and KAFKA_TLS_… variables, and what the user may do with the topic.' },
  HR_KAFKA_SETTINGS: { what: 'An environment variable for Kafka cannot be used.', remedy: 'See the table of variables in docs/reference-limits.md.' },
  HR_KAFKA_UNREACHABLE: { what: 'No broker of Kafka has answered for too long.', remedy: 'Check KAFKA_BROKERS and that the brokers run; then start again: it goes on where it stopped.' },
  HR_KEY: { what: 'A record has no key where one is needed.', remedy: 'Filter such records out before keyBy, or give them a key.' },
  HR_MODEL: { what: 'A model or version is not there, or cannot take that stage.', remedy: 'See `headrace models list` for versions and stages.' },
  HR_MODEL_CORRUPT: { what: 'The bytes of a model are not what was written.', remedy: 'Take another version of the model; this one was cut off or changed.' },
  HR_OFFSET_GONE: { what: 'The offset to read from was deleted by retention.', remedy: 'Keep the topic longer, or start the pipeline anew in another data directory.' },
  HR_ONNX: { what: 'ONNX Runtime is missing, or runs no such model.', remedy: 'Install it beside headrace: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node' },
  HR_PIPELINE: { what: 'A file does not define a pipeline.', remedy: "Let it `export default pipeline('name', ({ from }) => …)`." },
  HR_PIPELINE_UNKNOWN: { what: 'There is no pipeline or file of this name.', remedy: 'Give a shipped pipeline (click-features, propensity-log, head-training, head-on-base, model-drift, feature-skew) or the path of a .ts or .js file.' },
  HR_POLICY_ITEMS: { what: 'A policy cannot choose from these items.', remedy: 'Give at least one item, and finite numbers for what the policy ranks by.' },
  HR_RECORDS_ASYNC: { what: 'An RxJS operator lifted by records() emitted outside of its batch.', remedy: 'Use synchronous operators in records(); for waiting there is process() with timers.' },
  HR_RECORD_TOO_LARGE: { what: 'A record is larger than a broker takes.', remedy: 'Raise max.message.bytes of the topic, or write smaller records.' },
  HR_REDIS_SETTINGS: { what: 'A setting of Redis cannot be used.', remedy: 'See the REDIS_ variables in docs/reference-limits.md.' },
  HR_REGISTRY: { what: 'The schema registry refuses a request.', remedy: 'See the reason that it gives, and its log.' },
  HR_REGISTRY_DENIED: { what: 'The schema registry does not let this user in, or not do this.', remedy: 'Check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD, and what the user may do with the subject.' },
  HR_REGISTRY_SETTINGS: { what: 'A setting of the schema registry cannot be used, or its package is missing.', remedy: 'See the SCHEMA_REGISTRY_ variables in docs/reference-limits.md.' },
  HR_REGISTRY_UNREACHABLE: { what: 'The schema registry has not answered for too long.', remedy: 'Check SCHEMA_REGISTRY_URL and that the registry runs; then start again: it goes on where it stopped.' },
  HR_REPLAY: { what: 'A replay cannot be made.', remedy: 'Run the pipeline first, and keep its input topics.' },
  HR_SAVEPOINT: { what: 'A savepoint cannot be taken, read or started from.', remedy: 'See what the message names; `headrace savepoint show FILE` tells what is in one.' },
  HR_SCHEMA: { what: 'A schema is not valid Avro, or not one that a topic can have.', remedy: 'A topic value is an Avro record; check the .avsc file.' },
  HR_SCHEMA_INCOMPATIBLE: { what: 'The schema registry refuses a schema: readers of the one before could not go on.', remedy: 'Give new fields a default and do not change types, or write another topic; its compatibility is set in the registry.' },
  HR_SCHEMA_MISMATCH: { what: 'A schema cannot be resolved against the one that the records were written with.', remedy: 'Give new fields a default, and do not change types.' },
  HR_STATE_LOCKED: { what: 'Another process is using the data directory.', remedy: 'Stop it, or give this one its own directory with --data-dir.' },
  HR_STATE_MISMATCH: { what: 'The stored state of a step does not fit its definition.', remedy: 'Give the changed step a new id, or delete the data directory to start anew.' },
  HR_STEP: { what: 'A step failed.', remedy: 'See the cause; with onError deadLetter the record is set aside instead.' },
  HR_STEP_ID: { what: 'A step id cannot be used.', remedy: 'Use letters, digits, dot, dash and underscore.' },
  HR_STEP_UNKEYED: { what: 'A step needs a keyed stream.', remedy: 'Put keyBy(…) before it.' },
  HR_STOP_TIMEOUT: { what: 'A run did not end in time after a signal, so it was ended.', remedy: 'What was committed stays, and the next run goes on from there; see in the log what it waited for.' },
  HR_TOKEN: { what: 'A request came without the token, or with another one.', remedy: 'Send `Authorization: Bearer TOKEN` with the HEADRACE_TOKEN of the server.' },
  HR_TOPIC_EXISTS: { what: 'The topic is there with other settings.', remedy: 'Use the settings that it has, or another name.' },
  HR_TOPIC_MISSING: { what: 'A topic that the pipeline reads is not there.', remedy: 'Import or simulate records first, or check the name against `headrace topic list`.' },
  HR_TOPIC_NAME: { what: 'A topic name cannot be used.', remedy: 'Use letters, digits, dot, dash and underscore, at most 249 of them.' },
  HR_USAGE: { what: 'The command line cannot be understood.', remedy: 'See `headrace help`.' },
  HR_WAREHOUSE: { what: 'The warehouse is out of reach.', remedy: 'Check CLICKHOUSE_URL, its user and password, and that the server runs; a copy goes on where it was.' },
  HR_WAREHOUSE_TABLE: { what: 'A table of the warehouse holds another topic, or one of this name that is gone.', remedy: 'Drop the table, or give the copy another one: its rows and those of this topic would hide one another.' },
  HR_WINDOW: { what: 'A window cannot be what was asked for.', remedy: "Sizes are positive, and a hop divides its size: { size: '1h', every: '5m' }." },
  HR_WORKER: { what: 'A worker thread stopped.', remedy: 'See the cause; the run can be started again and goes on where it stopped.' },
} as const;

/** A stable code of the table. */
export type ErrorCode = keyof typeof errorTable;

/** An error with a stable code, the place where it happened, and what to do about it. */
export class HeadraceError extends Error {
  override readonly name = 'HeadraceError';
  readonly code: ErrorCode;
  readonly place: Place;
  readonly remedy: string;

  /** @param detail one sentence on this very case; the table's remedy is used unless `remedy` says it better */
  constructor(code: ErrorCode, detail: string, options: { place?: Place; cause?: unknown; remedy?: string } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.place = options.place ?? {};
    this.remedy = options.remedy ?? errorTable[code].remedy;
  }

  /** Code, detail, place and remedy as a person reads them on a terminal. */
  format(): string {
    const indent = ' '.repeat(this.code.length + 2);
    const where = formatPlace(this.place);
    const lines = [`${this.code}  ${this.message}`];
    if (where !== '') lines.push(`${indent}at ${where}`);
    if (this.cause instanceof Error && !this.message.includes(this.cause.message)) lines.push(`${indent}cause: ${this.cause.message}`);
    lines.push(`${indent}${this.remedy}`);
    return lines.join('\n');
  }
}

/** `pipeline p, step s, topic t, partition 0, offset 7`, with what is known. */
export function formatPlace(place: Place): string {
  return (['pipeline', 'step', 'topic', 'partition', 'offset'] as const)
    .filter((k) => place[k] !== undefined)
    .map((k) => `${k} ${place[k]}`)
    .join(', ');
}

/** `error` as a HeadraceError: itself when it is one (with the place filled in), else wrapped under `code`. */
export function asHeadraceError(error: unknown, code: ErrorCode, place: Place): HeadraceError {
  if (error instanceof HeadraceError) {
    if (error.place.step !== undefined || place.step === undefined) return error;
    return new HeadraceError(error.code, error.message, { place: { ...place, ...error.place }, cause: error.cause, remedy: error.remedy });
  }
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new HeadraceError(code, detail, { place, cause: error });
}
