import { process } from 'headrace';
import { play } from 'headrace/testing';

interface Visit { readonly name: string; readonly time: number }

/** Says when a key has been silent for 10 seconds. */
const silences = process<Visit, { readonly key: string }, { last: number }, { readonly after: string }>('silences', {
  init: () => ({ last: 0 }),
  onRecord(_visit, state, { time, timer }) {
    state.last = time;
    timer(time + 10_000);
  },
  onTimer(time, state, { emit, key }) {
    if (time === state.last + 10_000) emit({ after: key });
  },
});

play(silences, { key: (v) => v.name, in: 'ann@1 bob@2 ann@5 |w20', out: '{after:bob}@12 {after:ann}@15' });
