// Runs the simulator for as long as one likes: `npm run sim -- --seeds 10000 --from 1`. Every seed is a course of its
// own; one that ends wrong is printed with its seed, which runs it again exactly.
import { parseArgs } from 'node:util';
import { run, SMALL } from './routes-course.ts';

interface Sums {
  seeds: number;
  events: number;
  messages: number;
  connects: number;
  repairs: number;
  failed: number;
}

/** Routes of 2 to 5 nodes under loss, doubles, disorder, cuts and restarts; returns what is wrong in the end. */
function runRoutes(seed: number, sums: Sums): readonly string[] {
  const sim = run({ seed, nodes: 2 + (seed % 4), actions: 300, sizes: seed % 2 === 0 ? {} : SMALL });
  sums.events += sim.scheduler.count;
  sums.messages += sim.messages;
  sums.connects += sim.connects;
  for (const { routes } of sim.nodes) sums.repairs += routes.figures.routeRepairs;
  return sim.check();
}

function main(args: readonly string[]): number {
  const options = { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const sums: Sums = { seeds: 0, events: 0, messages: 0, connects: 0, repairs: 0, failed: 0 };
  const from = Number(values.from);
  for (let seed = from; seed < from + Number(values.seeds); seed++) {
    const wrong = runRoutes(seed, sums);
    sums.seeds++;
    if (wrong.length === 0) continue;
    sums.failed++;
    process.stdout.write(`routes: seed ${seed}: ${wrong.slice(0, 3).join('; ')}\n`);
  }
  const figures = Object.entries(sums).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`routes: ${figures.join(', ')}\n`);
  return sums.failed === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
