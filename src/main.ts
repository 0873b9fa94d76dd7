#!/usr/bin/env node
// The program `ringmq`. Looks at the runtime before anything is loaded that an old one cannot parse, then hands over
// to the command line, and gives it what it may not import itself: the assembly of a node.
// Lives on: main. Called by: npm start, npx ringmq, tests.
const NODE_MAJOR_MIN = 24;

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `ringmq: Cannot run on Node ${process.versions.node}: expected ${NODE_MAJOR_MIN} or newer (https://nodejs.org)\n`,
  );
  process.exit(1);
}

const { runProgram } = await import('./cli/program.ts');
const code = await runProgram(process.argv.slice(2), {
  startNode: async (config, { version, log }) => {
    const [{ startNode }, { nodeSettings }] = await Promise.all([import('./node.ts'), import('./node-settings.ts')]);
    return startNode(nodeSettings(config, version), { log });
  },
});
// What was printed into a pipe is still on its way; then idle connections must not keep the process.
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit(code);
