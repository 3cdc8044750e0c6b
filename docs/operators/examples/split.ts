import { map, pipeline, split, to, topic } from 'headrace';
import { play } from 'headrace/testing';

const orders = topic('orders', { time: 'at', value: { id: 'string', paid: 'boolean', at: 'timestamp' } });
const sent = topic('sent', { value: { id: 'string' } });
const reminders = topic('reminders', { value: { text: 'string' } });

const job = pipeline('orders', ({ from }) => {
  const { paid, rest } = split(from(orders), { paid: orders.paid.is(true), rest: true });
  return [paid.pipe(to(sent)), rest.pipe(map((o) => ({ text: `pay ${o.id}` })), to(reminders))];
});

await play(job, {
  records: { a: { id: 'a', paid: true }, b: { id: 'b', paid: false } },
  in:  { orders: 'a@1 b@2 ||' },
  out: { sent: '{id:a}@1', reminders: '{text:"pay b"}@2' },
});
