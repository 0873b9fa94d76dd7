// `ringmq` as src/main.ts runs it, but for its worker file: one of its threads dies.
import { runProgram } from '../../../src/cli/program.ts';
import { startNode } from '../../../src/node.ts';
import { nodeSettings } from '../../../src/node-settings.ts';

const threadsFile = new URL('./dying-threads.ts', import.meta.url);
const code = await runProgram(process.argv.slice(2), {
  startNode: (config, { version, log }) => startNode(nodeSettings(config, version), { log, threadsFile }),
});
process.exit(code);
