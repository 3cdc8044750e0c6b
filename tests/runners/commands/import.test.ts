import { expect, test } from 'vitest';
import { clickLines, headrace, workplace } from './headrace-process.js';

interface Record_ {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Readonly<Record<string, unknown>> | null;
}

test('clicks: events go to the partition of their user, refused lines with their bytes to clicks.dlq', async () => {
  const lines = clickLines(5).split('\n');
  lines[1] = '{"userId": "u1", oops';
  lines[3] = '{"userId":"u3","itemId":"i3","eventType":"CLICK","timestamp":1767571230}';
  const cwd = workplace({ 'in.jsonl': lines.join('\n') });
  const done = await headrace(['import', 'clicks', 'in.jsonl', '--json'], { cwd });
  expect(done.code).toBe(0);
  expect(done.json()).toEqual([
    { format: 'clicks', input: 'in.jsonl', topic: 'clicks', partitions: 4, lines: 5, events: 3, refused: 2, skipped: 0, ignoredFields: {}, from: Date.UTC(2026, 0, 5), to: Date.UTC(2026, 0, 5, 0, 0, 40), wallS: expect.any(Number) },
  ]);
  const events = (await headrace(['topic', 'read', 'clicks', '--json'], { cwd })).json() as Record_[];
  expect(events.map((e) => [e.key, e.value?.['eventId'], e.timestamp - Date.UTC(2026, 0, 5)])).toEqual([['u0', 'e0', 0], ['u2', 'e2', 20_000], ['u4', 'e4', 40_000]]);
  const letters = (await headrace(['topic', 'read', 'clicks.dlq', '--json'], { cwd })).json() as Record_[];
  expect(letters).toMatchObject([
    { partition: 0, offset: 0, key: null, headers: { 'hr-code': 'HR_INPUT_LINE', 'hr-step': 'import', 'hr-topic': 'in.jsonl', 'hr-partition': '0', 'hr-offset': '2', 'hr-message': expect.stringContaining('not JSON') } },
    { partition: 0, offset: 1, headers: { 'hr-offset': '4', 'hr-message': expect.stringContaining('looks like seconds') } },
  ]);
  expect(letters.map((l) => Buffer.from(l.value!['base64'] as string, 'base64').toString())).toEqual([lines[1], lines[3]]);
});

test('a key goes to the partition where Kafka would put it', async () => {
  // murmur2 of the Java client: "21" -> -973932308, "foobar" -> -790332482
  const line = (userId: string) => `{"userId":"${userId}","itemId":"i","eventType":"CLICK","timestamp":1767571200000}\n`;
  const cwd = workplace({ 'in.jsonl': line('21') + line('foobar') });
  await headrace(['import', 'clicks', 'in.jsonl', '--partitions', '1000'], { cwd });
  const events = (await headrace(['topic', 'read', 'clicks', '--json'], { cwd })).json() as Record_[];
  expect(Object.fromEntries(events.map((e) => [e.key, e.partition]))).toEqual({ 21: (-973932308 & 0x7fffffff) % 1000, foobar: (-790332482 & 0x7fffffff) % 1000 });
});

test('standard input, and a second import that says what is there already', async () => {
  const cwd = workplace();
  expect((await headrace(['import', 'clicks', '-'], { cwd, stdin: clickLines(3) })).stdout).toContain('3 lines in, 3 events to the topic clicks (4 partitions), 0 refused, 0 skipped');
  const second = await headrace(['import', 'clicks', '-'], { cwd, stdin: clickLines(3) });
  expect(second.stderr).toContain('The topic clicks already has 3 records');
  const other = await headrace(['import', 'clicks', '-', '--partitions', '8'], { cwd, stdin: clickLines(3) });
  expect(other).toMatchObject({ code: 1, stdout: '' });
  expect(other.stderr).toContain('HR_TOPIC_EXISTS  clicks has 4 partitions');
});

test('apache logs and MovieLens', async () => {
  const log = '127.0.0.1 - - [05/Jan/2026:10:00:00 +0000] "GET /a/b HTTP/1.1" 200 12 "-" "curl/8"\nnonsense\n';
  const cwd = workplace({ 'access.log': log, 'ml/movies.csv': 'movieId,title,genres\n1,Toy (1995),Comedy|Drama\n', 'ml/ratings.csv': 'userId,movieId,rating,timestamp\n1,1,4.0,964982703\n' });
  expect((await headrace(['import', 'apache-logs', 'access.log', '--json'], { cwd })).json()).toMatchObject([{ lines: 2, events: 1, refused: 1 }]);
  expect((await headrace(['import', 'movielens', 'ml', '--json'], { cwd })).json()).toMatchObject([{ lines: 2, events: 1, refused: 0, skipped: 1 }]);
  const events = (await headrace(['topic', 'read', 'clicks', '--json'], { cwd })).json() as Record_[];
  expect(events.map((e) => [e.value?.['userId'], e.value?.['itemId'], e.value?.['eventType']])).toEqual([
    ['u1', 'm1', 'LIKE'],
    ['127.0.0.1 curl/8', '/a/b', 'CLICK'],
  ]);
});

test('a file that is not there, and a file in another format', async () => {
  const cwd = workplace({ 'in.csv': 'a,b\n1,2\n' });
  const missing = await headrace(['import', 'clicks', 'nowhere.jsonl'], { cwd });
  expect(missing).toMatchObject({ code: 1, stdout: '' });
  expect(missing.stderr).toContain('HR_INPUT_FILE');
  const other = await headrace(['import', 'clicks', 'in.csv'], { cwd });
  expect(other.stderr).toContain('No line of in.csv gave an event: is it in the format clicks?');
  expect(other.stderr.match(/HR_INPUT_LINE/g)).toHaveLength(1);
});

test('keys longer than the usual buffer and of every script', async () => {
  const users = ['é'.repeat(3_000), '用户', '🙂', 'x'.repeat(10_000)];
  const cwd = workplace();
  await headrace(['import', 'clicks', '-'], { cwd, stdin: users.map((userId) => `${JSON.stringify({ userId, itemId: 'i', eventType: 'CLICK', timestamp: 1767571200000 })}\n`).join('') });
  const events = (await headrace(['topic', 'read', 'clicks', '--json'], { cwd })).json() as Record_[];
  expect(new Set(events.map((e) => e.key))).toEqual(new Set(users));
  expect(events.every((e) => e.key === e.value?.['userId'])).toBe(true);
});
