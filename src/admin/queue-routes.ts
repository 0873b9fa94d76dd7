// The routes of queues: list, look at, declare, delete. What is done to one queue's messages is in message-routes.ts.
// Lives on: main.
import { BrokerError } from '../base/errors.ts';
import type { NodeView } from '../broker/node-view.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import { deleteQuery, emptyQuery, queueDeclaration, queuesQuery } from './queue-schema.ts';
import type { Route, RouteRequest } from './route.ts';
import { parseInput, parseQuery } from './validation.ts';

export const QUEUE_ROUTES: readonly Route[] = [
  {
    path: '/api/v1/queues',
    access: 'authorized',
    methods: {
      GET: { summary: 'List queues by name, one page at a time', query: queuesQuery, handle: listQueues },
    },
  },
  {
    path: '/api/v1/queues/:name',
    access: 'authorized',
    methods: {
      GET: { summary: 'One queue: declaration, place, ledger', query: emptyQuery, handle: showQueue },
      PUT: {
        summary: 'Declare a queue; the same declaration again changes nothing, a different one is refused',
        body: queueDeclaration,
        handle: declareQueue,
      },
      DELETE: { summary: 'Delete a queue with what it holds', query: deleteQuery, handle: deleteQueue },
    },
  },
];

async function listQueues({ view, query }: RouteRequest): Promise<Answer> {
  const { limit, offset, prefix } = parseQuery(queuesQuery, query);
  return jsonAnswer(await view.queues({ limit, offset, ...(prefix === undefined ? {} : { prefix }) }));
}

async function showQueue({ view, params, query }: RouteRequest): Promise<Answer> {
  parseQuery(emptyQuery, query);
  return jsonAnswer(await view.queue(params.name));
}

async function declareQueue({ view, params, query, body }: RouteRequest): Promise<Answer> {
  parseQuery(emptyQuery, query);
  const declaration = parseInput(queueDeclaration, body ?? {}, 'the queue declaration');
  if (declaration.name !== undefined && declaration.name !== params.name) {
    throw new BrokerError(
      'invalid-argument',
      `Cannot declare queue "${params.name}": the body names "${declaration.name}", expected the name of the path`,
    );
  }
  // What is absent is left out, so that the node's defaults apply.
  const given = Object.fromEntries(Object.entries(declaration).filter(([, value]) => value !== undefined));
  const full = { ...given, name: params.name } as Parameters<NodeView['declareQueue']>[0];
  return jsonAnswer(await view.declareQueue(full));
}

async function deleteQueue({ view, params, query }: RouteRequest): Promise<Answer> {
  const { ifEmpty } = parseQuery(deleteQuery, query);
  return jsonAnswer(await view.deleteQueue(params.name, { ifEmpty: ifEmpty === 'true' }));
}
