import assert from 'node:assert/strict';
import { type Course, FILTERS, run, SMALL } from '../../../cluster/sim/routes-course.ts';
import { RoutesSim, type SimNode } from '../../../cluster/sim/routes-sim.ts';

/** A cluster without any fault, with some routes. */
function quiet(nodes = 3): { sim: RoutesSim; first: SimNode; second: SimNode } {
  const sim = new RoutesSim({ seed: 7, nodes });
  for (const node of sim.nodes) for (const filter of FILTERS.slice(0, 10)) sim.subscribe(node, filter);
  sim.scheduler.runUntil(2_000);
  return { sim, first: sim.nodes[0], second: sim.nodes[1] };
}

describe('routes in the simulator', () => {
  it('after loss, doubles, disorder, cuts and restarts every copy is its original [I10]', () => {
    const seen = { repairs: 0, snapshots: 0, broken: 0, pulls: 0 };
    for (let seed = 1; seed <= 100; seed++) {
      const sizes = seed % 2 === 0 ? {} : SMALL;
      const sim = run({ seed, nodes: 2 + (seed % 4), actions: 300, sizes });
      assert.deepEqual(sim.check(), [], `seed ${seed}`);
      for (const { routes } of sim.nodes) {
        seen.repairs += routes.figures.routeRepairs;
        seen.snapshots += routes.figures.snapshots;
        seen.broken += routes.figures.brokenSnapshots;
        seen.pulls += routes.figures.pulls;
      }
    }
    assert.ok(seen.repairs > 0, 'altered frames were repaired');
    assert.ok(seen.pulls > 1_000, `gaps were pulled: ${seen.pulls}`);
    assert.ok(seen.snapshots > 100, `whole tables were sent: ${seen.snapshots}`);
    assert.ok(seen.broken > 0, 'and some of them broke off');
  });

  it('what is lost, doubled or late is pulled within seconds, never found by its digest', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const sizes = seed % 2 === 0 ? {} : SMALL;
      const sim = run({ seed, nodes: 3, actions: 300, sizes, faults: { alter: 0 }, healMs: 5_000 });
      assert.deepEqual(sim.check(), [], `seed ${seed}`);
      for (const { routes } of sim.nodes) assert.equal(routes.figures.routeRepairs, 0, `seed ${seed}`);
    }
  });

  it('a snapshot that missed a frame or a chunk is not taken', () => {
    let [broken, whole] = [0, 0];
    for (let seed = 1; seed <= 100; seed++) {
      const sim = new RoutesSim({ seed, nodes: 2, sizes: SMALL });
      const [first, second] = sim.nodes;
      for (let index = 0; index < 60; index++) sim.subscribe(first, `f/${index}`);
      sim.faults = { loss: 0.03, duplicate: 0, alter: 0, reorder: false };
      sim.cut(first, second);
      sim.connect(first, second);
      // Each change is a frame, while chunks are on their way.
      for (let change = 0; change < 60; change++) {
        sim.own(first, `q${change % 30}`, change);
        sim.scheduler.runUntil(sim.scheduler.nowMs + 6);
      }
      sim.heal(5_000);
      assert.deepEqual(sim.check(), [], `seed ${seed}`);
      assert.equal(second.routes.figures.routeRepairs, 0, `seed ${seed}`);
      broken += second.routes.figures.brokenSnapshots;
      whole += second.routes.figures.snapshots;
    }
    assert.ok(broken > 50 && whole > 50, `snapshots: ${broken} broke off, ${whole} did not`);
  });

  it('links in order break no snapshot off, and pull once a connection', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const faults = { loss: 0, duplicate: 0, alter: 0, reorder: false };
      const sim = run({ seed, nodes: 3, actions: 300, sizes: SMALL, faults, healMs: 2_000 });
      assert.deepEqual(sim.check(), [], `seed ${seed}`);
      let [pulls, broken, repairs] = [0, 0, 0];
      for (const { routes } of sim.nodes) {
        pulls += routes.figures.pulls;
        broken += routes.figures.brokenSnapshots;
        repairs += routes.figures.routeRepairs;
      }
      assert.deepEqual([broken, repairs], [0, 0], `seed ${seed}`);
      assert.ok(pulls <= sim.connects * 2, `seed ${seed}: ${pulls} pulls of ${sim.connects} connections`);
    }
  });

  it('every copy is its original while summaries come and go, too', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const sim = run({ seed, nodes: 3, actions: 300, sizes: { summaryAbove: 12, summaryBelow: 6 } });
      assert.deepEqual(sim.check(), [], `seed ${seed}`);
    }
  });

  it('the same seed runs the same events', () => {
    const course: Course = { seed: 11, nodes: 4, actions: 400 };
    const [first, second] = [run(course), run(course)];
    assert.equal(first.scheduler.hash, second.scheduler.hash);
    assert.equal(first.scheduler.count, second.scheduler.count);
    assert.notEqual(run({ ...course, seed: 12 }).scheduler.hash, first.scheduler.hash);
  });

  it('a healthy cluster repairs nothing and pulls once a link', () => {
    const { sim } = quiet(5);
    sim.scheduler.runUntil(300_000);
    assert.deepEqual(sim.check(), []);
    for (const { routes } of sim.nodes) {
      assert.equal(routes.figures.routeRepairs, 0);
      assert.equal(routes.figures.pulls, 4);
      assert.equal(routes.figures.brokenSnapshots, 0);
    }
  });

  it('frames that come twice are counted and cost nothing', () => {
    const { sim, first, second } = quiet(2);
    const { pulls } = second.routes.figures;
    sim.faults = { loss: 0, duplicate: 1, alter: 0, reorder: false };
    for (let index = 0; index < 20; index++) {
      sim.subscribe(first, `twice/${index}`);
      sim.scheduler.runUntil(sim.scheduler.nowMs + 50);
    }
    assert.equal(second.routes.figures.duplicates, 20);
    assert.equal(second.routes.figures.pulls, pulls);
    assert.deepEqual(sim.check(), []);
  });

  it('a barrier ends when every peer that is up has what was said before', () => {
    const { sim, first, second } = quiet();
    sim.subscribe(first, 'new/topic');
    sim.barrier(first, 1);
    assert.equal(second.routes.match('t', 'new/topic').length, 0);
    while (!first.barriers.has(1)) sim.scheduler.step();
    assert.equal(first.barriers.get(1), false, 'it was in time');
    for (const node of sim.nodes.slice(1)) assert.equal(node.routes.match('t', 'new/topic').length, 1);
  });

  it('a barrier waits a second for a peer that does not answer, and counts it', () => {
    const { sim, first } = quiet();
    const beganMs = sim.scheduler.nowMs;
    sim.faults = { loss: 1, duplicate: 0, alter: 0, reorder: false };
    sim.barrier(first, 1);
    while (!first.barriers.has(1)) sim.scheduler.step();
    assert.equal(first.barriers.get(1), true);
    assert.equal(sim.scheduler.nowMs, beganMs + 1_000);
    assert.equal(first.routes.figures.lateBarriers, 1);
  });

  it('a barrier does not wait for a peer whose link goes, nor without any peer', () => {
    const { sim, first } = quiet();
    sim.barrier(first, 1);
    for (const peer of sim.nodes.slice(1)) sim.cut(first, peer);
    assert.equal(first.barriers.get(1), false);
    sim.barrier(first, 2);
    assert.equal(first.barriers.get(2), false);
  });

  it('an altered frame is found by the next head and costs the buckets that differ', () => {
    const { sim, first, second } = quiet(2);
    sim.faults = { loss: 0, duplicate: 0, alter: 1, reorder: false };
    sim.subscribe(first, 'altered/one');
    sim.scheduler.runUntil(sim.scheduler.nowMs + 10);
    sim.faults = { loss: 0, duplicate: 0, alter: 0, reorder: false };
    sim.scheduler.runUntil(sim.scheduler.nowMs + 3_000);
    assert.deepEqual(sim.check(), []);
    assert.equal(second.routes.figures.routeRepairs, 1);
    assert.equal(second.routes.figures.snapshots, 0);
    assert.ok(first.routes.figures.bucketsSent <= 2, `buckets: ${first.routes.figures.bucketsSent}`);
  });
});
