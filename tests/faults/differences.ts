import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { compareTopics } from '../../runners/compare-topics.js';

const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** Steps whose state is an output: features are looked up in it. */
const tileSteps = ['tiles-user', 'tiles-item', 'tiles-creator'];

/**
 * What two data directories, in which one pipeline has run, do not have in common: records of topics (all but the input), tiles, positions. Empty
 * when there is nothing; with the number of records compared.
 */
export async function differences(pipeline: string, expected: string, actual: string): Promise<{ readonly records: number; readonly found: string[] }> {
  const a = openEmbedded({ dataDir: expected, mode: 'read' });
  const b = openEmbedded({ dataDir: actual, mode: 'read' });
  try {
    const found: string[] = [];
    let records = 0;
    const names = async (log: typeof a.log) => (await log.topics()).filter((t) => t.name !== 'clicks').map((t) => `${t.name} with ${t.partitions} partitions`);
    const [mine, theirs] = [await names(a.log), await names(b.log)];
    if (mine.join() !== theirs.join()) found.push(`topics: ${mine.join()} and ${theirs.join()}`);
    for (const { name } of await a.log.topics()) {
      if (name === 'clicks') continue;
      const compared = await compareTopics(name, a.log, b.log, always);
      records += compared.emitted;
      if (compared.differences > 0) found.push(`topic ${name}: ${compared.differences} differences of ${compared.emitted} and ${compared.replayed} records, ${JSON.stringify(compared.first[0])}`);
    }
    for (const step of tileSteps) {
      const tiles = (of: typeof a) => Array.from(of.state.range(pipeline, step, Buffer.alloc(0)), ({ key, value }) => `${Buffer.from(key).toString('hex')} ${Buffer.from(value).toString('hex')}`);
      const [x, y] = [tiles(a), tiles(b)];
      const at = x.findIndex((tile, i) => tile !== y[i]);
      records += x.length;
      if (at >= 0 || x.length !== y.length) found.push(`${step}: ${x.length} and ${y.length} tiles, different from ${at} on`);
    }
    const positions = async (log: typeof a.log) => JSON.stringify((await log.committed(pipeline))?.positions);
    const [p, q] = [await positions(a.log), await positions(b.log)];
    if (p !== q) found.push(`positions: ${p} and ${q}`);
    return { records, found };
  } finally {
    await a.close();
    await b.close();
  }
}
