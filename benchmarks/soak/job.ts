import { runSoak } from './run-soak.js';

/** One step in a process of its own, so that its memory is not that of another. */
const [name, events] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await runSoak(name!, Number(events))));
