import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { answers, runInstaller, type Service, servicesDir } from './service.js';

/** The newest line that runs on Java 17. */
const version = '2.6.13.Final';
const home = join(servicesDir, 'registry', `apicurio-${version}`);
const path = '/apis/ccompat/v7';

/** Apicurio Registry, which speaks Confluent's protocol, from its Maven artifact (150 MB). Schemas are in memory; compatibility is BACKWARD. */
export const registry: Service = {
  name: 'registry',
  needs: [
    { command: 'java', install: 'install a JDK 17 or newer (Debian: openjdk-17-jdk-headless).' },
    { command: 'mvn', install: 'install Apache Maven (Debian: maven).' },
  ],
  patience: 90,
  install() {
    if (existsSync(home)) return;
    const work = `${home}.${process.pid}`;
    mkdirSync(join(work, 'app'), { recursive: true });
    runInstaller('mvn', ['-q', '-B', 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy', '-Dmdep.useBaseVersion=true', `-Dartifact=io.apicurio:apicurio-registry-app:${version}:tar.gz:all`, `-DoutputDirectory=${work}`], work);
    const archive = readdirSync(work).find((file) => file.endsWith('.tar.gz'))!;
    runInstaller('tar', ['-C', join(work, 'app'), '-xzf', join(work, archive)], work);
    renameSync(join(work, 'app'), home);
    rmSync(work, { recursive: true });
  },
  command({ dir, port }) {
    const jar = readdirSync(home).find((file) => file === 'quarkus-run.jar' || file.endsWith('-runner.jar'))!;
    return {
      file: 'java',
      args: ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Djava.io.tmpdir=${dir}`, '-jar', join(home, jar)],
      env: { QUARKUS_HTTP_HOST: '127.0.0.1', QUARKUS_HTTP_PORT: String(port), QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false', REGISTRY_RULES_GLOBAL_COMPATIBILITY: 'BACKWARD' },
    };
  },
  async ready(port) {
    const base = `http://127.0.0.1:${port}${path}`;
    if (!(await answers(`${base}/subjects`))) return false;
    // Apicurio's own default is NONE; Confluent's is BACKWARD
    const set = await fetch(`${base}/config`, { method: 'PUT', headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: '{"compatibility":"BACKWARD"}' });
    return set.ok;
  },
  variable: (port) => ({ name: 'SCHEMA_REGISTRY_URL', value: `http://127.0.0.1:${port}${path}` }),
};
