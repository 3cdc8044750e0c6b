import { NetworkError, TimeoutError, Writer } from '@platformatic/kafka';
import type { Request } from '../../connectors/kafka/protocol/requests.js';
import { ResponseReader } from '../../connectors/kafka/protocol/response-reader.js';
import { requestTimeoutMs, type Address, type Transport } from '../../connectors/kafka/protocol/transport.js';
import type { SimulatedBrokers } from './brokers/simulated-brokers.js';
import type { Fate } from './faults.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { SimulatedTime } from './simulated-time.js';

/** A connection: requests arrive in order, answers come back in order, and a cut ends all of them. */
interface Line {
  isOpen: boolean;
  /** When the last request arrives, and the last answer is back. */
  lastArrival: number;
  lastAnswer: number;
  /** Requests without an answer, in the order in which they were sent. */
  readonly waiting: Set<Waiting>;
  isWatched: boolean;
}

interface Waiting {
  readonly until: number;
  fail(error: Error): void;
}

export interface SimulatedNetwork {
  /** Connections of a process. */
  transport(process: SimulatedProcess): Transport;
  /** Cuts all connections with a broker. */
  cutBroker(broker: number): void;
}

/** What a network is made of. */
export interface NetworkOptions {
  readonly time: SimulatedTime;
  readonly brokers: SimulatedBrokers;
  readonly fate: (key: number) => Fate;
  /** Told of each request and what became of it. */
  readonly note: (what: string, process: SimulatedProcess, request: Request<unknown>, broker: number, answer?: unknown) => void;
}

export function simulatedNetwork({ time, brokers, fate: draw, note }: NetworkOptions): SimulatedNetwork {
  const lines = new Map<string, Line>();
  const cut = (name: string, why: string): void => {
    const line = lines.get(name);
    if (line === undefined) return;
    lines.delete(name);
    line.isOpen = false;
    for (const waiting of line.waiting) waiting.fail(new NetworkError(why));
  };
  /** Requests that take too long. One timer a connection and not one a request, which would keep all that a run has sent. */
  const watch = (name: string, line: Line): void => {
    const [first] = line.waiting;
    line.isWatched = first !== undefined;
    if (first === undefined) return;
    time.after(first.until - time.now(), () => {
      let isLate = false;
      for (const waiting of line.waiting) {
        if (waiting.until > time.now()) break;
        isLate = true;
        waiting.fail(new TimeoutError('no answer came'));
      }
      // the answer to a request that timed out would be taken for that of another
      if (isLate && lines.get(name) === line) cut(name, 'the connection was closed after a request that timed out');
      watch(name, line);
    });
  };
  const transport = (process: SimulatedProcess): Transport => {
    const send = <R>(to: Address, lineName: string, request: Request<R>): Promise<R> =>
      new Promise<R>((resolve, reject) => {
        const broker = Number(to.host.slice(to.host.indexOf('-') + 1));
        if (!brokers.isUp(broker)) {
          note('refused', process, request, broker);
          process.after(1, () => reject(new NetworkError('connection refused')));
          return;
        }
        const name = `${process.id} ${broker} ${lineName}`;
        let line = lines.get(name);
        if (line === undefined) lines.set(name, (line = { isOpen: true, lastArrival: 0, lastAnswer: 0, waiting: new Set(), isWatched: false }));
        const over = line;
        const writer = Writer.create();
        request.encode(writer);
        // the memory of a request is used again by the client
        const body = Buffer.from(writer.buffer);
        const fate = draw(request.key);
        let isOver = false;
        const end = (finish: () => void): void => {
          if (isOver) return;
          isOver = true;
          over.waiting.delete(waiting);
          process.run(finish);
        };
        const waiting: Waiting = { until: time.now() + requestTimeoutMs, fail: (error) => end(() => reject(error)) };
        over.waiting.add(waiting);
        if (!over.isWatched) watch(name, over);

        const arrive = (isFirst: boolean): void => {
          // what a stopped broker had in its buffers is gone
          if (!brokers.isUp(broker)) return;
          note(isFirst ? 'arrives' : 'arrives again', process, request, broker);
          brokers.handle({ broker, key: request.key, version: request.version, body: isFirst ? body : Buffer.from(body), process: process.id }, isFirst ? fate.trouble : 'none', (answer) => {
            if (!isFirst || fate.answeredAfter === undefined || !over.isOpen) return;
            over.lastAnswer = Math.max(over.lastAnswer, time.now() + fate.answeredAfter);
            time.after(over.lastAnswer - time.now(), () => {
              if (!over.isOpen) return;
              end(() => {
                try {
                  const decoded = request.decode(new ResponseReader(answer));
                  note('answered', process, request, broker, decoded);
                  resolve(decoded);
                } catch (error) {
                  note('answered', process, request, broker, error);
                  reject(error as Error);
                }
              });
            });
          });
        };
        if (fate.arrivesAfter !== undefined) {
          const stuck = fate.cutAfter !== undefined && fate.arrivesAfter > fate.cutAfter;
          const at = stuck ? time.now() + fate.arrivesAfter : Math.max(over.lastArrival, time.now() + fate.arrivesAfter);
          if (!stuck) over.lastArrival = at;
          time.after(at - time.now(), () => arrive(true));
          if (fate.againAfter !== undefined) time.after(at - time.now() + fate.againAfter, () => arrive(false));
        }
        if (fate.cutAfter !== undefined) {
          time.after(fate.cutAfter, () => {
            note('cut', process, request, broker);
            if (lines.get(name) === over) cut(name, 'the connection was cut');
          });
        }
      });
    return {
      send,
      async close() {
        for (const name of lines.keys()) if (name.startsWith(`${process.id} `)) cut(name, 'the connection was closed');
      },
    };
  };
  return {
    transport,
    cutBroker(broker) {
      for (const name of lines.keys()) if (name.split(' ')[1] === String(broker)) cut(name, 'the broker has gone');
    },
  };
}
