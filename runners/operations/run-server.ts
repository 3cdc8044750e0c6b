import type { Server } from 'node:http';
import type { Metrics } from '../../dataflow/metrics.js';
import { answeringServer, isToken, problem } from '../../serving/answering-server.js';
import { prometheusText, prometheusType } from './prometheus-text.js';
import type { RunHealth } from './run-health.js';

/** What the server of a run answers from. */
export interface RunServerOptions {
  readonly pipeline: string;
  readonly metrics: Metrics;
  readonly health: RunHealth;
  /** `/metrics` needs it (`Authorization: Bearer …`). @default none */
  readonly token?: string | undefined;
}

/** Milliseconds that `/metrics` waits for the ends of the inputs; then it gives the lag as last measured. */
const lagWaitMs = 1_000;

/**
 * The HTTP server of a run: `/healthz` says that the process lives, `/readyz` whether it is connected, has its partitions and has restored their state (200, else 503),
 * `/metrics` gives the metrics to Prometheus.
 */
export function runServer({ pipeline, metrics, health, token }: RunServerOptions): Server {
  return answeringServer(async (request) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/healthz') return { status: 200, body: { status: 'ok', pipeline } };
    if (pathname === '/readyz') return { status: health.isReady ? 200 : 503, body: { status: health.isReady ? 'ready' : 'waiting', pipeline, ...health.readiness() } };
    if (pathname !== '/metrics') return problem(404, 'HR_USAGE', 'There is /metrics, /healthz and /readyz.');
    if (token !== undefined && !isToken(request, token)) return problem(401, 'HR_TOKEN', 'The token is missing or wrong.');
    await health.measureLag(lagWaitMs);
    return { status: 200, body: prometheusText(metrics, pipeline), type: prometheusType };
  });
}
