// npm run bench: runs the scenarios that are named, or all. --list tells them, --tiny is the size of the test suite,
// --json prints one object a scenario. What counts are the ratios.
import { parseArgs } from 'node:util';
import { memoryScenario } from './memory.ts';
import { nativeScenario } from './native.ts';
import { queueScenario } from './queue.ts';
import { printJson, printTable } from './report.ts';
import { ringScenario } from './ring.ts';
import { routesScenario } from './routes.ts';
import type { Scenario } from './scenario.ts';
import { grpcScenario, shardsScenario } from './throughput.ts';

export const SCENARIOS: readonly Scenario[] = [
  grpcScenario,
  shardsScenario,
  memoryScenario,
  queueScenario,
  ringScenario,
  routesScenario,
  nativeScenario,
];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { list: { type: 'boolean' }, tiny: { type: 'boolean' }, json: { type: 'boolean' } },
  });
  if (values.list) {
    for (const { name, summary } of SCENARIOS) console.log(`${name.padEnd(10)} ${summary}`);
    return;
  }
  for (const name of positionals.length === 0 ? SCENARIOS.map((scenario) => scenario.name) : positionals) {
    const scenario = SCENARIOS.find((known) => known.name === name);
    if (scenario === undefined) {
      throw new Error(`Cannot run "${name}": the scenarios are ${SCENARIOS.map((known) => known.name).join(', ')}`);
    }
    const measured = await scenario.run(values.tiny ? 'tiny' : 'full');
    if (values.json) printJson(name, measured);
    else printTable(name, measured);
  }
}

if (import.meta.main) await main();
