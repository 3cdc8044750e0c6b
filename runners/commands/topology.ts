import { loadPipeline } from '../load-pipeline.js';
import { oneOf } from './arguments.js';
import { type Command, exitCodes } from './command.js';
import { topologyOf } from './topology-graph.js';
import { topologyMermaid } from './topology-mermaid.js';
import { topologySvg } from './topology-svg.js';

/** `headrace topology`: the picture of a pipeline. */
export const topology: Command = {
  name: 'topology',
  usage: ['topology PIPELINE [--format mermaid|json|svg]'],
  about: 'Prints the steps and topics of a pipeline. Steps that send records to other tasks are marked as exchanges. Nothing runs.',
  options: { format: { value: 'F', what: 'mermaid, json or svg (default mermaid; json under --json)' } },
  operands: [1, 1],
  async run(call) {
    const format = oneOf(call, 'format', ['mermaid', 'json', 'svg']) ?? (call.json ? 'json' : 'mermaid');
    const graph = topologyOf(await loadPipeline(call.operands[0]!));
    const text = () => (format === 'json' ? JSON.stringify(graph) : format === 'svg' ? topologySvg(graph) : topologyMermaid(graph));
    await call.output.print(format === 'json' ? graph : { pipeline: graph.pipeline, format, text: text() }, text);
    return exitCodes.done;
  },
};
