import { join } from 'node:path';
import { afterAll } from 'vitest';
import { embeddedArtefacts } from '../../connectors/embedded/embedded-artefacts.js';
import { kafkaArtefacts } from '../../connectors/kafka/kafka-artefacts.js';
import { s3Artefacts } from '../../connectors/s3/s3-artefacts.js';
import { s3Settings } from '../../connectors/s3/s3-settings.js';
import { systemClock } from '../../dataflow/clock.js';
import { memoryRuntime } from '../../runners/testing/index.js';
import { memoryArtefacts } from '../../runners/testing/memory-artefacts.js';
import { artefactStoreContract } from '../contracts/artefact-store-contract.js';
import { temporaryDirectory } from './embedded/temporary-directory.js';
import { s3Keys, s3Server } from './s3/s3-server.js';

const server = await s3Server();
afterAll(() => server.close());
let buckets = 0;
const local = (machine: string, home = temporaryDirectory()) => embeddedArtefacts(join(home, machine));

artefactStoreContract('a folder', async () => {
  const home = temporaryDirectory();
  return { store: embeddedArtefacts(home), other: embeddedArtefacts(home) };
});
artefactStoreContract('memory', async () => {
  const store = memoryArtefacts();
  return { store, other: store };
});
artefactStoreContract('a topic', async () => {
  const { log } = memoryRuntime();
  return { store: kafkaArtefacts(log, local('one')), other: kafkaArtefacts(log, local('other')) };
});
artefactStoreContract('S3', async () => {
  const settings = s3Settings({ HEADRACE_ARTEFACTS: `s3://models-${++buckets}/heads/`, AWS_ENDPOINT_URL_S3: server.url, ...s3Keys })!;
  return { store: s3Artefacts(settings, local('one'), systemClock), other: s3Artefacts(settings, local('other'), systemClock) };
});
