// The routes that act on one queue's messages: purge, pause, resume, requeue, peek.
// Lives on: main.
import type { NodeView, PeekedMessage } from '../broker/node-view.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import { emptyBody, emptyQuery, peekQuery, requeueBody } from './queue-schema.ts';
import type { Operation, Route, RouteRequest } from './route.ts';
import { parseInput, parseQuery } from './validation.ts';

export const MESSAGE_ROUTES: readonly Route[] = [
  {
    path: '/api/v1/queues/:name/purge',
    access: 'authorized',
    methods: { POST: action('Remove every waiting message', (view, name) => view.purgeQueue(name)) },
  },
  {
    path: '/api/v1/queues/:name/pause',
    access: 'authorized',
    methods: { POST: action('Stop deliveries; publishes are still taken', (view, name) => view.pauseQueue(name)) },
  },
  {
    path: '/api/v1/queues/:name/resume',
    access: 'authorized',
    methods: { POST: action('Deliver again', (view, name) => view.resumeQueue(name)) },
  },
  {
    path: '/api/v1/queues/:name/requeue',
    access: 'authorized',
    methods: {
      POST: {
        summary: 'Return everything unacked to ready; with "to": move the ready messages to that queue',
        body: requeueBody,
        handle: requeue,
      },
    },
  },
  {
    path: '/api/v1/queues/:name/messages',
    access: 'authorized',
    methods: { GET: { summary: 'Look at the next messages without taking them', query: peekQuery, handle: peek } },
  },
];

/** An operation without arguments. One that answers nothing is answered with {}. */
function action(summary: string, act: (view: NodeView, name: string) => Promise<unknown>): Operation {
  return {
    summary,
    body: emptyBody,
    handle: async ({ view, params, query, body }) => {
      parseQuery(emptyQuery, query);
      parseInput(emptyBody, body ?? {}, 'the request');
      return jsonAnswer((await act(view, params.name)) ?? {});
    },
  };
}

async function requeue({ view, params, query, body }: RouteRequest): Promise<Answer> {
  parseQuery(emptyQuery, query);
  const { to } = parseInput(requeueBody, body ?? {}, 'the request');
  return jsonAnswer(await view.requeue(params.name, to === undefined ? {} : { to }));
}

async function peek({ view, params, query }: RouteRequest): Promise<Answer> {
  const { limit } = parseQuery(peekQuery, query);
  const messages = await view.peekQueue(params.name, limit);
  return jsonAnswer({ messages: messages.map(peekedJson) });
}

/** Of a body shown as text. */
const PREVIEW_BYTES = 200;

/** Names of BodyFormat, by number. An hsmq body is a whole hsmq.v1.hsmq.Message with its topic, key and headers. */
const FORMAT_NAMES: readonly string[] = ['raw', 'hsmq', 'mqtt'];

function peekedJson(message: PeekedMessage): object {
  const { body, format, ...rest } = message;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const preview = previewOf(bytes);
  return { ...rest, format: FORMAT_NAMES[format] ?? String(format), body: bytes.toString('base64'), preview };
}

/** The beginning of a body for people: text as it is, what is none as dots. */
function previewOf(bytes: Buffer): string {
  return bytes.toString('utf8', 0, PREVIEW_BYTES).replace(/[\p{Cc}\ufffd]/gu, '.');
}
