import type { Kafka } from 'kafkajs';
import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.doUnmock('kafkajs');
  vi.resetModules();
});

test('without the package it says what to install', async () => {
  vi.resetModules();
  vi.doMock('kafkajs', () => {
    throw new Error("Cannot find package 'kafkajs'");
  });
  const { loadKafkajs } = await import('../../../../connectors/kafka/kafkajs/load-kafkajs.js');
  await expect(loadKafkajs()).rejects.toMatchObject({ code: 'HR_KAFKA_SETTINGS', remedy: 'Install it beside headrace: npm install kafkajs' });
});

test('compressions are added to those that it has, and none is replaced', async () => {
  const mine = () => ({ compress: 'mine' });
  const codecs: Record<number, () => unknown> = {
    1: mine,
    2: () => {
      throw new Error('Snappy compression not implemented');
    },
    3: mine,
  };
  vi.resetModules();
  vi.doMock('kafkajs', () => ({ default: { CompressionCodecs: codecs } }));
  const { loadKafkajs } = await import('../../../../connectors/kafka/kafkajs/load-kafkajs.js');
  await loadKafkajs();
  expect(codecs[1]).toBe(mine);
  expect(codecs[3]).toBe(mine);
  for (const number of [2, 4]) {
    const { compress, decompress } = codecs[number]!() as { compress: (encoder: { buffer: Buffer }) => Promise<Buffer>; decompress: (bytes: Buffer) => Promise<Buffer> };
    const bytes = Buffer.from('abc'.repeat(100));
    const packed = await compress({ buffer: bytes });
    expect(packed.length).toBeLessThan(bytes.length);
    expect(await decompress(packed)).toEqual(bytes);
  }
});

test('a version without the layer below consumer and admin is refused', async () => {
  const { kafkajsBroker } = await import('../../../../connectors/kafka/kafkajs/load-kafkajs.js');
  await expect(kafkajsBroker({} as Kafka, { host: 'a', port: 1 })).rejects.toMatchObject({ code: 'HR_KAFKA', remedy: expect.stringContaining('kafkajs 2.2.4') as unknown });
});
