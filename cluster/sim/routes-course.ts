// One course of a simulated cluster: what nodes do to their routes and what happens to their links, drawn from a seed.
// Called by: main.ts, tests.
import type { RouteSizes } from '../routes/route-log.ts';
import { SimRandom } from './random.ts';
import { type RouteFaults, RoutesSim } from './routes-sim.ts';

export interface Course {
  readonly seed: number;
  readonly nodes: number;
  readonly actions: number;
  readonly sizes?: Partial<RouteSizes>;
  /** Drawn unless given. */
  readonly faults?: Partial<RouteFaults>;
  readonly healMs?: number;
}

/** Frames that are few and short, so that what is missing comes in snapshots of many chunks. */
export const SMALL: Partial<RouteSizes> = { opsPerFrameMax: 3, ringOpsMax: 6 };

export const FILTERS: readonly string[] = [
  ...Array.from({ length: 40 }, (_, index) => `plant/${index % 5}/unit${index}`),
  ...['plant/+/unit3', 'plant/#', '#', '+/1/+', 'plant/4/#'],
];

/** A run with faults that the seed draws; ends healed. */
export function run(course: Course): RoutesSim {
  const sim = new RoutesSim(course);
  const draw = new SimRandom(course.seed + 1);
  sim.faults = { ...drawFaults(draw), ...course.faults };
  for (let action = 0; action < course.actions; action++) {
    act(sim, draw);
    sim.scheduler.runUntil(sim.scheduler.nowMs + draw.between(0, draw.chance(0.1) ? 800 : 8));
  }
  sim.heal(course.healMs);
  return sim;
}

function drawFaults(draw: SimRandom): RouteFaults {
  return {
    loss: draw.chance(0.5) ? draw.between(0, 0.3) : 0,
    duplicate: draw.chance(0.5) ? draw.between(0, 0.5) : 0,
    alter: draw.chance(0.3) ? draw.between(0, 0.1) : 0,
    reorder: draw.chance(0.5),
  };
}

function act(sim: RoutesSim, draw: SimRandom): void {
  const node = draw.pick(sim.nodes);
  const other = draw.pick(sim.nodes.filter((candidate) => candidate !== node));
  const kind = draw.next();
  if (kind < 0.45) sim.subscribe(node, draw.pick(FILTERS));
  else if (kind < 0.75) sim.unsubscribe(node, draw.pick(FILTERS));
  else if (kind < 0.85) sim.own(node, `q${draw.below(10)}`, sim.scheduler.count);
  else if (kind < 0.9) sim.disown(node, `q${draw.below(10)}`);
  else if (kind < 0.94) sim.cut(node, other);
  else if (kind < 0.99) sim.connect(node, other);
  else sim.restart(node);
}
