import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, runInstaller, type Service, servicesDir } from './service.js';

const version = '26.7.3-stable.1';
const home = join(servicesDir, 'clickhouse');
const libraryPackage = `@chdb/lib-linux-${process.arch}-gnu`;
/** The one that the tests have installed beside chdb, else one of the service's own. */
const library = [join(servicesDir, '../node_modules', libraryPackage, 'libchdb.so'), join(home, 'node_modules', libraryPackage, 'libchdb.so')].find((file) => existsSync(file)) ?? join(home, 'node_modules', libraryPackage, 'libchdb.so');
/** Ends never: `clickhouse local` lives as long as its query. */
const keepAlive = 'SELECT sleepEachRow(0.2) FROM system.numbers FORMAT Null SETTINGS max_block_size=1, max_threads=1, function_sleep_max_microseconds_per_block=0, log_queries=0';
const launcher = `import ctypes, sys
run = ctypes.CDLL(sys.argv[1]).chdb_query_cmdline
run.restype = ctypes.c_void_p
words = [b"clickhouse"] + [x.encode() for x in sys.argv[2:]]
run(len(words), (ctypes.c_char_p * len(words))(*words))
`;

/** ClickHouse's engine with its own HTTP handler, out of the library that the npm package of chdb carries (555 MB): no users, no replication. */
export const clickhouse: Service = {
  name: 'clickhouse',
  needs: [{ command: 'python3', install: 'install Python 3 (it loads the library and calls its entry point).' }],
  patience: 60,
  install() {
    if (existsSync(library)) return;
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
    runInstaller('npm', ['install', '--no-audit', '--no-fund', `${libraryPackage}@${version}`], home);
  },
  command({ dir, port }) {
    const [config, users] = [join(dir, 'config.xml'), join(dir, 'users.xml')];
    writeFileSync(config, `<clickhouse><users_config>${users}</users_config><max_server_memory_usage>2000000000</max_server_memory_usage></clickhouse>\n`);
    writeFileSync(users, '<clickhouse><profiles><default><max_threads>2</max_threads></default></profiles><quotas><default/></quotas><users><default><password></password><networks><ip>127.0.0.1</ip></networks></default></users></clickhouse>\n');
    const words = ['--config-file', config, '--path', join(dir, 'store'), '--listen_host', '127.0.0.1', '--http_port', String(port), '--query', `SYSTEM START LISTEN HTTP; ${keepAlive}`];
    return { file: 'python3', args: ['-c', launcher, library, ...words] };
  },
  ready: (port) => answers(`http://127.0.0.1:${port}/ping`),
  variable: (port) => ({ name: 'CLICKHOUSE_URL', value: `http://127.0.0.1:${port}` }),
};
