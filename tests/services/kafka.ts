import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isTaken, runInstaller, type Service, servicesDir } from './service.js';

const version = '4.2.0';
const jars = join(servicesDir, 'kafka', `kafka-${version}`);
const artifacts = [
  ['org.apache.kafka', 'kafka_2.13', version],
  ['org.apache.kafka', 'kafka-tools', version],
  ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.3'],
] as const;

/** Apache Kafka in KRaft mode, one node, from the jars of its Maven artifacts (55 MB). */
export const kafka: Service = {
  name: 'kafka',
  needs: [
    { command: 'java', install: 'install a JDK 17 or newer (Debian: openjdk-17-jdk-headless).' },
    { command: 'mvn', install: 'install Apache Maven (Debian: maven).' },
  ],
  patience: 90,
  install() {
    if (existsSync(jars)) return;
    const work = `${jars}.${process.pid}`;
    mkdirSync(work, { recursive: true });
    const dependencies = artifacts.map(([group, artifact, v]) => `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${v}</version></dependency>`);
    writeFileSync(
      join(work, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging><dependencies>${dependencies.join('')}</dependencies></project>`,
    );
    runInstaller('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], work);
    renameSync(join(work, 'lib'), jars);
    rmSync(work, { recursive: true });
  },
  command({ dir, port }) {
    const config = join(dir, 'server.properties');
    writeFileSync(config, properties(dir, port));
    writeFileSync(join(dir, 'log4j2.properties'), 'rootLogger.level=warn\nrootLogger.appenderRef.c.ref=c\nappender.c.type=Console\nappender.c.name=c\nappender.c.layout.type=PatternLayout\nappender.c.layout.pattern=%d %p %c: %m%n\n');
    if (!existsSync(join(dir, 'log', 'meta.properties'))) {
      execFileSync('java', [...javaOptions(dir), 'kafka.tools.StorageTool', 'format', '-t', 'aGVhZHJhY2Uta2Fma2EtMQ', '-c', config], { stdio: ['ignore', 'ignore', 2] });
    }
    return { file: 'java', args: [...javaOptions(dir), 'kafka.Kafka', config] };
  },
  ready: isTaken,
  variable: (port) => ({ name: 'KAFKA_BROKERS', value: `127.0.0.1:${port}` }),
};

/** Class path of Kafka's jars, for its own command-line tools; `install` first. */
export const kafkaClassPath = join(jars, '*');

function javaOptions(dir: string): string[] {
  return ['-Xms512m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=4', `-Dlog4j2.configurationFile=${join(dir, 'log4j2.properties')}`, '-cp', kafkaClassPath];
}

function properties(dir: string, port: number): string {
  const controller = port < 65_000 ? port + 1 : port - 1;
  return `${[
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(dir, 'log')}`,
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
  ].join('\n')}\n`;
}
