import { type MetricName, type Metrics, metricTable } from '../../dataflow/metrics.js';

/** Media type of the text format of Prometheus. */
export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Metrics as Prometheus reads them, with those of the process.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function prometheusText(metrics: Metrics, pipeline: string): string {
  const series = new Map<MetricName, string[]>();
  for (const { name, step, value } of metrics.snapshot()) {
    const lines = series.get(name) ?? [];
    series.set(name, lines);
    lines.push(`${name}{${[['pipeline', pipeline], ...labelsOf(name, step)].map(([label, text]) => `${label}="${escaped(text!)}"`).join(',')}} ${value}`);
  }
  const all = [...series].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, lines]) => [`# HELP ${name} ${metricTable[name].help}`, `# TYPE ${name} ${metricTable[name].type}`, ...lines.sort()]);
  const { user, system } = process.cpuUsage();
  all.push('# HELP process_cpu_seconds_total CPU time of the process.', '# TYPE process_cpu_seconds_total counter', `process_cpu_seconds_total ${(user + system) / 1e6}`);
  all.push('# HELP process_resident_memory_bytes Resident memory of the process.', '# TYPE process_resident_memory_bytes gauge', `process_resident_memory_bytes ${process.memoryUsage.rss()}`);
  all.push('# HELP process_start_time_seconds Start of the process (Unix time).', '# TYPE process_start_time_seconds gauge', `process_start_time_seconds ${Math.round(performance.timeOrigin) / 1e3}`);
  return `${all.join('\n')}\n`;
}

function labelsOf(name: MetricName, step: string): string[][] {
  const { by } = metricTable[name];
  if (by === '') return [];
  if (by !== 'partition') return [[by, step]];
  const at = step.lastIndexOf('/');
  return [['topic', step.slice(0, at)], ['partition', step.slice(at + 1)]];
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
