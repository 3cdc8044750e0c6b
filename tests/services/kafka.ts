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

/** The user of the listener with TLS and SASL, which is two ports above the plain one. */
export const secureKafka = { username: 'headrace', password: 'a-password-for-tests', portAbove: 2 } as const;

/** Apache Kafka in KRaft mode, one node, from the jars of its Maven artifacts (55 MB). */
export const kafka: Service = kafkaNamed('kafka');

/** PEM file of the certificate of a broker. */
export function certificateOf({ name }: Service): string {
  return join(servicesDir, name, 'data', 'broker.pem');
}

/** A broker of its own, with data of its own. @param more lines of its configuration */
export function kafkaNamed(name: string, more: readonly string[] = []): Service {
  return {
    name,
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
      writeFileSync(config, `${properties(dir, port)}${more.map((line) => `${line}\n`).join('')}`);
      writeFileSync(join(dir, 'log4j2.properties'), 'rootLogger.level=warn\nrootLogger.appenderRef.c.ref=c\nappender.c.type=Console\nappender.c.name=c\nappender.c.layout.type=PatternLayout\nappender.c.layout.pattern=%d %p %c: %m%n\n');
      if (!existsSync(join(dir, 'log', 'meta.properties')) || !existsSync(join(dir, 'broker.pem'))) {
        rmSync(join(dir, 'log'), { recursive: true, force: true });
        makeCertificate(dir);
        const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${secureKafka.username},password=${secureKafka.password}]`]);
        execFileSync('java', [...javaOptions(dir), 'kafka.tools.StorageTool', 'format', '-t', 'aGVhZHJhY2Uta2Fma2EtMQ', '-c', config, ...users], { stdio: ['ignore', 'ignore', 2] });
      }
      return { file: 'java', args: [...javaOptions(dir), 'kafka.Kafka', config] };
    },
    ready: isTaken,
    variable: (port) => ({ name: 'KAFKA_BROKERS', value: `127.0.0.1:${port}` }),
  };
}

/** Class path of Kafka's jars, for its own command-line tools; `install` first. */
export const kafkaClassPath = join(jars, '*');

/** A certificate that the broker has signed itself, by the JDK's own tool. */
function makeCertificate(dir: string): void {
  const store = ['-keystore', join(dir, 'broker.p12'), '-storepass', secureKafka.password, '-alias', 'broker'];
  const run = (...words: string[]) => execFileSync('keytool', [...words, ...store], { stdio: 'ignore' });
  run('-genkeypair', '-keyalg', 'EC', '-dname', 'CN=localhost', '-ext', 'SAN=IP:127.0.0.1,DNS:localhost', '-validity', '3650', '-storetype', 'PKCS12');
  run('-exportcert', '-rfc', '-file', join(dir, 'broker.pem'));
}

function javaOptions(dir: string): string[] {
  return ['-Xms512m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=4', `-Dlog4j2.configurationFile=${join(dir, 'log4j2.properties')}`, '-cp', kafkaClassPath];
}

function properties(dir: string, port: number): string {
  const controller = port + 1;
  return `${[
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},SECURE://127.0.0.1:${port + secureKafka.portAbove},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port},SECURE://127.0.0.1:${port + secureKafka.portAbove}`,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
    'listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    `listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_${secureKafka.username}="${secureKafka.password}";`,
    ...['256', '512'].map((bits) => `listener.name.secure.scram-sha-${bits}.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;`),
    `ssl.keystore.location=${join(dir, 'broker.p12')}`,
    `ssl.keystore.password=${secureKafka.password}`,
    'ssl.keystore.type=PKCS12',
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
