import { tableOf } from '../../operators/to-warehouse.js';
import { copyTopic } from '../copy-topic.js';
import { openRuntime } from '../open-runtime.js';
import { openWarehouse } from '../open-warehouse.js';
import { formatNumber } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { usageError, wholeNumber } from './arguments.js';
import { type Command, exitCodes } from './command.js';

const defaultEveryMs = 1_000;

/** `headrace copy`: the records of a topic to the warehouse. */
export const copy: Command = {
  name: 'copy',
  usage: ['copy TOPIC [--table NAME] [--follow] [--every MS]'],
  about:
    'Copies the records of a topic to a table of ClickHouse (CLICKHOUSE_URL), each once: the table is made when it is missing, and tells itself where to go\n' +
    'on, so a copy may be cut off at any time and started again. Read it with `SELECT … FINAL`. Records that are no value of their schema stay in the\n' +
    'topic only, and are counted. With --follow it goes on with what is added, until Ctrl-C.',
  options: {
    table: { value: 'NAME', what: 'name of the table (default: that of the topic, with _ for what is no letter or digit)' },
    follow: { what: 'go on with what is added' },
    every: { value: 'MS', what: `--follow: milliseconds between looks (default ${defaultEveryMs})` },
  },
  operands: [1, 1],
  endsOnAbort: true,
  async run(call) {
    const [topic] = call.operands as [string];
    const settings = call.clickHouse;
    if (settings === undefined) throw usageError(call.command, 'Say where to: CLICKHOUSE_URL=http://HOST:8123, or CLICKHOUSE_URL=chdb: for tables in the data directory.');
    const everyMs = wholeNumber(call, 'every', 1) ?? defaultEveryMs;
    const table = call.options.get('table') ?? tableOf(topic);
    const warehouse = await openWarehouse(settings, call.dataDir);
    const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'read', warn: call.notice });
    const bar = progress({ label: `${topic} to ${table}`, unit: 'records' });
    const total = { records: 0, unreadable: 0 };
    try {
      do {
        runtime.state.refresh();
        const { records, unreadable } = await copyTopic({ ...runtime, warehouse, topic, table, abort: call.abort, onProgress: (done) => bar.update(total.records + done) });
        total.records += records;
        // Those behind the table's last record are met again at each look.
        total.unreadable = Math.max(total.unreadable, unreadable);
        if (call.options.has('follow') && !call.abort.aborted) await pause(everyMs, call.abort);
      } while (call.options.has('follow') && !call.abort.aborted);
    } finally {
      bar.done();
      await runtime.close();
      await warehouse.close();
    }
    await call.output.print({ topic, table, ...total }, () => `${formatNumber(total.records)} records of ${topic} to table ${table}${total.unreadable === 0 ? '' : `; ${formatNumber(total.unreadable)} could not be read`}`);
    return exitCodes.done;
  },
};

function pause(ms: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      abort.removeEventListener('abort', done);
      resolve();
    }
    abort.addEventListener('abort', done, { once: true });
  });
}
