// The routes of the node itself: health, readiness, metrics, ledger, stats and the description of them all.
// Lives on: main.
import type { NodeState, NodeStats } from '../broker/node-view.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import type { Metrics } from './metrics.ts';
import { openApi } from './openapi.ts';
import { emptyQuery, planQuery } from './queue-schema.ts';
import type { Route } from './route.ts';
import { parseQuery } from './validation.ts';

/** Why a node that lives is not ready, by state. */
const NOT_READY: Readonly<Record<Exclude<NodeState, 'serving'>, string>> = {
  starting: 'The node is starting: its queues or ports are not open yet',
  draining: 'The node is draining: it takes no new work and serves its consumers until its queues are empty',
  stopped: 'The node has stopped',
};

/** What a load balancer and Prometheus need; a listener may serve these alone. */
export function observationRoutes(metrics: Metrics, metricsPath: string): Route[] {
  return [
    {
      path: '/health',
      access: 'open',
      // The very body that hsmq answers with; probes compare it.
      methods: { GET: { summary: '200 while the process lives', handle: () => jsonAnswer({ status: 'OK' }) } },
    },
    {
      path: '/ready',
      access: 'open',
      methods: {
        GET: {
          summary: '200 while the node takes work, 503 with a reason while it starts or drains',
          handle: ({ view }) => readiness(view.state()),
        },
      },
    },
    {
      path: metricsPath,
      access: 'metrics',
      methods: {
        GET: {
          summary: 'Metrics in the Prometheus text format',
          handle: async () => ({
            status: 200,
            headers: { 'content-type': metrics.contentType },
            body: await metrics.text(),
          }),
        },
      },
    },
  ];
}

/** Reports for operators. `all` lists every route of the surface, these included, once it is known. */
export function reportRoutes(all: () => readonly Route[]): Route[] {
  return [
    {
      path: '/api/v1/ledger',
      access: 'authorized',
      methods: {
        GET: {
          summary: 'What became of every accepted message, by queue and in total',
          query: emptyQuery,
          handle: async ({ view, query }) => {
            parseQuery(emptyQuery, query);
            return jsonAnswer(await view.ledger());
          },
        },
      },
    },
    {
      path: '/api/v1/stats',
      access: 'authorized',
      methods: {
        GET: {
          summary: 'The node and each of its shards',
          query: emptyQuery,
          handle: async ({ view, query }) => {
            parseQuery(emptyQuery, query);
            const { name, version, startedAtMs } = view;
            const stats = statsJson(await view.stats());
            return jsonAnswer({ name, version, startedAtMs, state: view.state(), ...stats });
          },
        },
      },
    },
    {
      path: '/api/v1/cluster',
      access: 'authorized',
      methods: {
        GET: {
          summary: 'The cluster as this node sees it: members, places of queues, moves',
          query: emptyQuery,
          handle: async ({ view, query }) => {
            parseQuery(emptyQuery, query);
            return jsonAnswer(await view.clusterStatus());
          },
        },
      },
    },
    {
      path: '/api/v1/cluster/plan',
      access: 'authorized',
      methods: {
        GET: {
          summary: 'Which queues would move, also as if a node were not there',
          query: planQuery,
          handle: async ({ view, query }) => {
            const { without } = parseQuery(planQuery, query);
            return jsonAnswer({ moves: await view.clusterPlan(without) });
          },
        },
      },
    },
    {
      path: '/api/v1/openapi.json',
      access: 'authorized',
      methods: { GET: { summary: 'This document', handle: ({ view }) => jsonAnswer(openApi(all(), view.version)) } },
    },
  ];
}

function readiness(state: NodeState): Answer {
  if (state === 'serving') return jsonAnswer({ status: 'ready' });
  return jsonAnswer({ status: state, reason: NOT_READY[state] }, 503);
}

/** The door counts by Map; JSON knows objects. */
function statsJson(stats: NodeStats): object {
  const shards = stats.shards.map((shard) => ({
    ...shard,
    grpc: {
      ...shard.grpc,
      requests: Object.fromEntries(shard.grpc.requests),
      refused: Object.fromEntries(shard.grpc.refused),
    },
  }));
  return { shards };
}
